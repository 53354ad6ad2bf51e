/**
 * The stage behind the commands that show things: what is known about secrets without their values, and what it
 * means. Asks only the capability `describe`, whose endpoints return no value, unless reading is asked for.
 */
import { done, failed, Fault, type Outcome } from '../core/fault.ts';
import type { Manifest, SecretSpec } from '../core/model.ts';
import type { Metadata, PendingInfo } from '../provider-kit/contract.ts';
import { fieldPath } from '../provider-kit/json-document.ts';
import { asFault } from '../provider-kit/operation.ts';
import type { ProviderSession, Sessions } from '../provider-kit/session.ts';
import type { PlannedReference } from './plan.ts';
import { isAbsent, resolve } from './resolve.ts';

export interface InspectOptions {
  /** Reads the values of references whose presence the backend can't tell otherwise; they are dropped at once. */
  readonly read?: boolean;
}

/**
 * Metadata of every reference, in their order: one call per session, all sessions at once. Never throws: what fails
 * is an outcome. A backend without `describe` gives presence `unknown`.
 */
export async function inspect(
  references: readonly PlannedReference[],
  manifest: Manifest,
  sessions: Sessions,
  options: InspectOptions = {},
): Promise<readonly Outcome<Metadata>[]> {
  const found = new Map<PlannedReference, Outcome<Metadata>>();
  const groups = new Map<ProviderSession, PlannedReference[]>();
  for (const reference of references) {
    try {
      const session = sessions.get(reference.configured, 'operator');
      if (!session.can('describe')) found.set(reference, done({ presence: 'unknown' }));
      else groups.set(session, [...(groups.get(session) ?? []), reference]);
    } catch (error) {
      found.set(reference, failed(asFault(error)));
    }
  }
  await Promise.all(
    [...groups].map(async ([session, group]) => {
      const outcomes = await describeAll(session, group);
      group.forEach((reference, index) => found.set(reference, outcomes[index] ?? failed(noAnswer)));
    }),
  );
  const all = references.map((reference) => withField(reference, found.get(reference) ?? failed(noAnswer)));
  return options.read === true ? readUnknown(references, all, manifest, sessions) : all;
}

const noAnswer = new Fault('protocol', { code: 'PROVIDER_BUG', message: 'the adapter did not answer' });

async function describeAll(session: ProviderSession, group: readonly PlannedReference[]): Promise<readonly Outcome<Metadata>[]> {
  try {
    return await session.use('describe', (opened, op) =>
      opened.describe(
        group.map(({ parsed }) => parsed),
        op,
      ),
    );
  } catch (error) {
    const fault = asFault(error);
    return group.map(() => failed(fault));
  }
}

/** That a document is there says nothing about a field in it, unless its fields are listed. */
function withField({ parsed }: PlannedReference, outcome: Outcome<Metadata>): Outcome<Metadata> {
  if (!outcome.ok || parsed.field === undefined || outcome.value.presence !== 'present') return outcome;
  const { fields } = outcome.value;
  if (fields === undefined) return done({ ...outcome.value, presence: 'unknown' });
  const [first = parsed.field] = fieldPath(parsed.field) ?? [];
  return fields.includes(first) ? outcome : done({ ...outcome.value, presence: 'absent' });
}

/** Settles what stayed unknown by reading it, each document once. */
async function readUnknown(
  references: readonly PlannedReference[],
  outcomes: readonly Outcome<Metadata>[],
  manifest: Manifest,
  sessions: Sessions,
): Promise<readonly Outcome<Metadata>[]> {
  const isUnknown = (index: number): boolean => {
    const outcome = outcomes[index];
    return outcome?.ok === true && outcome.value.presence === 'unknown';
  };
  const secrets = references.flatMap((reference, index) =>
    isUnknown(index) ? [{ spec: specOf(String(index), reference), injected: false, references: [reference] }] : [],
  );
  const { results } = await resolve({ manifest, secrets, outOfProfile: [] }, sessions);
  return outcomes.map((outcome, index) => {
    const result = results.get(String(index));
    if (result === undefined || !outcome.ok) return outcome;
    if (result.state === 'resolved') {
      const { version, createdAt, expiresAt } = result.secret;
      return done({
        ...outcome.value,
        presence: 'present',
        ...(version === undefined ? {} : { version }),
        ...(createdAt === undefined ? {} : { updatedAt: createdAt }),
        ...(expiresAt === undefined ? {} : { expiresAt }),
      });
    }
    if (result.state === 'incomplete') return outcome;
    return isAbsent(result.fault) ? done({ ...outcome.value, presence: 'absent' }) : failed(result.fault);
  });
}

/**
 * What rotations have made that is not current yet. Reads no value; a backend that does not answer, or knows no pending
 * values, has nothing to say. Never throws.
 */
export async function findPending(
  references: readonly PlannedReference[],
  sessions: Sessions,
): Promise<ReadonlyMap<PlannedReference, PendingInfo>> {
  const found = new Map<PlannedReference, PendingInfo>();
  await Promise.all(
    references.map(async (reference) => {
      try {
        const session = sessions.get(reference.configured, 'operator');
        if (!session.can('pending')) return;
        const info = await session.use('pending', ({ pending }, op) => pending.find(reference.parsed, op));
        if (info !== undefined) found.set(reference, info);
      } catch {
        // the state that its metadata gives is said without it
      }
    }),
  );
  return found;
}

/** An entry that holds one reference and nothing else. */
export const specOf = (name: string, { placed }: Pick<PlannedReference, 'placed'>): SecretSpec => ({
  name,
  at: placed.at,
  source: { kind: 'references', references: [placed] },
  required: true,
  sensitive: true,
  consumers: [],
  tags: [],
  as: 'none',
  layers: [],
});
