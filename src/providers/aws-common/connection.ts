/** One signed-in provider entry: a client of the SDK's for each region, and the only way to send a request with it. */
import { Fault } from '../../core/fault.ts';
import type { Host, Operation } from '../../provider-kit/contract.ts';
import { faultOf } from './faults.ts';
import type { Call } from './faults.ts';
import { endpointOf, regionOf } from './options.ts';
import type { AwsOptions } from './options.ts';
import { MfaNeeded, SignInFlow } from './sign-in.ts';
import type { CredentialSource, Credentials } from './sign-in.ts';
import { Transport } from './transport.ts';

/** What an adapter makes its client with. */
interface ClientSettings {
  readonly region?: string;
  readonly profile?: string;
  readonly endpoint?: string;
  readonly credentials: CredentialSource;
  readonly requestHandler: Transport;
  /** Retries belong to the kit. */
  readonly maxAttempts: 1;
  readonly customUserAgent: [string, string][];
}

/** What is asked of a client of the SDK's. */
export interface AwsClient {
  readonly config: { region(): Promise<string>; credentials(): Promise<Credentials> };
  destroy(): void;
}

interface ConnectionSetup<C extends AwsClient> {
  readonly service: 'SECRETS_MANAGER' | 'SSM';
  readonly options: AwsOptions;
  readonly host: Host;
  readonly makeClient: (settings: ClientSettings) => C;
}

export interface RegionalCall extends Call {
  /** Where the document is, if its name says so; default: the provider's region. */
  readonly region?: string | undefined;
}

export class AwsConnection<C extends AwsClient> {
  readonly host: Host;
  readonly #setup: ConnectionSetup<C>;
  readonly #transport: Transport;
  readonly #flow: SignInFlow;
  readonly #clients = new Map<string, Promise<C>>();
  #signedIn: Promise<Credentials> | undefined;

  constructor(setup: ConnectionSetup<C>) {
    this.host = setup.host;
    this.#setup = setup;
    this.#transport = new Transport(setup.host, setup.options);
    this.#flow = new SignInFlow(setup.host, setup.options, this.#transport);
  }

  /** Sends one request, signing in before the first. Throws Fault. */
  async send<T>(op: Operation, call: RegionalCall, run: (client: C, signal: AbortSignal) => Promise<T>): Promise<T> {
    const client = await this.#client(call.region);
    await this.#signIn(op, client);
    return op.call({ what: call.what, kind: call.kind ?? 'read' }, (signal) =>
      this.#transport.during(
        signal,
        (error) => faultOf(error, call, this.host.now()),
        () => run(client, signal),
      ),
    );
  }

  /** The credentials in use. Throws Fault. */
  async signIn(op: Operation): Promise<Credentials> {
    return this.#signIn(op, await this.#client(undefined));
  }

  /** The provider's region. Throws Fault 'options' if nothing says it. */
  async region(): Promise<string> {
    return (await this.#client(undefined)).config.region();
  }

  close(): void {
    for (const client of this.#clients.values()) void client.then((open) => open.destroy()).catch(() => undefined);
    this.#clients.clear();
    this.#transport.destroy();
  }

  #signIn(op: Operation, client: C): Promise<Credentials> {
    this.#signedIn ??= this.#start(op, client).catch((error: unknown) => {
      this.#signedIn = undefined;
      throw error;
    });
    return this.#signedIn;
  }

  async #start(op: Operation, client: C): Promise<Credentials> {
    const take = (): Promise<Credentials> =>
      op.call({ what: 'sign in to AWS' }, (signal) =>
        this.#transport.during(
          signal,
          (error) => (error instanceof Fault ? error : this.#flow.faultOf(error)),
          () => client.config.credentials(),
        ),
      );
    try {
      return await take();
    } catch (error) {
      if (!(error instanceof MfaNeeded)) throw error;
      // Asked here, outside the request's own time limit.
      await this.#flow.askForCode(error.serial);
      return take();
    }
  }

  #client(wanted: string | undefined): Promise<C> {
    const { options, host } = this.#setup;
    const region = wanted ?? regionOf(options, host.env);
    const known = this.#clients.get(region ?? '');
    if (known !== undefined) return known;
    const client = this.#open(region);
    this.#clients.set(region ?? '', client);
    return client;
  }

  async #open(region: string | undefined): Promise<C> {
    const { options, host, service, makeClient } = this.#setup;
    const endpoint = endpointOf(options, host.env, service);
    const { profile } = await this.#flow.chosen();
    const client = makeClient({
      ...(region === undefined ? {} : { region }),
      ...(profile === undefined ? {} : { profile }),
      ...(endpoint === undefined ? {} : { endpoint }),
      credentials: this.#flow.credentials,
      requestHandler: this.#transport,
      maxAttempts: 1,
      customUserAgent: host.userAgent.split(' ').map((part): [string, string] => {
        const [name = '', version = ''] = part.split('/');
        return [name, version];
      }),
    });
    await client.config.region().catch(() => {
      throw new Fault('options', {
        message: 'no AWS region is set',
        hint: `add region: eu-west-1 to the provider ${host.provider}, or set AWS_REGION`,
      });
    });
    return client;
  }
}
