/** Stores the values of an import, one after the other; what an ended import has stored already is left as it is. */
import { SecretsError, throwIssues, type Issue, type Position } from '../core/errors.ts';
import { Fault } from '../core/fault.ts';
import type { Manifest } from '../core/model.ts';
import { SecretValue } from '../core/secret-value.ts';
import { asFault } from '../provider-kit/operation.ts';
import type { Run } from '../run/prepare.ts';
import { putNewValue, putValue, readValues } from '../run/write.ts';
import { checkFits, issueAbout, placedAt, writable } from './stored.ts';
import { targetsOf, type Target } from './target.ts';

export interface ToStore {
  readonly name: string;
  readonly value: string;
  readonly reference: string;
  /** Of the name in the file. */
  readonly at: Position;
}

/** A value with the place where it goes. */
interface Ready {
  readonly target: Target;
  readonly value: SecretValue;
}

/** Checks every reference and value before the first is written. @throws SecretsError with all that is wrong */
export async function checkStorable(items: readonly ToStore[], manifest: Manifest): Promise<readonly Ready[]> {
  const targets = await targetsOf(
    items.map(({ reference }) => reference),
    manifest,
  );
  const byReference = new Map(targets.map((target) => [target.label, target]));
  const issues: Issue[] = [];
  const ready = items.flatMap(({ name, value, reference, at }): readonly Ready[] => {
    const found = byReference.get(reference);
    if (found === undefined) return [];
    const item = { target: placedAt({ ...found, label: name, name }, at), value: SecretValue.fromText(value) };
    try {
      checkFits(item.target, writable(item.target), item.value);
    } catch (error) {
      if (!(error instanceof SecretsError)) throw error;
      issues.push(...error.issues);
    }
    return [item];
  });
  throwIssues(issues);
  return ready;
}

/**
 * @returns versions by name
 * @throws SecretsError CONFLICT for each place that holds another value, unless `overwrite`; the first other failure ends it
 */
export async function storeAll(
  items: readonly Ready[],
  manifest: Manifest,
  run: Run,
  overwrite: boolean,
): Promise<ReadonlyMap<string, string | undefined>> {
  const versions = new Map<string, string | undefined>();
  const conflicts: Issue[] = [];
  for (const { target, value } of items) {
    const reference = writable(target);
    run.sessions.call(reference.placed.reference.text, target.label);
    try {
      versions.set(target.label, (await putNewValue(reference, value, manifest, run.sessions)).version);
    } catch (error) {
      const fault = asFault(error);
      if (fault.kind !== 'conflict') throw new SecretsError(issueAbout(target, fault, reference));
      const [there] = await readValues([reference], manifest, run.sessions);
      if (there?.ok === true && there.value.value.equals(value)) versions.set(target.label, there.value.version);
      else if (overwrite) versions.set(target.label, (await overwriteWith(target, value, run)).version);
      else
        conflicts.push({
          ...issueAbout(target, new Fault('conflict', 'another value is stored there'), reference),
          hint: '--overwrite replaces it with that of the file',
        });
    }
  }
  throwIssues(conflicts);
  return versions;
}

async function overwriteWith(target: Target, value: SecretValue, run: Run): ReturnType<typeof putValue> {
  const reference = writable(target);
  try {
    return await putValue(reference, value, undefined, run.sessions);
  } catch (error) {
    throw new SecretsError(issueAbout(target, asFault(error), reference));
  }
}
