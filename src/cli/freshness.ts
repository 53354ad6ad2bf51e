/**
 * Whether running programs have the current version of what they got. Asks for metadata only, and only those manifests
 * that are trusted already; what can't be found out is unknown, never an error.
 */
import { SecretsError } from '../core/errors.ts';
import type { Manifest } from '../core/model.ts';
import { parseReference } from '../core/reference.ts';
import { inspect } from '../run/inspect.ts';
import { load } from '../run/load.ts';
import { loadAdapters, understand, type PlannedReference } from '../run/plan.ts';
import type { RecordedSecret } from '../run/records.ts';
import type { Metadata } from '../provider-kit/contract.ts';
import type { Context } from './context.ts';
import type { Running } from './running.ts';
import { withOpenRun } from './session.ts';
import { ensureTrusted } from './trust-gate.ts';

export interface Freshness {
  readonly is: 'current' | 'stale' | 'unknown';
  /** The version that is current now. */
  readonly version?: string;
}

/** What was given to a program, and what to ask about it. */
interface Question {
  readonly secret: RecordedSecret;
  readonly since: Date;
  readonly reference: PlannedReference;
}

/** A secret that is not in the result is unknown. */
export async function freshnessOf(context: Context, programs: readonly Running[]): Promise<ReadonlyMap<RecordedSecret, Freshness>> {
  const found = new Map<RecordedSecret, Freshness>();
  const groups = Map.groupBy(programs, ({ record }) => JSON.stringify([record.manifest, record.profile]));
  const manifests: Manifest[] = [];
  const questions: Question[] = [];
  for (const group of groups.values()) {
    const [first] = group;
    const asking = group.flatMap(({ record, injected }) => injected.map((secret) => ({ secret, since: new Date(record.since) })));
    // Without a version there is nothing to compare, so nobody is asked.
    const known = asking.filter(({ secret }) => secret.version !== undefined && secret.reference !== undefined);
    if (first === undefined || known.length === 0) continue;
    const manifest = await quietly(context, first);
    if (manifest === undefined) continue;
    manifests.push(manifest);
    for (const one of known) {
      const reference = await plannedFor(one.secret, manifest);
      if (reference === undefined) continue;
      if (reference.parsed.version !== undefined) found.set(one.secret, { is: 'current', version: reference.parsed.version });
      else questions.push({ ...one, reference });
    }
  }
  const [manifest] = manifests;
  if (manifest === undefined || questions.length === 0) return found;
  const references = questions.map(({ reference }) => reference);
  const outcomes = await withOpenRun(context, manifests, (run) => inspect(references, manifest, run.sessions));
  questions.forEach((question, index) => {
    const outcome = outcomes[index];
    if (outcome?.ok === true) found.set(question.secret, compare(question, outcome.value));
  });
  return found;
}

function compare({ secret, since, reference }: Question, { presence, version, rotatedAt }: Metadata): Freshness {
  if (presence === 'absent' || version === undefined) return { is: 'unknown' };
  if (version === secret.version) return { is: 'current', version };
  // Another field of the same document makes a new version too.
  const { field } = reference.parsed;
  const written = field === undefined || rotatedAt === undefined || !Object.hasOwn(rotatedAt, field) ? undefined : rotatedAt[field];
  return { is: written !== undefined && written < since ? 'current' : 'stale', version };
}

/** The manifest that the program was started by, where it is there and trusted still. */
async function quietly(context: Context, { record: { manifest: file, profile } }: Running): Promise<Manifest | undefined> {
  if (file === undefined) return undefined;
  try {
    const loaded = await load({ cwd: context.cwd, env: context.env, manifest: file, profile });
    await ensureTrusted({ ...context, manifest: file, interactive: false }, loaded);
    return loaded.manifest;
  } catch (error) {
    if (error instanceof SecretsError) return undefined;
    throw error;
  }
}

async function plannedFor({ name, reference: text = '' }: RecordedSecret, manifest: Manifest): Promise<PlannedReference | undefined> {
  const parsed = parseReference(text);
  const config = parsed.ok ? manifest.providers.get(parsed.reference.provider) : undefined;
  if (!parsed.ok || config === undefined) return undefined;
  const { adapters } = await loadAdapters([config]);
  const at = manifest.secrets.get(name)?.at ?? { file: manifest.path ?? '', line: 1, column: 1 };
  const understood = understand({ reference: parsed.reference, at }, adapters, name);
  return 'parsed' in understood ? understood : undefined;
}
