/** Where the credentials of a provider entry come from, and what went wrong when there are none. */
import { Fault } from '../../core/fault.ts';
import { SecretValue } from '../../core/secret-value.ts';
import type { Host } from '../../provider-kit/contract.ts';
import { faultOf } from './faults.ts';
import { endpointOf, signInsFor, variable } from './options.ts';
import type { AwsOptions, SignIn } from './options.ts';
import { profileIsThere } from './profiles.ts';
import type { Transport } from './transport.ts';

/** In the SDK's shape. */
export interface Credentials {
  readonly accessKeyId: string;
  readonly secretAccessKey: string;
  readonly sessionToken?: string;
  readonly expiration?: Date;
  readonly accountId?: string;
}

/** In the SDK's shape; it passes the settings of the client that asks. */
export type CredentialSource = (properties?: Record<string, unknown>) => Promise<Credentials>;

/** A code of an MFA device is needed, and only a person can read it. */
export class MfaNeeded extends Fault {
  readonly serial: string;

  constructor(serial: string) {
    super('unauthenticated', { message: 'the AWS profile asks for the code of an MFA device', hint: 'run it again at a terminal' });
    this.serial = serial;
  }
}

/** Credentials are taken anew this long before they end. */
const EARLY_MS = 5 * 60_000;

export class SignInFlow {
  readonly #host: Host;
  readonly #options: AwsOptions;
  readonly #transport: Transport;
  readonly #codes = new Map<string, string>();
  readonly #reported = new Set<string>();
  #way: SignIn | undefined;
  #choice: Promise<SignIn> | undefined;
  #source: CredentialSource | undefined;
  #current: Credentials | undefined;
  #running: Promise<Credentials> | undefined;

  constructor(host: Host, options: AwsOptions, transport: Transport) {
    this.#host = host;
    this.#options = options;
    this.#transport = transport;
  }

  /** The credentials, taken once and again before they end. */
  readonly credentials: CredentialSource = (properties) => {
    const { expiration } = this.#current ?? {};
    const fresh = expiration === undefined || expiration.getTime() - this.#host.now().getTime() > EARLY_MS;
    if (this.#current !== undefined && fresh) return Promise.resolve(this.#current);
    this.#running ??= this.#take(properties).finally(() => (this.#running = undefined));
    return this.#running;
  };

  /** The first way whose profile exists: chosen by what is there, never after a refusal. */
  chosen(): Promise<SignIn> {
    this.#choice ??= this.#choose();
    return this.#choice;
  }

  /** Asks a person for the code that {@link MfaNeeded} wants. */
  async askForCode(serial: string): Promise<void> {
    const code = await this.#host.prompt({ kind: 'password', message: `Code of the MFA device ${serial}` });
    this.#codes.set(serial, code.reveal().toString('utf8').trim());
  }

  /** The Fault for what the SDK threw when it looked for credentials. Its text is read, never printed. */
  faultOf(error: unknown): Fault {
    const { name, message, code } = Object(error) as { name?: unknown; message?: unknown; code?: unknown };
    if (code === 'ENOENT' && variable(this.#host.env, 'AWS_WEB_IDENTITY_TOKEN_FILE') !== undefined) {
      return new Fault('unauthenticated', {
        message: 'the file that AWS_WEB_IDENTITY_TOKEN_FILE names is not there',
        hint: 'check AWS_WEB_IDENTITY_TOKEN_FILE, and that the token is mounted',
      });
    }
    const text = typeof message === 'string' ? message : '';
    const profile = this.#way?.profile ?? variable(this.#host.env, 'AWS_PROFILE');
    if (name !== 'CredentialsProviderError' && name !== 'TokenProviderError') {
      const role = this.#way?.roleArn;
      const what = role === undefined ? 'sign in' : `let this identity assume ${role}`;
      const fault = faultOf(error, { what, subject: 'role to sign in with', permission: 'sts:AssumeRole' }, this.#host.now());
      return fault.kind === 'protocol' ? noCredentials(profile) : fault;
    }
    if (/\bForbiddenException\b/.test(text)) {
      return new Fault('denied', {
        message: 'AWS SSO does not give this role to you',
        hint: 'ask for the permission set, or use another profile',
      });
    }
    if (/\bsso\b|\bUnauthorizedException\b|Token is expired/i.test(text)) {
      const named = /profile=([\w.-]+)/.exec(text)?.[1] ?? profile ?? 'default';
      return new Fault('unauthenticated', {
        message: `not signed in to AWS SSO, or the session is over (profile ${named})`,
        hint: `aws sso login --profile ${named}`,
      });
    }
    return noCredentials(profile);
  }

  async #take(properties: Record<string, unknown> | undefined): Promise<Credentials> {
    this.#source ??= await this.#open();
    this.#current = await this.#source(properties);
    return this.#current;
  }

  async #open(): Promise<CredentialSource> {
    this.#way = await this.chosen();
    const { profile, roleArn, externalId, sessionName } = this.#way;
    const base = await this.#base(profile);
    if (roleArn === undefined) return base;
    const { role } = await import('./sdk-credentials.ts');
    const endpoint = endpointOf(this.#options, this.#host.env, 'STS');
    return this.#masked(role({ roleArn, externalId, sessionName: sessionName ?? this.#sessionName(), endpoint, base }, this.#settings()));
  }

  async #choose(): Promise<SignIn> {
    const [first, ...others] = signInsFor(this.#options, this.#host.role);
    if (others.length === 0) return first;
    for (const way of [first, ...others]) {
      if (way.profile === undefined || (await profileIsThere(way.profile, this.#host.env))) return way;
    }
    return first;
  }

  async #base(profile: string | undefined): Promise<CredentialSource> {
    const { env } = this.#host;
    const fromEnvironment = environmentCredentials(env);
    const source =
      profile === undefined && variable(env, 'AWS_PROFILE') === undefined && fromEnvironment !== undefined
        ? () => Promise.resolve(fromEnvironment)
        : (await import('./sdk-credentials.ts')).chain(
            {
              profile: profile ?? variable(env, 'AWS_PROFILE'),
              configFile: variable(env, 'AWS_CONFIG_FILE'),
              credentialsFile: variable(env, 'AWS_SHARED_CREDENTIALS_FILE'),
            },
            this.#settings(),
          );
    return this.#masked(async (properties) => {
      const credentials = await source(properties);
      this.#report(credentials);
      return credentials;
    });
  }

  #settings() {
    return {
      transport: this.#transport,
      mfaCode: (serial: string) => {
        const code = this.#codes.get(serial);
        this.#codes.delete(serial);
        return code === undefined ? Promise.reject(new MfaNeeded(serial)) : Promise.resolve(code);
      },
    };
  }

  /** Names the variables that the credentials came from, so that the child does not get them. */
  #report({ accessKeyId }: Credentials): void {
    const { env } = this.#host;
    if (accessKeyId !== env['AWS_ACCESS_KEY_ID'] || this.#reported.has(accessKeyId)) return;
    this.#reported.add(accessKeyId);
    this.#host.credentialsUsed(CREDENTIAL_VARIABLES.filter((name) => variable(env, name) !== undefined));
  }

  /** The same credentials, registered to be masked. */
  #masked(source: CredentialSource): CredentialSource {
    return async (properties) => {
      const credentials = await source(properties);
      this.#host.sensitive(SecretValue.fromText(credentials.secretAccessKey));
      if (credentials.sessionToken !== undefined) this.#host.sensitive(SecretValue.fromText(credentials.sessionToken));
      return credentials;
    };
  }

  /** Names the run in AWS's own log. */
  #sessionName(): string {
    const run = /run\/([\w-]{1,50})/.exec(this.#host.userAgent)?.[1];
    return run === undefined ? 'secrets' : `secrets-run-${run}`;
  }
}

const CREDENTIAL_VARIABLES = ['AWS_ACCESS_KEY_ID', 'AWS_SECRET_ACCESS_KEY', 'AWS_SESSION_TOKEN'] as const;

/** What the SDK's chain tries first, without loading it. */
function environmentCredentials(env: Host['env']): Credentials | undefined {
  const [accessKeyId, secretAccessKey, sessionToken] = CREDENTIAL_VARIABLES.map((name) => variable(env, name));
  if (accessKeyId === undefined || secretAccessKey === undefined) return undefined;
  const expiration = variable(env, 'AWS_CREDENTIAL_EXPIRATION');
  const accountId = variable(env, 'AWS_ACCOUNT_ID');
  return {
    accessKeyId,
    secretAccessKey,
    ...(sessionToken === undefined ? {} : { sessionToken }),
    ...(expiration === undefined ? {} : { expiration: new Date(expiration) }),
    ...(accountId === undefined ? {} : { accountId }),
  };
}

const noCredentials = (profile: string | undefined): Fault =>
  profile === undefined
    ? new Fault('unauthenticated', {
        message: 'no AWS credentials were found',
        hint: 'aws configure sso, or set AWS_PROFILE, or give the provider a profile',
      })
    : new Fault('unauthenticated', {
        message: `the AWS profile ${profile} gives no credentials`,
        hint: `aws configure list --profile ${profile}`,
      });
