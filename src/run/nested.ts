/**
 * A run inside a run, such as `secrets run` in a script of npm's: what the outer one has injected is taken from our own
 * environment. The child of a run has its id and a key as SECRETS_RUN; the run's record holds, by that key, a proof of
 * name, document and value, so that nothing is taken that means another secret or was changed on the way.
 */
import { createHmac } from 'node:crypto';
import { lstatSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { Fault } from '../core/fault.ts';
import { SecretValue } from '../core/secret-value.ts';
import { documentId, type Sessions } from '../provider-kit/session.ts';
import type { Composed } from './compose.ts';
import type { Reported } from './host.ts';
import type { Plan, PlannedReference, PlannedSecret } from './plan.ts';
import { readLiveRecord, runsFolder, type RecordedSecret, type RemovedCredential, type RunRecord } from './records.ts';
import type { Resolution, Resolved } from './resolve.ts';

type Env = Readonly<Record<string, string | undefined>>;

/** A living run that this process is a descendant of. */
export interface OuterRun {
  readonly key: string;
  readonly record: RunRecord;
}

/** What SECRETS_RUN is for the child of a run. */
export const markOf = ({ id, key }: { readonly id: string; readonly key: string }): string => `${id}.${key}`;

/** @param stateFolder undefined where there is none: then no run is known. Never throws. */
export function outerRun(env: Env, stateFolder: string | undefined): OuterRun | undefined {
  const [, id = '', key = ''] = /^([0-9a-f-]{36})\.([\w-]{22})$/.exec(env['SECRETS_RUN'] ?? '') ?? [];
  const record = stateFolder === undefined || id === '' ? undefined : readLiveRecord(runsFolder(stateFolder), id);
  return record === undefined ? undefined : { key, record };
}

interface Surroundings {
  readonly sessions: Pick<Sessions, 'identity'>;
  readonly surroundings: { readonly env: Env };
}

/** What of a plan the outer run has settled already, by name. */
export function takeOver(plan: Plan, outer: OuterRun, { sessions, surroundings }: Surroundings): ReadonlyMap<string, Resolved> {
  const recorded = new Map(outer.record.secrets.map((one) => [one.name, one]));
  const taken = new Map<string, Resolved>();
  for (const secret of plan.secrets) {
    const one = recorded.get(secret.spec.name);
    const ids = one?.proof === undefined ? undefined : documentsOf(secret.references, sessions);
    if (one === undefined || ids === undefined) continue;
    const result = one.state === 'absent' ? takeAbsence(secret, one, ids, outer) : takeValue(secret, one, ids, outer, surroundings.env);
    if (result !== undefined) taken.set(secret.spec.name, result);
  }
  return taken;
}

function takeValue(
  { spec: { name }, references }: PlannedSecret,
  one: RecordedSecret,
  ids: readonly string[],
  { key, record }: OuterRun,
  env: Env,
): Resolved | undefined {
  const value = valueIn(env, one, record);
  if (value === undefined) return undefined;
  // The outer run may have had its answer from any reference of a list, after those in front of it.
  const reference = references.find((_, index) => proofOf(key, name, ids.slice(0, index + 1), value) === one.proof);
  if (reference === undefined) return undefined;
  return {
    state: 'resolved',
    secret: {
      value,
      from: 'provider',
      reference,
      outerRun: record.id,
      ...(one.version === undefined ? {} : { version: one.version }),
      ...(one.createdAt === undefined ? {} : { createdAt: new Date(one.createdAt) }),
      ...(one.expiresAt === undefined ? {} : { expiresAt: new Date(one.expiresAt) }),
    },
  };
}

/** That there is nothing is taken over where the run can do without. */
function takeAbsence(
  { spec, references }: PlannedSecret,
  one: RecordedSecret,
  ids: readonly string[],
  { key }: OuterRun,
): Resolved | undefined {
  const reference = references.at(-1);
  if (reference === undefined || proofOf(key, spec.name, ids) !== one.proof) return undefined;
  if (spec.default !== undefined) return { state: 'resolved', secret: { value: SecretValue.fromText(spec.default), from: 'default' } };
  if (spec.required) return undefined;
  return { state: 'absent', fault: new Fault('not-found', 'the run around this one found nothing there'), reference };
}

/** The value that our environment has: itself, or in the outer run's own file. */
function valueIn(env: Env, { name, as }: RecordedSecret, { files }: RunRecord): SecretValue | undefined {
  const text = env[name];
  if (text === undefined || as === 'env') return text === undefined ? undefined : SecretValue.fromText(text);
  if (as !== 'file' || files === undefined || text !== path.join(files, name)) return undefined;
  try {
    return lstatSync(text).isFile() ? SecretValue.fromBytes(readFileSync(text)) : undefined;
  } catch {
    return undefined;
  }
}

/** What names the documents that references mean, wherever they stand; undefined for those that are never taken over. */
function documentsOf(references: readonly PlannedReference[], sessions: Pick<Sessions, 'identity'>): readonly string[] | undefined {
  // The environment itself is asked again: it costs nothing, and it may have changed.
  if (references.length === 0 || references.some(({ configured }) => configured.provider.scheme === 'env')) return undefined;
  try {
    return references.map(({ configured, parsed }) =>
      JSON.stringify([sessions.identity(configured), documentId(parsed), parsed.field ?? null]),
    );
  } catch {
    return undefined; // options without an identity: reading says what is wrong with them
  }
}

function proofOf(key: string, name: string, documents: readonly string[], value?: SecretValue): string {
  const mac = createHmac('sha256', key).update(JSON.stringify([name, documents, value !== undefined]));
  return (value === undefined ? mac : mac.update('\0').update(value.reveal())).digest('base64url');
}

interface Finished {
  readonly resolution: Resolution;
  readonly composed: Composed;
}

/** What a run's record says about its secrets. */
export function recordedSecrets(
  { resolution, composed }: Finished,
  key: string,
  sessions: Pick<Sessions, 'identity'>,
): readonly RecordedSecret[] {
  const injected = new Set(composed.injected);
  return resolution.plan.secrets.flatMap((planned): readonly RecordedSecret[] => {
    const { name, as } = planned.spec;
    const result = resolution.results.get(name);
    const ids = documentsOf(planned.references, sessions);
    const absent = (): readonly RecordedSecret[] =>
      ids === undefined ? [] : [{ name, as, state: 'absent', proof: proofOf(key, name, ids) }];
    if (result?.state === 'absent') return absent();
    if (result?.state !== 'resolved') return [];
    const { secret } = result;
    if (secret.from === 'default') return absent();
    if (!injected.has(name)) return [];
    const position = secret.reference === undefined ? -1 : planned.references.indexOf(secret.reference);
    const proof = ids === undefined || position < 0 ? undefined : proofOf(key, name, ids.slice(0, position + 1), secret.value);
    return [
      {
        name,
        as,
        state: 'injected',
        ...(secret.reference === undefined ? {} : { reference: secret.reference.placed.reference.text }),
        ...(secret.version === undefined ? {} : { version: secret.version }),
        ...(secret.createdAt === undefined ? {} : { createdAt: secret.createdAt.toISOString() }),
        ...(secret.expiresAt === undefined ? {} : { expiresAt: secret.expiresAt.toISOString() }),
        ...(proof === undefined ? {} : { proof }),
      },
    ];
  });
}

/** The credentials in the parent's environment that the child does not get. */
export function removedCredentials({ env, scrubbed }: Composed, reported: Reported, parent: Env): readonly RemovedCredential[] {
  const used = new Set([...scrubbed, ...reported.credentials]);
  return [...used].flatMap((name) => {
    if (parent[name] === undefined || env[name] !== undefined) return [];
    const adapter = reported.signedIn?.get(name);
    return [{ name, passable: scrubbed.includes(name), ...(adapter === undefined ? {} : { adapter }) }];
  });
}

/** What to do where a sign-in fails for want of a credential that the outer run has removed. */
export function signInHint({ record }: OuterRun, name: string, fault: Fault, adapter: string): string | undefined {
  if (fault.code !== 'UNAUTHENTICATED' && fault.code !== 'STORE_LOCKED') return undefined;
  const removed = record.removed.filter((one) => one.adapter === undefined || one.adapter === adapter);
  const passable = removed.filter((one) => one.passable).map((one) => one.name);
  if (passable.length > 0) {
    return `the run around this one removed ${passable.join(', ')}: start that one with --pass-env ${passable.join(',')}, or let it inject ${name} too`;
  }
  const kept = removed.map((one) => one.name);
  return kept.length === 0
    ? undefined
    : `the run around this one never passes ${kept.join(', ')} on (nor does --pass-env): let it inject ${name} too, under the same reference`;
}
