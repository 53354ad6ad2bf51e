/** The checked manifest as the pipeline sees it: one profile applied, every entry with its place. No I/O. */
import type { Ownership, Position } from './errors.ts';
import type { Reference } from './reference.ts';

/** Milliseconds. */
export type Milliseconds = number;

export type Delivery = 'env' | 'file' | 'fd' | 'none';

export type TemplateFilter = 'url' | 'base64' | 'json' | 'shell';

export type TemplatePart = { readonly text: string } | { readonly name: string; readonly filters: readonly TemplateFilter[] };

export interface PlacedReference {
  readonly reference: Reference;
  readonly at: Position;
}

/** Where a secret's value comes from; exactly one of three. */
export type SecretSource =
  /** The next is asked only when the former is absent. Never empty. */
  | { readonly kind: 'references'; readonly references: readonly [PlacedReference, ...PlacedReference[]] }
  /** Built from other secrets of the manifest. */
  | { readonly kind: 'template'; readonly parts: readonly TemplatePart[]; readonly at: Position }
  /** A plain setting: not masked, and the parent's own value wins. */
  | { readonly kind: 'value'; readonly value: string; readonly at: Position };

export interface RotateSpec {
  /** Name of the rotator, such as `generate`, `provider`, `postgres`, `exec`. */
  readonly using: string;
  readonly every?: Milliseconds;
  readonly grace?: Milliseconds;
  /** Reference of the administrator's credential that the rotator may read. */
  readonly admin?: PlacedReference;
  /** What else the entry says, for the rotator: length, alphabet, command… */
  readonly options: Readonly<Record<string, unknown>>;
  readonly at: Position;
}

/** Where a definition was found, for `explain`. */
export interface Layer {
  /** `manifest`, `profile prod`, `extends ../../.secretsrc`, `.secretsrc.local`, `--env-file .env`, `--ref`. */
  readonly label: string;
  readonly at: Position;
}

export interface SecretSpec extends Ownership {
  readonly name: string;
  readonly at: Position;
  readonly source: SecretSource;
  readonly required: boolean;
  /** Whether the value is masked and never shown; false for `value` entries and where the manifest says so. */
  readonly sensitive: boolean;
  /** Used when every reference is absent; the parent's own value wins over it. */
  readonly default?: string;
  readonly description?: string;
  readonly consumers: readonly string[];
  readonly tags: readonly string[];
  /** Profiles this secret is limited to; undefined means all. */
  readonly profiles?: readonly string[];
  readonly maxAge?: Milliseconds;
  readonly as: Delivery;
  readonly rotate?: RotateSpec;
  /** Whether `setup` may make the value, and how. */
  readonly generate?: GenerateSpec;
  readonly lease?: { readonly nearMax: 'warn' | 'restart' | 'stop' };
  /** Every layer that contributed, from the base up. */
  readonly layers: readonly Layer[];
}

export interface GenerateSpec {
  /** Characters of the generated value. */
  readonly length: number;
  readonly alphabet: Alphabet;
}

export const ALPHABETS = ['base64url', 'alphanumeric', 'hex', 'ascii'] as const;

export type Alphabet = (typeof ALPHABETS)[number];

/** What is made when nobody says otherwise: 240 random bits that no shell, URL or file trips over. */
export const DEFAULT_GENERATE: GenerateSpec = { length: 40, alphabet: 'base64url' };

/** Characters of a generated value, at least and at most: fewer could be guessed, more fit nowhere. */
export const GENERATED_LENGTH = { least: 16, most: 1024 } as const;

/** One provider of the manifest, its options still as written; the adapter's schema checks them. */
export interface ProviderConfig {
  readonly name: string;
  /** Id of the adapter. */
  readonly use: string;
  /** All keys except `use` and `profiles`, with `${profile}` and `${project}` replaced. */
  readonly options: Readonly<Record<string, unknown>>;
  /** Profiles it may be used in; undefined means all. */
  readonly profiles?: readonly string[];
  /** Undefined for a built-in that the manifest does not mention. */
  readonly at?: Position;
  /** Position of an option inside the entry, by its path of keys; falls back to the entry's own. */
  positionOf(path: readonly PropertyKey[]): Position | undefined;
  /** Whether the entry came from the user's own config.yaml, not from a repository. */
  readonly personal: boolean;
  /** Folder that relative paths in the options start from: that of the file the entry stands in. */
  readonly baseDir: string;
}

export interface EnvRules {
  /** true: all of the parent's environment; false: nothing; a list: these names and globs. */
  readonly inherit: boolean | readonly string[];
  readonly pass: readonly string[];
  readonly keep: readonly string[];
  readonly allowDangerous: readonly string[];
}

export interface MaskRules {
  readonly mode: 'auto' | 'always' | 'never';
  /** Bytes. */
  readonly minLength: number;
  readonly requirePty: boolean;
}

export interface AuditRules {
  readonly required: boolean;
  /** Names, or mappings with `use` and the options of the sink. */
  readonly sinks: readonly unknown[];
  /** Those of them that only the user's own `config.yaml` names. */
  readonly personal?: readonly unknown[];
}

/** What a policy may ask of an entry. */
export const POLICY_FIELDS = ['owner', 'contact', 'runbook', 'description', 'maxAge', 'rotate', 'consumers', 'tags'] as const;

export type PolicyField = (typeof POLICY_FIELDS)[number];

export interface PolicyRules {
  readonly overAge: 'warn' | 'refuse';
  /** Fields that every secret with a reference must have. */
  readonly require: readonly PolicyField[];
}

export interface Manifest {
  /** Absolute path of the main file; undefined for a run of `--ref` and `--env-file` alone. */
  readonly path?: string;
  /** Folder of the main file, else the working directory. */
  readonly dir: string;
  /** Every file that was read, main file first. */
  readonly files: readonly string[];
  readonly project?: string;
  /** The profile in effect; undefined where the manifest has none and none was asked for. */
  readonly profile?: string;
  /** Names of all profiles. */
  readonly profiles: readonly string[];
  readonly protected: boolean;
  readonly providers: ReadonlyMap<string, ProviderConfig>;
  readonly env: EnvRules;
  readonly mask: MaskRules;
  readonly audit: AuditRules;
  readonly policy: PolicyRules;
  readonly secrets: ReadonlyMap<string, SecretSpec>;
}
