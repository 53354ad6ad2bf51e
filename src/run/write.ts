/**
 * Putting a value into its manager, taking it out, and reading one back: what the commands that change things share.
 * Writes go through the operator's sign-in, reads of values through the workload's.
 */
import { isUtf8 } from 'node:buffer';
import type { Issue } from '../core/errors.ts';
import { monotonicMs } from '../core/monotonic.ts';
import { Fault, failed, type Outcome } from '../core/fault.ts';
import type { Manifest } from '../core/model.ts';
import type { SecretValue } from '../core/secret-value.ts';
import type { DocumentKey, PutResult } from '../provider-kit/contract.ts';
import { asFault } from '../provider-kit/operation.ts';
import { documentId, type ConfiguredProvider, type Sessions } from '../provider-kit/session.ts';
import { inspect, specOf } from './inspect.ts';
import type { PlannedReference } from './plan.ts';
import { resolve, type ResolvedSecret } from './resolve.ts';

type Refusal = Pick<Issue, 'code' | 'message' | 'hint'>;

/** Why nothing can be written to a reference, whatever the value; undefined if it can. Offline. */
export function writeRefusal({ parsed, configured }: PlannedReference): Refusal | undefined {
  const { provider, config } = configured;
  if (!provider.capabilities.includes('put')) {
    return {
      code: 'CAPABILITY_UNSUPPORTED',
      message: `its manager (${provider.title}) takes no values`,
      hint: config.use === 'env' ? 'set the variable where it comes from' : 'secrets providers',
    };
  }
  if (parsed.version === undefined && parsed.stage === undefined) return undefined;
  return {
    code: 'USAGE',
    message: 'the reference is pinned to one version, and a write makes a new one that it would not show',
    hint: 'take the option behind ? off the reference',
  };
}

/** Why this value can't be stored there; undefined if it can. */
export function valueRefusal({ parsed, configured }: PlannedReference, value: SecretValue): Refusal | undefined {
  const { limits, title } = configured.provider;
  if (limits.valueBytes !== undefined && value.size > limits.valueBytes) {
    const most = limits.valueBytes % 1024 === 0 ? `${limits.valueBytes / 1024} KiB` : `${limits.valueBytes} bytes`;
    return { code: 'VALUE_INVALID', message: `the value is too long for ${title}, which takes ${most}`, hint: 'use another manager' };
  }
  if (value.size === 0 && limits.emptyValue === false) {
    return { code: 'VALUE_INVALID', message: `${title} stores no empty values`, hint: 'use another manager, or a plain value' };
  }
  if ((limits.binary === false || parsed.field !== undefined) && !isUtf8(value.reveal())) {
    return {
      code: 'VALUE_INVALID',
      message: `the value is not UTF-8 text, ${parsed.field === undefined ? `which ${title} needs` : 'so it cannot be a field'}`,
      hint: 'store it encoded, for example as base64',
    };
  }
  return undefined;
}

/** Names the document alone, without the field. */
function documentOf({ parsed }: PlannedReference): DocumentKey {
  return {
    key: parsed.key,
    ...(parsed.version === undefined ? {} : { version: parsed.version }),
    ...(parsed.stage === undefined ? {} : { stage: parsed.stage }),
  };
}

/** Whether two entries reach the same backend in the same way. */
export const sameProvider = (one: ConfiguredProvider, other: ConfiguredProvider): boolean =>
  one.config.use === other.config.use && JSON.stringify(one.config.options) === JSON.stringify(other.config.options);

/**
 * Whether removing what one reference means takes away what the other means: the same document, and the same field
 * unless one of them is the whole.
 */
export function overlaps(one: PlannedReference, other: PlannedReference): boolean {
  return sameProvider(one.configured, other.configured) && one.parsed.key === other.parsed.key && fieldsOverlap(one, other);
}

/** Of two references to the same document: whether they mean the same field, or one of them the whole. */
export const fieldsOverlap = ({ parsed: one }: PlannedReference, { parsed: other }: PlannedReference): boolean =>
  one.field === undefined || other.field === undefined || one.field === other.field;

/** Whether both mean the very same value. */
export const isSame = (one: PlannedReference, other: PlannedReference): boolean =>
  sameProvider(one.configured, other.configured) &&
  documentId(documentOf(one)) === documentId(documentOf(other)) &&
  one.parsed.field === other.parsed.field;

/**
 * Writes a value; of a document with several fields only the one that the reference names.
 * @param expect the current version of the document, `absent`, or undefined to write over whatever is there
 * @throws Fault of the adapter; 'conflict' when the expectation is not met
 */
export async function putValue(
  reference: PlannedReference,
  value: SecretValue,
  expect: string | undefined,
  sessions: Sessions,
): Promise<PutResult> {
  const { field } = reference.parsed;
  const patch = { value, rotatedAt: new Date(), ...(field === undefined ? {} : { field }) };
  try {
    return await noted('write', reference, sessions, () =>
      sessions.get(reference.configured, 'operator').use('put', (session, op) => session.put(documentOf(reference), patch, { expect }, op)),
    );
  } catch (error) {
    if (!(error instanceof Fault) || error.kind !== 'timeout') throw error;
    throw new Fault('timeout', { ...error.detail, message: `${error.detail.message}; whether the value was written is not known` });
  }
}

/** A change of a value, noted for the audit log whether it succeeds or not. */
async function noted<T extends PutResult | void>(
  event: 'write' | 'remove',
  reference: PlannedReference,
  sessions: Sessions,
  change: () => Promise<T>,
): Promise<T> {
  await sessions.ready();
  const since = monotonicMs();
  const access = { event, reference: reference.placed.reference.text, provider: reference.configured.config.name };
  const ms = (): number => monotonicMs() - since;
  try {
    const result = await change();
    sessions.note({ ...access, version: result?.version, ms: ms() });
    return result;
  } catch (error) {
    const fault = asFault(error);
    sessions.note({ ...access, fault, requestId: fault.detail.requestId, ms: ms() });
    throw error;
  }
}

/**
 * Writes a value where there is none yet. A field is looked for first, since its neighbours may be there; the version
 * seen then must still be the current one. A manager without versions can only be looked at and then written to.
 * @throws Fault 'conflict' when there is a value already
 */
export async function putNewValue(
  reference: PlannedReference,
  value: SecretValue,
  manifest: Manifest,
  sessions: Sessions,
): Promise<PutResult> {
  const versioned = reference.configured.provider.capabilities.includes('versions');
  if (versioned && reference.parsed.field === undefined) return putValue(reference, value, 'absent', sessions);
  const [found = failed(noAnswer)] = await inspect([reference], manifest, sessions, { read: true });
  if (!found.ok) throw found.fault;
  if (found.value.presence !== 'absent') throw new Fault('conflict', 'there is a value already');
  if (!versioned) return putValue(reference, value, undefined, sessions);
  const expect = found.value.version ?? (await expectedDocument(reference, manifest, sessions));
  return putValue(reference, value, expect, sessions);
}

/** `absent`, or undefined where there is a document without the field, whose version its backend does not tell. */
async function expectedDocument(reference: PlannedReference, manifest: Manifest, sessions: Sessions): Promise<'absent' | undefined> {
  const [found] = await inspect([{ ...reference, parsed: documentOf(reference) }], manifest, sessions);
  return found?.ok === true && found.value.presence === 'absent' ? 'absent' : undefined;
}

/** Removes a value; of a document with several fields only the one that the reference names. @throws Fault */
export async function removeValue(reference: PlannedReference, sessions: Sessions): Promise<void> {
  await noted('remove', reference, sessions, () =>
    sessions
      .get(reference.configured, 'operator')
      .use('remove', (session, op) => session.remove({ ...documentOf(reference), ...fieldOf(reference) }, op)),
  );
}

const fieldOf = ({ parsed }: PlannedReference): { readonly field?: string } => (parsed.field === undefined ? {} : { field: parsed.field });

/** The values that references mean, in their order. Never throws: what fails is an outcome. */
export async function readValues(
  references: readonly PlannedReference[],
  manifest: Manifest,
  sessions: Sessions,
): Promise<readonly Outcome<ResolvedSecret>[]> {
  const secrets = references.map((reference, index) => ({
    spec: specOf(String(index), reference),
    injected: false,
    references: [reference],
  }));
  const { results } = await resolve({ manifest, secrets, outOfProfile: [] }, sessions);
  return references.map((_, index) => {
    const result = results.get(String(index));
    if (result?.state === 'resolved') return { ok: true, value: result.secret };
    return failed(result === undefined || result.state === 'incomplete' ? noAnswer : result.fault);
  });
}

const noAnswer = new Fault('protocol', { code: 'PROVIDER_BUG', message: 'the adapter did not answer' });
