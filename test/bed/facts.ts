/** What a test needs to know about each component of the test bed. All passwords and tokens in here are made up. */

export interface OpenBaoFacts {
  readonly url: string;
  readonly tlsUrl: string;
  /** The root token. */
  readonly token: string;
  /** Lets a test unseal the server after sealing it; only for a bed of the test's own. */
  readonly unsealKey: string;
  readonly caFile: string;
  readonly clientCertFile: string;
  readonly clientKeyFile: string;
  readonly bin: string;
}

export interface AwsFacts {
  /** Endpoint of every AWS service. */
  readonly url: string;
  readonly region: string;
  readonly accessKeyId: string;
  readonly secretAccessKey: string;
}

export interface AzureFacts {
  readonly authorityHost: string;
  readonly vaultUrl: string;
  readonly tenantId: string;
  readonly clientId: string;
  readonly clientSecret: string;
  /** For AZURE_POD_IDENTITY_AUTHORITY_HOST. */
  readonly imdsUrl: string;
  /** For IDENTITY_ENDPOINT and IDENTITY_HEADER. */
  readonly identityEndpoint: string;
  readonly identityHeader: string;
  readonly controlUrl: string;
  readonly caFile: string;
}

interface OidcFacts {
  readonly issuer: string;
  readonly jwksUrl: string;
  readonly controlUrl: string;
}

/** A session bus with an unlocked GNOME keyring, to be given to the program under test. */
interface KeychainFacts {
  /** For DBUS_SESSION_BUS_ADDRESS. */
  readonly busAddress: string;
  /** For XDG_RUNTIME_DIR. */
  readonly runtimeDir: string;
  /** For XDG_DATA_HOME. */
  readonly dataDir: string;
  readonly password: string;
}

/** A server without TLS that asks for a password (scram-sha-256) and holds nothing but the user below. */
export interface PostgresFacts {
  readonly host: string;
  readonly port: number;
  readonly database: string;
  /** The superuser. */
  readonly user: string;
  readonly password: string;
  readonly url: string;
}

interface ToxiproxyFacts {
  /** Of its REST API. Make proxies that listen on 127.0.0.1:0 and read the port in the answer. */
  readonly url: string;
}

/** A program that some tests drive. */
export interface ToolFacts {
  readonly path: string;
}

interface MonorepoFacts {
  /** Folder with the programs `turbo` and `nx`. */
  readonly bin: string;
}

export interface BedFacts {
  readonly openbao: OpenBaoFacts;
  readonly moto: AwsFacts;
  readonly ministack: AwsFacts;
  /** In front of moto: AWS errors in the right wire format, by rules at `<url>/_microburst/rules`. */
  readonly microburst: AwsFacts;
  readonly azure: AzureFacts;
  readonly oidc: OidcFacts;
  readonly keychain: KeychainFacts;
  readonly postgres: PostgresFacts;
  readonly toxiproxy: ToxiproxyFacts;
  readonly age: ToolFacts;
  readonly strace: ToolFacts;
  readonly tmux: ToolFacts;
  readonly zsh: ToolFacts;
  readonly fish: ToolFacts;
  readonly vim: ToolFacts;
  readonly less: ToolFacts;
  readonly htop: ToolFacts;
  readonly monorepo: MonorepoFacts;
}

export type ComponentName = keyof BedFacts;

/** What a bed tells its tests: facts of what runs, and why the rest does not. */
export interface BedReport {
  readonly components: Partial<BedFacts>;
  /** Reason for each component that is not there. */
  readonly skipped: Partial<Record<ComponentName, string>>;
}
