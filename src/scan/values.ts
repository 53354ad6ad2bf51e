/** The values that `scan` and `redact` are about: those of the manifest, fetched as a run fetches them. */
import type { Issue } from '../core/errors.ts';
import type { Manifest, SecretSpec } from '../core/model.ts';
import type { SecretValue } from '../core/secret-value.ts';
import { plan, type PlannedReference } from '../run/plan.ts';
import type { Run } from '../run/prepare.ts';
import { resolve, type Resolution } from '../run/resolve.ts';
import { select, type SelectOptions } from '../run/select.ts';
import { about } from '../run/validate.ts';

/** Fetches the chosen secrets, and makes none: a new credential can be nowhere yet. @throws SecretsError of selecting and planning; what can't be fetched is data */
export async function fetchChosen(manifest: Manifest, run: Run, options: SelectOptions): Promise<Resolution> {
  const { injected, support, outOfProfile } = select(manifest, options);
  // All as support, since nothing is injected: how a run would deliver a value is no obstacle.
  return resolve(await plan(manifest, { injected: [], support: [...injected, ...support], outOfProfile }), run.sessions, new Map(), {
    existingOnly: true,
  });
}

/** A value that came from its manager. */
export interface NamedValue {
  readonly name: string;
  readonly value: SecretValue;
  readonly reference: PlannedReference;
}

export interface FetchedValues {
  /** In the manifest's order. */
  readonly values: readonly NamedValue[];
  /** Without a value, so there is nothing that could have been copied. */
  readonly absent: readonly SecretSpec[];
  /** Made anew at each reading, so not read. */
  readonly madeByReading: readonly SecretSpec[];
  /** What could not be fetched. */
  readonly failures: readonly Issue[];
}

/**
 * The sensitive values of the managers. Not among them: what stands in the manifest itself, which is plain values,
 * defaults, and the text of templates, whose secret parts are there under their own names.
 */
export function valuesOf({ plan, results }: Resolution): FetchedValues {
  const values: NamedValue[] = [];
  const absent: SecretSpec[] = [];
  const madeByReading: SecretSpec[] = [];
  const failures: Issue[] = [];
  for (const { spec } of plan.secrets) {
    const result = results.get(spec.name);
    if (!spec.sensitive || result === undefined) continue;
    if (result.state === 'absent') absent.push(spec);
    if (result.state === 'failed' && result.fault.kind === 'unsupported') madeByReading.push(spec);
    else if (result.state === 'failed') {
      const { fault, reference } = result;
      failures.push({ ...about(spec, reference), code: fault.code, message: fault.detail.message, hint: fault.detail.hint });
    }
    if (result.state !== 'resolved') continue;
    const { value, reference } = result.secret;
    if (reference !== undefined && value.size > 0) values.push({ name: spec.name, value, reference });
  }
  const order = new Map([...plan.manifest.secrets.keys()].map((name, index) => [name, index]));
  return {
    values: values.toSorted((one, other) => (order.get(one.name) ?? 0) - (order.get(other.name) ?? 0)),
    absent,
    madeByReading,
    failures,
  };
}

/** Why secrets that are made by reading are left out. */
export const madeByReadingText = (specs: readonly SecretSpec[], what: string): string =>
  `${specs.map(({ name }) => name).join(', ')}: reading makes a new credential, which can be nowhere yet, so none is ${what}`;
