/**
 * The shape of the files as data: which keys there are and what type each has. The same data checks a file and makes
 * the JSON Schema for editors.
 *
 * Data of our own and not zod schemas: making those and checking a manifest with them once took 8 ms of CPU, a third
 * of what starting Node takes, and their issues had to be translated back to places and words.
 */
import { DURATION } from '../core/duration.ts';
import { ALPHABETS, GENERATED_LENGTH, POLICY_FIELDS } from '../core/model.ts';
import { PRINTABLE } from '../core/printable.ts';

export type ScalarShape =
  | { readonly kind: 'text'; readonly pattern?: RegExp; readonly expected: string }
  | { readonly kind: 'words'; readonly words: readonly string[] }
  /** A text, or a number, true or false taken as it is written. */
  | { readonly kind: 'setting' }
  | { readonly kind: 'flag' }
  | { readonly kind: 'number'; readonly least: number; readonly most: number };

/** `expected` and `what` complete the messages: "owner must be …", "tags must be a list of …". */
export type Shape = (
  | ScalarShape
  | { readonly kind: 'list'; readonly of: Shape; readonly what: string; readonly least: number }
  | MapShape
  /** Names of the user's choice. */
  | { readonly kind: 'table'; readonly names: NameShape; readonly of: Shape }
  /** Told apart by whether a scalar, a list or a mapping is written. */
  | { readonly kind: 'either'; readonly options: readonly Shape[]; readonly expected: string }
) & {
  /** Whether null, or nothing behind the key, will do as well. */
  readonly nullable?: boolean;
};

export interface MapShape {
  readonly kind: 'map';
  readonly keys: Readonly<Record<string, Shape>>;
  readonly required: readonly string[];
  /** Whether other keys may stand there too. */
  readonly open: boolean;
  /** Whether null removes what a lower layer says under a key. */
  readonly removable: boolean;
  readonly expected: string;
}

interface NameShape {
  readonly pattern: RegExp;
  /** What is said about another name. */
  readonly message: string;
}

/** Of profiles and projects. They are put into references, so they hold nothing that a reference could trip over. */
export const PLAIN_NAME = /^[A-Za-z0-9][A-Za-z0-9._-]{0,127}$/;
export const ENVIRONMENT_NAME = /^[A-Za-z_][A-Za-z0-9_]*$/;

const SECRET_NAME: NameShape = {
  pattern: ENVIRONMENT_NAME,
  message: 'the name is no environment name: letters, digits and _, not a digit first',
};
const PROVIDER_NAME: NameShape = {
  pattern: /^[a-z][a-z0-9-]{0,63}$/,
  message: "the provider's name must be small letters, digits and -, a letter first",
};
const PROFILE_NAME: NameShape = { pattern: PLAIN_NAME, message: 'the name of a profile must be letters, digits, dot, - and _' };

export const FILTERS = ['url', 'base64', 'json', 'shell'] as const;
const ROTATORS = ['generate', 'provider', 'postgres', 'exec'] as const;

const text = (expected: string, pattern?: RegExp): Shape => ({ kind: 'text', expected, ...(pattern === undefined ? {} : { pattern }) });
const words = (...all: readonly string[]): Shape => ({ kind: 'words', words: all });
const list = (of: Shape, what: string, least = 0): Shape => ({ kind: 'list', of, what, least });
const either = (expected: string, ...options: readonly Shape[]): Shape => ({ kind: 'either', options, expected });
const table = (names: NameShape, of: Shape): Shape => ({ kind: 'table', names, of, nullable: true });
const map = (expected: string, keys: MapShape['keys'], rest: Partial<Omit<MapShape, 'kind' | 'keys' | 'expected'>> = {}): MapShape => ({
  kind: 'map',
  keys,
  expected,
  required: [],
  open: false,
  removable: false,
  ...rest,
});

const flag: Shape = { kind: 'flag' };
const setting: Shape = { kind: 'setting' };
const line = text('text on one line, in quotes if it looks like a number', PRINTABLE);
const duration = text('a duration such as 90d, 24h, 15m or 1h30m', DURATION);
const reference = text('a reference such as local://NAME');
const profileName = text('the name of a profile: letters, digits, dot, - and _', PLAIN_NAME);
const profileNames = list(profileName, 'profiles', 1);
const names = list(line, 'names');
const argv = list(text('text'), 'a program and its arguments', 1);

const secretMap = map('', {
  ref: either('a reference or a list of references', reference, list(reference, 'references', 1)),
  template: text('text, in quotes if it looks like a number'),
  value: setting,
  default: setting,
  required: flag,
  sensitive: flag,
  description: line,
  owner: line,
  contact: line,
  runbook: line,
  consumers: names,
  tags: list(line, 'tags'),
  profiles: profileNames,
  maxAge: duration,
  as: words('env', 'file', 'fd', 'none'),
  rotate: map(
    'a mapping such as { using: generate, every: 30d }',
    {
      using: words(...ROTATORS),
      every: duration,
      grace: duration,
      admin: reference,
      length: { kind: 'number', ...GENERATED_LENGTH },
      alphabet: words(...ALPHABETS),
      kind: words('password', 'uuid', 'ed25519', 'rsa'),
      require: list(words('upper', 'lower', 'digit', 'symbol'), 'classes of characters'),
      users: words('single', 'alternate'),
      names: list(line, 'users', 2),
      command: argv,
      before: argv,
      after: argv,
      pass: names,
      timeout: duration,
    },
    { required: ['using'], open: true },
  ),
  generate: flag,
  lease: map('a mapping such as { nearMax: warn }', { nearMax: words('warn', 'restart', 'stop') }, { required: ['nearMax'] }),
});
const secretOf = (entry: MapShape): Shape =>
  either('a reference, inherit, or a mapping such as { ref: … } or { value: … }', reference, entry);
const secretLayer: Shape = { ...secretOf({ ...secretMap, removable: true }), nullable: true };

const provider: Shape & MapShape = {
  ...map('a mapping such as { use: vault, address: … }', { use: line, profiles: profileNames }, { open: true }),
  nullable: true,
};
const providerLayer: Shape = { ...provider, removable: true };

const sink = map(
  'a mapping such as { use: syslog, address: … }',
  {
    use: words('file', 'syslog', 'otlp', 'exec'),
    key: words('file', 'keychain'),
    address: line,
    endpoint: line,
    caFile: line,
    insecureHttp: flag,
    command: list(line, 'words', 1),
  },
  { required: ['use'] },
);

const section = (keys: MapShape['keys']): Shape => ({ ...map('a mapping', keys), nullable: true });
const settings = {
  env: section({ inherit: either('true, false, or a list of names', flag, names), pass: names, keep: names, allowDangerous: names }),
  mask: section({ mode: words('auto', 'always', 'never'), minLength: { kind: 'number', least: 1, most: 1024 }, requirePty: flag }),
  audit: section({
    required: flag,
    sinks: list(either('file, stderr, or a mapping such as { use: syslog, … }', words('file', 'stderr'), sink), 'sinks'),
  }),
};
const policy = section({ overAge: words('warn', 'refuse'), require: list(words(...POLICY_FIELDS), 'fields') });
const overrides = {
  providers: table(PROVIDER_NAME, providerLayer),
  ...settings,
  policy,
  secrets: table(SECRET_NAME, secretLayer),
};
const profiles = table(PROFILE_NAME, {
  ...map('a mapping of keys to values', { extends: profileName, protected: flag, ...overrides }),
  nullable: true,
});
const version: Shape = { kind: 'number', least: 1, most: 1 };
const ROOT = 'a mapping of keys to values';

/** `.secretsrc` */
export const manifestShape = map(ROOT, {
  version,
  project: text('letters, digits, dot, - and _', PLAIN_NAME),
  extends: line,
  defaultProfile: profileName,
  providers: table(PROVIDER_NAME, provider),
  ...settings,
  policy,
  secrets: table(SECRET_NAME, secretOf(secretMap)),
  profiles,
});

/** `.secretsrc.local`: an override of everything; what it is about (project, extends) stays the manifest's. */
export const localShape = map(ROOT, { version, defaultProfile: profileName, ...overrides, profiles });

/** `config.yaml` of the user. */
export const userShape = map(ROOT, { version, providers: table(PROVIDER_NAME, provider), ...settings });
