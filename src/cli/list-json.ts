/** One row of `list --json`. */
import { knownOf, type ListRow } from './list-rows.ts';

/** @param several whether rows of several manifests are told apart */
export function rowJson(listed: ListRow, several: boolean): Record<string, unknown> {
  const { row, part, state, shared } = listed;
  const { owner, contact, runbook, tags, consumers, required, maxAge } = row.target.spec;
  const { name } = row.target;
  const place = several ? { manifest: part.file, profile: part.manifest.profile } : {};
  const sharedWith =
    shared.length === 0
      ? undefined
      : shared.map((use) => ({ manifest: use.file, name: use.row.target.label, consumers: use.row.target.spec.consumers }));
  const about = { owner, contact, runbook, tags, consumers, sharedWith, required };
  if (row.kind !== 'reference') return { ...place, name, kind: row.kind, ...about, state };
  const { reference } = row.reference.placed;
  const head = { ...place, name, kind: row.kind, provider: reference.provider, reference: reference.text };
  if (row.fault !== undefined) return { ...head, ...about, state, code: row.fault.code, message: row.fault.detail.message };
  const known = knownOf(listed);
  return {
    ...head,
    version: known.version,
    createdAt: known.created,
    madeAt: known.rotated,
    ageSeconds: known.age === undefined ? undefined : Math.floor(known.age / 1000),
    maxAgeSeconds: maxAge === undefined ? undefined : Math.floor(maxAge / 1000),
    dueAt: known.due,
    rotatesAt: known.next,
    expiresAt: known.expires,
    lastUsedAt: known.used,
    ...about,
    state,
  };
}
