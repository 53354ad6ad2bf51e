/** Putting one value where a reference says, as the commands do it: refusals as issues, and what is said afterwards. */
import { SecretsError, type Issue, type Position } from '../core/errors.ts';
import { Fault } from '../core/fault.ts';
import type { SecretValue } from '../core/secret-value.ts';
import { asFault } from '../provider-kit/operation.ts';
import type { PlannedReference } from '../run/plan.ts';
import { valueRefusal, writeRefusal } from '../run/write.ts';
import { isReference, issueOf, type Target } from './target.ts';

/** The reference that is written: the first. @throws SecretsError for one that can't be, before any value is asked for */
export function writable(target: Target): PlannedReference {
  const [reference] = target.references;
  if (reference === undefined) throw new SecretsError(noReference(target));
  const refusal = writeRefusal(reference);
  if (refusal !== undefined)
    throw new SecretsError({ ...issueAbout(target, new Fault('unsupported', refusal.message), reference), ...refusal });
  return reference;
}

function noReference({ label, spec }: Target): Issue {
  const parts = spec.source.kind === 'template' ? spec.source.parts.flatMap((part) => ('name' in part ? [part.name] : [])) : [];
  return {
    code: 'CAPABILITY_UNSUPPORTED',
    name: label,
    at: spec.at,
    message:
      spec.source.kind === 'template'
        ? 'it is built from other secrets and has no value of its own'
        : 'it is a plain setting, written in the manifest itself',
    hint:
      spec.source.kind === 'template'
        ? parts.length === 0
          ? 'change its template in the manifest'
          : `secrets set ${parts[0]}`
        : `change it there, or make it a secret: secrets set ${label} --ref REFERENCE`,
  };
}

/** @throws SecretsError VALUE_INVALID */
export function checkFits(target: Target, reference: PlannedReference, value: SecretValue): void {
  const refusal = valueRefusal(reference, value);
  if (refusal !== undefined) throw new SecretsError({ ...issueAbout(target, new Fault('ref', refusal.message), reference), ...refusal });
}

/** The secret's name: the manifest's, or the one that it is to get; undefined for a reference. */
export const nameOf = ({ name, label }: Target): string | undefined => name ?? (isReference(label) ? undefined : label);

/** A target whose messages point to another place than the command line, where its reference was given. */
export const placedAt = (target: Target, at: Position): Target => ({
  ...target,
  spec: { ...target.spec, at },
  references: target.references.map((reference) => ({ ...reference, placed: { ...reference.placed, at } })),
});

/** What went wrong with a target's reference, under the secret's name even where the manifest does not have it yet. */
export const issueAbout = (target: Target, fault: Fault, reference: PlannedReference): Issue => ({
  ...issueOf(target, fault, reference),
  name: nameOf(target),
});

/** A failure of an adapter's as the error of this command. */
export function failure(target: Target, error: unknown, reference: PlannedReference, hint?: string): SecretsError {
  if (error instanceof SecretsError) return error;
  const issue = issueAbout(target, asFault(error), reference);
  return new SecretsError({ ...issue, hint: hint ?? issue.hint });
}

/** `, version 3`; nothing where the manager has none. */
export const versionText = (version: string | undefined): string => (version === undefined ? '' : `, version ${version}`);
