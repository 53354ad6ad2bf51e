/**
 * Stage 6: the child's environment. Pure: the parent's environment by rule, minus the credentials that this run
 * signed in with, plus the secrets.
 */
import { isUtf8 } from 'node:buffer';
import { throwIssues, type Issue } from '../core/errors.ts';
import { globPattern } from '../core/glob.ts';
import type { EnvRules, SecretSpec } from '../core/model.ts';
import { execBytes, MAX_VARIABLE_BYTES } from '../platform/limits.ts';
import { isDangerous } from './dangerous-names.ts';
import { isFileDelivery, type FileSecret } from './handover.ts';
import { about, type ValidSecret } from './validate.ts';

export type Environment = Readonly<Record<string, string>>;

export interface ComposeInput {
  readonly parent: Readonly<Record<string, string | undefined>>;
  readonly rules: EnvRules;
  readonly secrets: readonly ValidSecret[];
  /** Names whose values this run signed in with. */
  readonly credentialsUsed: Iterable<string>;
  /** What the child gets as SECRETS_RUN. */
  readonly runId: string;
  /** The path that stands for a secret with `as: file` or `as: fd`; without it such a secret is refused. */
  readonly pathOf?: ((spec: SecretSpec) => string) | undefined;
  /** Program and arguments, which share the system's limit with the environment. */
  readonly argv: readonly string[];
  /** Bytes. */
  readonly maxExecBytes: number;
  /** Whether names that differ only in case are the same variable (Windows). */
  readonly foldCase?: boolean;
}

export interface Composed {
  readonly env: Environment;
  /** Names of injected secrets. */
  readonly injected: readonly string[];
  /** Those of them whose variable holds a path, which is still to be made. */
  readonly files: readonly FileSecret[];
  /** Sign-in credentials that the child does not get. */
  readonly scrubbed: readonly string[];
  /** Names where a secret replaced a value of the parent's. */
  readonly overridden: readonly string[];
  /** Names where the parent's own value won. */
  readonly kept: readonly string[];
}

/** Credentials that only make sense together: when one was used, all go. */
const SETS: readonly (readonly string[])[] = [['AWS_ACCESS_KEY_ID', 'AWS_SECRET_ACCESS_KEY', 'AWS_SESSION_TOKEN']];
/** The key of the local store reaches no child, whatever is asked. */
const NEVER = ['SECRETS_PASSPHRASE', 'SECRETS_IDENTITY_FILE'];

const NAME = /^[A-Za-z_][A-Za-z0-9_]*$/;

function wholeSets(credentials: Iterable<string>, fold: (name: string) => string): Set<string> {
  const used = new Set([...credentials].map(fold));
  for (const set of SETS) if (set.some((name) => used.has(fold(name)))) for (const name of set) used.add(fold(name));
  return used;
}

/** An environment for a program of the user's that gets no secret: what it is, minus the credentials that were signed in with. */
export function withoutCredentials(parent: ComposeInput['parent'], credentialsUsed: Iterable<string>): Environment {
  const removed = new Set([...wholeSets(credentialsUsed, (name) => name), ...NEVER]);
  return Object.fromEntries(
    Object.entries(parent).flatMap(([name, value]) => (value === undefined || removed.has(name) ? [] : [[name, value]])),
  );
}

/** @throws SecretsError with every name and value that can't be handed to a program */
export function compose(input: ComposeInput): Composed {
  const fold = (name: string): string => (input.foldCase === true ? name.toUpperCase() : name);
  const parent = new Map(
    Object.entries(input.parent).flatMap(([name, value]) => (value === undefined ? [] : [[fold(name), { name, value }] as const])),
  );
  const pass = new Set(input.rules.pass.map(fold));
  const used = wholeSets(input.credentialsUsed, fold);

  const env = new Map<string, { readonly name: string; readonly value: string }>();
  const inherited = matcher(input.rules.inherit, fold);
  const scrubbed: string[] = [];
  for (const [key, variable] of parent) {
    if (NEVER.includes(key)) continue;
    if (used.has(key) && !pass.has(key)) scrubbed.push(variable.name);
    else if (inherited(key) || pass.has(key)) env.set(key, variable);
  }

  const issues: Issue[] = [];
  const injected: string[] = [];
  const files: FileSecret[] = [];
  const overridden: string[] = [];
  const kept: string[] = [];
  const keep = new Set(input.rules.keep.map(fold));
  for (const valid of input.secrets) {
    if (!valid.injected) continue;
    const { name, as } = valid.spec;
    const key = fold(name);
    const own = env.get(key);
    const yields = valid.secret.from === 'value' || valid.secret.from === 'default';
    if (own !== undefined && (yields || keep.has(key))) {
      kept.push(name);
      continue;
    }
    const file = isFileDelivery(as) ? { as, path: input.pathOf?.(valid.spec) } : undefined;
    const problem =
      nameProblem(valid, input.rules) ?? (file === undefined ? valueProblem(valid) : file.path === undefined ? NO_FILES : undefined);
    if (problem !== undefined) {
      issues.push({ ...about(valid.spec, valid.secret.reference), ...problem });
      continue;
    }
    if (own !== undefined) overridden.push(name);
    const { value } = valid.secret;
    if (file?.path !== undefined) files.push({ name, as: file.as, path: file.path, value });
    env.set(key, { name, value: file?.path ?? value.reveal().toString('utf8') });
    injected.push(name);
  }
  env.set(fold('SECRETS_RUN'), { name: 'SECRETS_RUN', value: input.runId });

  if (issues.length === 0) {
    const bytes = execBytes([...input.argv, ...[...env.values()].map(({ name, value }) => `${name}=${value}`)]);
    if (bytes > input.maxExecBytes) {
      issues.push({
        code: 'ENV_INVALID',
        message: `arguments and environment together take more than the ${Math.floor(input.maxExecBytes / 1024)} KiB that this system gives to a program`,
        hint: 'inject fewer secrets (--only, --tag), or inherit less (--inherit)',
      });
    }
  }
  throwIssues(issues);
  return {
    env: Object.fromEntries([...env.values()].map(({ name, value }) => [name, value])),
    injected,
    files,
    scrubbed,
    overridden,
    kept,
  };
}

type Problem = Pick<Issue, 'code' | 'message' | 'hint'>;

const NO_FILES: Problem = {
  code: 'CAPABILITY_UNSUPPORTED',
  message: 'only secrets run hands a value over in a file or descriptor',
  hint: 'use as: env, or leave it out with --except',
};

function nameProblem({ spec }: ValidSecret, rules: EnvRules): Problem | undefined {
  if (!NAME.test(spec.name))
    return {
      code: 'ENV_INVALID',
      message: 'this is no name for an environment variable',
      hint: 'use letters, digits and _, not beginning with a digit',
    };
  if (isDangerous(spec.name) && !rules.allowDangerous.includes(spec.name)) {
    return {
      code: 'ENV_INVALID',
      message: 'a variable of this name makes programs load or run other code, so it is refused',
      hint: `if it is meant, write env: { allowDangerous: [${spec.name}] } in the manifest`,
    };
  }
  return undefined;
}

/** Why a value can't be in a variable; never says anything about its content but the kind of problem. */
function valueProblem({ spec, secret }: ValidSecret): Problem | undefined {
  const bytes = secret.value.reveal();
  if (bytes.includes(0))
    return {
      code: 'VALUE_INVALID',
      message: 'the value holds a NUL byte, which no environment variable can carry',
      hint: 'store it encoded, for example as base64, or hand it over with as: file',
    };
  if (!isUtf8(bytes))
    return {
      code: 'VALUE_INVALID',
      message: 'the value is not UTF-8 text, which an environment variable must be here',
      hint: `use a template: "\${${spec.name}|base64}" hands it over encoded`,
    };
  if (bytes.length + Buffer.byteLength(spec.name) + 2 > MAX_VARIABLE_BYTES) {
    return {
      code: 'VALUE_INVALID',
      message: 'the value is too long for an environment variable: 128 KiB with its name is the limit',
      hint: 'hand it over with as: file, or store a shorter value',
    };
  }
  return undefined;
}

/** Whether a name is inherited: all, none, or by names and globs with `*`. */
function matcher(inherit: EnvRules['inherit'], fold: (name: string) => string): (name: string) => boolean {
  if (typeof inherit === 'boolean') return () => inherit;
  const patterns = inherit.map((glob) => globPattern(fold(glob)));
  return (name) => patterns.some((pattern) => pattern.test(name));
}
