/** What one rotation is about, decided offline: which value, how, and for how long the former one stays. */
import { createHash } from 'node:crypto';
import { formatDuration } from '../core/duration.ts';
import type { Issue } from '../core/errors.ts';
import type { Manifest, Milliseconds, SecretSpec } from '../core/model.ts';
import type { ParsedRef } from '../provider-kit/contract.ts';
import { asFault } from '../provider-kit/operation.ts';
import type { Sessions } from '../provider-kit/session.ts';
import type { PlannedReference } from '../run/plan.ts';
import { writeRefusal } from '../run/write.ts';
import { materialOf } from './material.ts';
import type { Rotator } from './target.ts';

export const ROTATOR_NAMES = ['generate', 'provider', 'postgres', 'exec'] as const;

export type RotatorName = (typeof ROTATOR_NAMES)[number];

/** The former value stays usable for a day when nobody says otherwise. */
export const DEFAULT_GRACE_MS: Milliseconds = 86_400_000;

/** What is asked for on the command line, over what the manifest says. */
export interface Wishes {
  readonly using?: RotatorName | undefined;
  readonly admin?: PlannedReference | undefined;
  readonly grace?: Milliseconds | undefined;
}

export interface Job {
  readonly label: string;
  /** Set if it is a secret of the manifest. */
  readonly name: string | undefined;
  readonly spec: SecretSpec;
  readonly reference: PlannedReference;
  readonly using: RotatorName;
  /** What is replaced: the reference's value, or the document around it. */
  readonly unit: ParsedRef;
  readonly rotator: Rotator | undefined;
  readonly options: Readonly<Record<string, unknown>>;
  readonly admin: PlannedReference | undefined;
  readonly grace: Milliseconds;
  readonly manifest: Pick<Manifest, 'path' | 'profile' | 'dir'>;
}

type Refusal = Pick<Issue, 'code' | 'message' | 'hint'>;

/** Why this can't be rotated, or the job. Loads the rotator, asks nobody. */
export async function jobFor(
  target: Pick<Job, 'label' | 'spec'> & {
    readonly name?: string;
    readonly references: readonly PlannedReference[];
  },
  wishes: Wishes,
  manifest: Job['manifest'],
  planAdmin: (spec: SecretSpec) => Promise<PlannedReference | undefined>,
): Promise<Job | Refusal> {
  const { label, name, spec, references } = target;
  const [reference] = references;
  if (reference === undefined)
    return {
      code: 'CAPABILITY_UNSUPPORTED',
      message:
        spec.source.kind === 'template'
          ? 'it is built from other secrets and has no value of its own'
          : 'it is a plain setting of the manifest',
      hint: spec.source.kind === 'template' ? partsHint(spec) : 'change it in the manifest',
    };
  const using = wishes.using ?? ROTATOR_NAMES.find((known) => known === spec.rotate?.using);
  if (using === undefined)
    return {
      code: 'USAGE',
      message: 'nothing says how it is rotated',
      hint: `secrets rotate ${label} --using generate, or add rotate: { using: … } to its entry`,
    };
  const refusal = refusalOf(reference, using);
  if (refusal !== undefined) return refusal;
  const options = spec.rotate?.options ?? {};
  try {
    if (using === 'generate' || using === 'postgres') materialOf(options);
    const rotator = await loadRotator(using);
    return {
      label,
      name,
      spec,
      reference,
      using,
      unit: rotator?.unit(reference.parsed, options) ?? reference.parsed,
      rotator,
      options,
      admin: wishes.admin ?? (await planAdmin(spec)),
      grace: wishes.grace ?? spec.rotate?.grace ?? DEFAULT_GRACE_MS,
      manifest,
    };
  } catch (error) {
    const { code, detail } = asFault(error);
    return { code: code === 'PROVIDER_OPTIONS' ? 'MANIFEST_INVALID' : code, message: detail.message, hint: detail.hint };
  }
}

async function loadRotator(using: RotatorName): Promise<Rotator | undefined> {
  if (using === 'postgres') return (await import('./postgres/index.ts')).postgres;
  if (using === 'exec') return (await import('./exec/index.ts')).exec;
  return undefined;
}

function refusalOf(reference: PlannedReference, using: RotatorName): Refusal | undefined {
  const { title, capabilities } = reference.configured.provider;
  if (using === 'provider') {
    return capabilities.includes('rotate')
      ? undefined
      : { code: 'CAPABILITY_UNSUPPORTED', message: `${title} rotates nothing by itself`, hint: 'use another rotator, such as generate' };
  }
  const refusal = writeRefusal(reference);
  if (refusal !== undefined || using === 'generate' || capabilities.includes('pending')) return refusal;
  return {
    code: 'CAPABILITY_UNSUPPORTED',
    message: `${title} has no room for a value that is not current yet, which ${using} needs`,
    hint: 'secrets move NAME --to REFERENCE takes it to a manager that has',
  };
}

function partsHint({ source }: SecretSpec): string {
  const parts = source.kind === 'template' ? source.parts.flatMap((part) => ('name' in part ? [part.name] : [])) : [];
  return parts.length === 0 ? 'change its template in the manifest' : `secrets rotate ${parts[0] ?? 'NAME'}`;
}

/** What this machine calls the document: equal for two references that mean the same one. @throws Fault 'options' */
export function documentOf({ reference, unit }: Pick<Job, 'reference' | 'unit'>, sessions: Sessions): string {
  const identity = sessions.identity(reference.configured, 'rotate');
  return createHash('sha256')
    .update(JSON.stringify([identity, unit.key]))
    .digest('hex')
    .slice(0, 32);
}

/** `after 1d`, `at once` */
export const graceText = (grace: Milliseconds): string => (grace === 0 ? 'at once' : `after ${formatDuration(grace)}`);
