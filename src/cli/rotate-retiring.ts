/**
 * Former values whose grace is over: those that this machine's journal knows of, and those that the store shows, since
 * a job of a CI has no journal.
 */
import { randomUUID } from 'node:crypto';
import { DEFAULT_GRACE_MS } from '../rotation/job.ts';
import type { Journal, RotationRecord } from '../rotation/journal.ts';
import type { Row } from './inventory.ts';
import type { Place } from './rotate-places.ts';
import type { Target } from './target.ts';

export interface Retiring {
  readonly target: Target;
  readonly record: RotationRecord;
}

/** @throws Fault where a manager does not list the versions of a secret */
export async function retiringIn(
  targets: readonly Target[],
  rows: ReadonlyMap<Target, Row>,
  place: Place,
  journal: Journal,
): Promise<readonly Retiring[]> {
  const now = new Date();
  const { manifest } = place.loaded;
  const known = (await journal.all(now)).filter(
    (record) => record.step === 'promoted' && record.manifest === manifest.path && record.profile === manifest.profile,
  );
  const found = await Promise.all(
    targets.map(async (target) => {
      const records = await retiringOf(target, rows.get(target), known, place, now);
      return records.map((record) => ({ target, record }));
    }),
  );
  return found.flat();
}

async function retiringOf(
  target: Target,
  row: Row | undefined,
  known: readonly RotationRecord[],
  place: Place,
  now: Date,
): Promise<readonly RotationRecord[]> {
  const text = target.references[0]?.placed.reference.text;
  const own = known.filter(({ reference }) => reference === text);
  const over = own.filter(({ retireAt }) => retireAt !== undefined && new Date(retireAt) <= now);
  const shown = await formerInStore(target, row, place, now);
  return shown === undefined || own.some(({ from }) => from === shown.from) ? over : [...over, shown];
}

/** The version before the current one, if that has been current for longer than the grace that the manifest says. */
async function formerInStore(
  target: Target,
  row: Row | undefined,
  { loaded: { manifest }, run }: Place,
  now: Date,
): Promise<RotationRecord | undefined> {
  const { rotate } = target.spec;
  if (rotate === undefined || row?.kind !== 'reference' || row.fault !== undefined || row.condition.madeAt === undefined) return undefined;
  const { configured, parsed, placed } = row.reference;
  const { capabilities } = configured.provider;
  if (!capabilities.includes('setState') || !capabilities.includes('versions')) return undefined;
  if (now.getTime() - row.condition.madeAt.getTime() < (rotate.grace ?? DEFAULT_GRACE_MS)) return undefined;
  const versions = await run.sessions
    .get(configured, 'operator')
    .use('versions', (session, op) => session.versions({ key: parsed.key }, op));
  const at = versions.findIndex(({ current }) => current);
  const former = versions.slice(at + 1).find(({ state }) => state === 'enabled');
  if (at < 0 || former === undefined) return undefined;
  const since = row.condition.madeAt.toISOString();
  return {
    id: randomUUID(),
    document: '',
    label: target.label,
    reference: placed.reference.text,
    using: rotate.using,
    step: 'promoted',
    since,
    at: since,
    from: former.version,
    ...(versions[at] === undefined ? {} : { version: versions[at].version }),
    ...(manifest.path === undefined ? {} : { manifest: manifest.path }),
    ...(manifest.profile === undefined ? {} : { profile: manifest.profile }),
  };
}
