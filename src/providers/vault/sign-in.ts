/** The token of a session: found or made once, made anew after it ended, revoked if it was ours. */
import { Fault, plainWord } from '../../core/fault.ts';
import { SecretValue } from '../../core/secret-value.ts';
import type { Host, Operation } from '../../provider-kit/contract.ts';
import { findCredential, type Credential } from './credentials.ts';
import { githubIdToken } from './github-oidc.ts';
import { objectAt, stringAt } from './json.ts';
import type { Settings } from './settings.ts';
import type { Transport } from './transport.ts';
import { unwrapSecretId } from './wrapping.ts';

/** Milliseconds that revoking may take when a session ends. */
const REVOKE_MS = 2_000;

export interface Token {
  readonly value: SecretValue;
  /** What it came from, for messages: `VAULT_TOKEN`, `auth/jwt`. */
  readonly from: string;
  /** Whether this session made it by signing in. */
  readonly isOurs: boolean;
  /** Ours, and no batch token: those can't be revoked. */
  readonly isRevocable: boolean;
}

type Login = Extract<Credential, { kind: 'login' }>;

export class SignIn {
  readonly #settings: Settings;
  readonly #host: Host;
  readonly #transport: Transport;
  /** Tokens that another one was asked for, so that many callers with the same ended token sign in once. */
  readonly #replaced = new WeakSet<Token>();
  #token: Promise<Token> | undefined;
  /** Can be had once, and signing in again needs it again. */
  #unwrapped: Promise<SecretValue> | undefined;

  constructor(settings: Settings, host: Host, transport: Transport) {
    this.#settings = settings;
    this.#host = host;
    this.#transport = transport;
  }

  /** The token; however many ask, there is one sign-in. A refusal is final, anything else may be tried again. */
  async token(op: Operation): Promise<Token> {
    const asked = (this.#token ??= this.#acquire(op));
    try {
      return await asked;
    } catch (error) {
      const isFinal = error instanceof Fault && (error.kind === 'unauthenticated' || error.kind === 'options');
      if (!isFinal && this.#token === asked) this.#token = undefined;
      throw error;
    }
  }

  /** A new token in place of one that is no longer valid. @throws Fault 'unauthenticated' where there is no other */
  replace(ended: Token, op: Operation): Promise<Token> {
    if (!this.#replaced.has(ended)) {
      if (!ended.isOurs) throw this.notValid(ended);
      this.#replaced.add(ended);
      this.#token = this.#acquire(op);
    }
    return this.token(op);
  }

  notValid({ from, isOurs }: Token): Fault {
    const { provider } = this.#host;
    if (isOurs) {
      return new Fault('unauthenticated', {
        message: `${provider} no longer accepts the token it gave at ${from}`,
        hint: `check the token lifetime and the number of uses of the role at ${from}`,
        status: 403,
      });
    }
    const isFile = /[./]/.test(from);
    return new Fault('unauthenticated', {
      message: `${provider} does not accept the token of ${from}: it is wrong, expired or revoked`,
      hint: isFile ? 'sign in again: bao login (or vault login)' : `sign in again and set ${from}`,
      status: 403,
    });
  }

  /** Revokes the token if signing in here made it. Bounded in time; never throws. */
  async end(): Promise<void> {
    const held = this.#token;
    this.#token = undefined;
    const token = await held?.catch(() => undefined);
    if (token === undefined || !token.isRevocable) return;
    const revoke = { method: 'POST', path: 'auth/token/revoke-self', body: '{}' } as const;
    await this.#transport.send(revoke, token.value, AbortSignal.timeout(REVOKE_MS)).catch(() => undefined);
  }

  async #acquire(op: Operation): Promise<Token> {
    const credential = await findCredential(this.#settings.methods, this.#host);
    if (credential.kind === 'login') return this.#login(credential, op);
    return { value: credential.token, from: credential.from, isOurs: false, isRevocable: false };
  }

  async #login(login: Login, op: Operation): Promise<Token> {
    const { mount, fields, secretField } = login;
    const proof = await this.#proof(login, op);
    const about = `auth/${mount}`;
    const answer = await op
      .call({ what: `sign in at ${about}` }, (signal) => {
        const body = JSON.stringify({ ...fields, [secretField]: proof.reveal().toString('latin1') });
        return this.#transport.send({ method: 'POST', path: `${about}/login`, body, about }, undefined, signal);
      })
      .catch((error: unknown) => {
        throw this.#refused(error, login);
      });
    const auth = objectAt(answer.json, 'auth');
    const token = stringAt(auth, 'client_token');
    if (token === undefined || token === '') {
      const wantsMore = objectAt(auth, 'mfa_requirement') !== undefined;
      throw new Fault(wantsMore ? 'unauthenticated' : 'protocol', {
        message: `${this.#host.provider} answered the sign-in at ${about} without a token${wantsMore ? ': it asks for a second factor' : ''}`,
        hint: 'use a role without a second factor, or another sign-in method',
      });
    }
    const value = SecretValue.fromText(token);
    this.#host.sensitive(value);
    // What the server's audit log calls the same principal.
    const entity = plainWord(stringAt(auth, 'entity_id'));
    this.#host.signedInAs?.(entity === undefined ? about : `${about} entity ${entity}`);
    return { value, from: about, isOurs: true, isRevocable: stringAt(auth, 'token_type') !== 'batch' };
  }

  #proof({ secret, mount, isWrapped }: Login, op: Operation): Promise<SecretValue> {
    if (!(secret instanceof SecretValue)) return githubIdToken(secret.audience, this.#host, op);
    if (isWrapped !== true) return Promise.resolve(secret);
    return (this.#unwrapped ??= unwrapSecretId(secret, mount, this.#transport, this.#host, op));
  }

  /** The server's 400, 403 and 404 for a login all mean that these credentials don't sign in. */
  #refused(error: unknown, { mount, method, check }: Login): unknown {
    if (!(error instanceof Fault)) return error;
    const { status } = error.detail;
    const isRefusal = (status === 400 && error.kind === 'protocol') || error.kind === 'denied' || error.kind === 'not-found';
    if (!isRefusal || status === undefined) return error;
    return new Fault('unauthenticated', {
      message: `${this.#host.provider} refused the ${method} sign-in at auth/${mount} (${status})`,
      hint: `${check}; check too that the method is enabled at auth/${mount}`,
      status,
    });
  }
}
