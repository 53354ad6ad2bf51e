/** Requests with the session's token, and what a 403 really means. */
import { Fault } from '../../core/fault.ts';
import type { Host, Operation } from '../../provider-kit/contract.ts';
import type { Settings } from './settings.ts';
import { SignIn, type Token } from './sign-in.ts';
import { Transport, type Answer, type VaultRequest } from './transport.ts';

export interface CallRequest extends VaultRequest {
  /** Names the request, such as `read secret/api`. */
  readonly what: string;
  /** A write is sent once. Default: `read`. */
  readonly kind?: 'read' | 'write';
}

export class VaultClient {
  readonly host: Host;
  /** Of the server. */
  readonly address: string;
  readonly #transport: Transport;
  readonly #signIn: SignIn;
  readonly #checks = new Map<Token, Promise<boolean>>();
  readonly #ended = new WeakSet<Token>();

  constructor(settings: Settings, host: Host) {
    this.host = host;
    this.address = settings.http.baseUrl;
    this.#transport = new Transport(settings, host);
    this.#signIn = new SignIn(settings, host, this.#transport);
  }

  /** Sends one request with the token. A token that has ended is replaced once, if signing in can. */
  async call(request: CallRequest, op: Operation): Promise<Answer> {
    const token = await this.#signIn.token(op);
    try {
      return await this.#send(request, token, op);
    } catch (error) {
      if (!(await this.#hasEnded(token, error, op))) throw error;
    }
    const fresh = await this.#signIn.replace(token, op);
    try {
      return await this.#send(request, fresh, op);
    } catch (error) {
      if (await this.#hasEnded(fresh, error, op)) throw this.#signIn.notValid(fresh);
      throw error;
    }
  }

  /** Sends a request that needs no token. */
  callWithoutToken(request: CallRequest, op: Operation): Promise<Answer> {
    return op.call({ what: request.what }, (signal) => this.#transport.send(request, undefined, signal));
  }

  /** What the session signs in with. @throws Fault as signing in does */
  token(op: Operation): Promise<Token> {
    return this.#signIn.token(op);
  }

  /** Revokes the token that signing in made, and with it the leases that it made: whoever uses one closes after that. */
  async close(): Promise<void> {
    await this.#signIn.end();
    this.#transport.close();
  }

  #send({ what, kind = 'read', ...request }: CallRequest, token: Token, op: Operation): Promise<Answer> {
    return op.call({ what, kind }, (signal) => this.#transport.send(request, token.value, signal));
  }

  /** Whether a 403 is about the token and not about its rights. Parallel refusals share one check; an end is final. */
  async #hasEnded(token: Token, error: unknown, op: Operation): Promise<boolean> {
    if (!(error instanceof Fault) || error.kind !== 'denied') return false;
    if (this.#ended.has(token)) return true;
    let check = this.#checks.get(token);
    if (check === undefined) {
      check = this.#isValid(token, op).finally(() => this.#checks.delete(token));
      this.#checks.set(token, check);
    }
    if (await check) return false;
    this.#ended.add(token);
    return true;
  }

  async #isValid(token: Token, op: Operation): Promise<boolean> {
    // A token without the default policy may not look itself up; the second path needs no policy at all.
    for (const path of ['auth/token/lookup-self', 'sys/internal/ui/mounts']) {
      try {
        await this.#send({ what: 'check the token', method: 'GET', path }, token, op);
        return true;
      } catch (error) {
        if (!(error instanceof Fault)) throw error;
        // Where it can't be known, the refusal stands as it is.
        if (error.kind !== 'denied') return true;
      }
    }
    return false;
  }
}
