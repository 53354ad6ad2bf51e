/**
 * Stage 4: fetches what the plan names. The failure of one secret is data here; `validate` decides what it means.
 */
import { Fault, failed, done, type Outcome } from '../core/fault.ts';
import { monotonicMs } from '../core/monotonic.ts';
import { SecretValue } from '../core/secret-value.ts';
import { extractField } from '../provider-kit/json-document.ts';
import { documentId, type Access, type ProviderSession, type ReadOptions, type Sessions } from '../provider-kit/session.ts';
import type { Document, DocumentKey, Lease } from '../provider-kit/contract.ts';
import type { Plan, PlannedReference, PlannedSecret } from './plan.ts';
import { fillTemplate } from './template.ts';

/** A secret's value and where it came from. */
export interface ResolvedSecret {
  readonly value: SecretValue;
  /**
   * `provider`: fetched; `sealed`: from a sealed file; `template`, `value`, `default`: from the manifest; the parent's
   * own value may win over the last two.
   */
  readonly from: 'provider' | 'sealed' | 'template' | 'value' | 'default';
  readonly reference?: PlannedReference;
  readonly version?: string;
  readonly createdAt?: Date;
  readonly expiresAt?: Date;
  readonly lease?: Lease;
  readonly requestId?: string;
  /** Id of the run around this one, whose child we are, if the value was taken from there. */
  readonly outerRun?: string;
}

/** What became of one planned secret. `absent`: every reference says that there is nothing. */
export type Resolved =
  | { readonly state: 'resolved'; readonly secret: ResolvedSecret }
  | { readonly state: 'absent'; readonly fault: Fault; readonly reference: PlannedReference }
  | { readonly state: 'failed'; readonly fault: Fault; readonly reference: PlannedReference }
  /** A template without some of the values it needs. */
  | { readonly state: 'incomplete'; readonly missing: readonly string[] };

export interface Resolution {
  readonly plan: Plan;
  readonly results: ReadonlyMap<string, Resolved>;
}

/** Whether a fault says "there is nothing", so that the next reference of a list may be asked. */
export const isAbsent = (fault: Fault): boolean =>
  fault.kind === 'not-found' || (fault.kind === 'no-field' && fault.code === 'FIELD_NOT_FOUND');

/** @param known results that need no fetching, by name */
export async function resolve(
  plan: Plan,
  sessions: Sessions,
  known: ReadonlyMap<string, Resolved> = new Map(),
  options: ReadOptions = {},
): Promise<Resolution> {
  const results = new Map(known);
  let waiting = plan.secrets.filter((secret) => secret.references.length > 0 && !known.has(secret.spec.name));
  // Each wave asks every secret's next reference at once; most runs have one wave.
  for (let wave = 0; waiting.length > 0; wave++) {
    const asked = waiting.flatMap((secret) => {
      const reference = secret.references[wave];
      return reference === undefined ? [] : [{ secret, reference }];
    });
    if (wave === 0) await sessions.ready();
    const fetched = await fetchAll(
      asked.map(({ reference }) => reference),
      sessions,
      options,
    );
    waiting = [];
    asked.forEach(({ secret, reference }, index) => {
      const { outcome, ms } = fetched[index] ?? { outcome: failed(noAnswer), ms: 0 };
      sessions.note(accessOf(secret, reference, outcome, ms));
      const last = wave + 1 >= secret.references.length;
      if (outcome.ok) results.set(secret.spec.name, { state: 'resolved', secret: outcome.value });
      else if (!isAbsent(outcome.fault)) results.set(secret.spec.name, { state: 'failed', fault: outcome.fault, reference });
      else if (last) results.set(secret.spec.name, withDefault(secret) ?? { state: 'absent', fault: outcome.fault, reference });
      else waiting.push(secret);
    });
  }
  const byName = new Map(plan.secrets.map((secret) => [secret.spec.name, secret]));
  for (const secret of plan.secrets) fillIn(secret, byName, results);
  return { plan, results };
}

function accessOf({ spec }: PlannedSecret, reference: PlannedReference, outcome: Outcome<ResolvedSecret>, ms: number): Access {
  return {
    event: 'read',
    // A reference of the command line has an entry that only we made.
    name: spec.layers.length > 0 ? spec.name : undefined,
    reference: reference.placed.reference.text,
    provider: reference.configured.config.name,
    ...(outcome.ok
      ? { version: outcome.value.version, requestId: outcome.value.requestId }
      : { fault: outcome.fault, requestId: outcome.fault.detail.requestId }),
    ms,
  };
}

function withDefault({ spec }: PlannedSecret): Resolved | undefined {
  if (spec.default === undefined) return undefined;
  return { state: 'resolved', secret: { value: SecretValue.fromText(spec.default), from: 'default' } };
}

interface Fetched {
  readonly outcome: Outcome<ResolvedSecret>;
  /** How long its provider took for all that it was asked for. */
  readonly ms: number;
}

/** Fetches each document once, however many references point into it, and takes the fields out. */
async function fetchAll(references: readonly PlannedReference[], sessions: Sessions, options: ReadOptions): Promise<readonly Fetched[]> {
  const groups = new Map<ProviderSession, Map<string, DocumentKey>>();
  const sessionOf = new Map<PlannedReference, ProviderSession | Fault>();
  for (const reference of references) {
    const session = openSession(reference, sessions);
    sessionOf.set(reference, session);
    if (session instanceof Fault) continue;
    const keys = groups.get(session) ?? new Map<string, DocumentKey>();
    keys.set(documentId(reference.parsed), keyOf(reference));
    groups.set(session, keys);
  }
  const documents = new Map<ProviderSession, Map<string, Outcome<Document>>>();
  const took = new Map<ProviderSession, number>();
  await Promise.all(
    [...groups].map(async ([session, keys]) => {
      const since = monotonicMs();
      const outcomes = await session.resolve([...keys.values()], options);
      took.set(session, monotonicMs() - since);
      documents.set(session, new Map([...keys.keys()].map((id, index) => [id, outcomes[index] ?? failed(noAnswer)])));
    }),
  );
  return references.map((reference) => {
    const session = sessionOf.get(reference);
    if (session === undefined || session instanceof Fault) return { outcome: failed(session ?? noAnswer), ms: 0 };
    const document = documents.get(session)?.get(documentId(reference.parsed)) ?? failed(noAnswer);
    return { outcome: document.ok ? takeOut(reference, document.value) : document, ms: took.get(session) ?? 0 };
  });
}

const noAnswer = new Fault('protocol', { code: 'PROVIDER_BUG', message: 'the adapter did not answer' });

function openSession(reference: PlannedReference, sessions: Sessions): ProviderSession | Fault {
  try {
    return sessions.get(reference.configured);
  } catch (error) {
    return error instanceof Fault ? error : noAnswer;
  }
}

function keyOf({ parsed }: PlannedReference): DocumentKey {
  return {
    key: parsed.key,
    ...(parsed.version === undefined ? {} : { version: parsed.version }),
    ...(parsed.stage === undefined ? {} : { stage: parsed.stage }),
  };
}

function takeOut(reference: PlannedReference, document: Document): Outcome<ResolvedSecret> {
  const { field } = reference.parsed;
  const value = field === undefined ? done(document.bytes) : extractField(document.bytes, field);
  if (!value.ok) return value;
  const { version, createdAt, expiresAt, lease, requestId } = document;
  return done({
    value: value.value,
    from: 'provider',
    reference,
    ...(version === undefined ? {} : { version }),
    ...(createdAt === undefined ? {} : { createdAt }),
    ...(expiresAt === undefined ? {} : { expiresAt }),
    ...(lease === undefined ? {} : { lease }),
    ...(requestId === undefined ? {} : { requestId }),
  });
}

/** Plain values and templates; a template's parts first. The manifest was checked: there is no cycle. */
function fillIn(secret: PlannedSecret, byName: ReadonlyMap<string, PlannedSecret>, results: Map<string, Resolved>): void {
  const { name, source } = secret.spec;
  if (results.has(name) || source.kind === 'references') return;
  if (source.kind === 'value') {
    results.set(name, { state: 'resolved', secret: { value: SecretValue.fromText(source.value), from: 'value' } });
    return;
  }
  for (const part of source.parts) {
    const needed = 'name' in part ? byName.get(part.name) : undefined;
    if (needed !== undefined) fillIn(needed, byName, results);
  }
  const filled = fillTemplate(source.parts, (part) => {
    const result = results.get(part);
    return result?.state === 'resolved' ? result.secret.value : undefined;
  });
  if ('value' in filled) results.set(name, { state: 'resolved', secret: { value: filled.value, from: 'template' } });
  else results.set(name, withDefault(secret) ?? { state: 'incomplete', missing: filled.missing });
}
