/** What `--watch` looks at: the documents of a run whose managers tell versions without values. */
import { done, Fault, type Outcome } from '../core/fault.ts';
import type { Metadata } from '../provider-kit/contract.ts';
import { documentId, type ProviderSession, type Sessions } from '../provider-kit/session.ts';
import { asFault } from '../provider-kit/operation.ts';
import type { PlannedReference } from './plan.ts';
import type { Resolution } from './resolve.ts';
import type { Stamp } from './watch.ts';

interface Watched {
  readonly session: ProviderSession;
  readonly reference: PlannedReference;
  /** Secrets that are made of it. */
  readonly names: string[];
  readonly known: Stamp;
}

const ABSENT = 'absent';

export class WatchedDocuments {
  readonly #watched: readonly Watched[];
  /** Secrets whose managers can't tell that there is a new version. */
  readonly unwatched: readonly string[];

  constructor({ plan, results }: Resolution, sessions: Sessions) {
    const watched = new Map<ProviderSession, Map<string, Watched>>();
    const unwatched = new Set<string>();
    for (const { spec, references } of plan.secrets) {
      const result = results.get(spec.name);
      const from = result?.state === 'resolved' ? result.secret.reference : undefined;
      // The value came from the first of a list that was there; those behind it don't matter.
      const asked = from === undefined ? references : references.slice(0, references.indexOf(from) + 1);
      for (const reference of asked) {
        const { parsed, configured } = reference;
        // A pinned version never changes, and the environment of a process only by itself.
        if (parsed.version !== undefined || configured.provider.scheme === 'env') continue;
        const session = sessions.get(configured);
        if (!session.can('describe')) {
          unwatched.add(spec.name);
          continue;
        }
        const documents = watched.get(session) ?? new Map<string, Watched>();
        watched.set(session, documents);
        const before = documents.get(documentId(parsed));
        if (before !== undefined) before.names.push(spec.name);
        else {
          const known = reference === from ? (result?.state === 'resolved' ? result.secret.version : undefined) : ABSENT;
          documents.set(documentId(parsed), { session, reference, names: [spec.name], known });
        }
      }
    }
    this.#watched = [...watched.values()].flatMap((documents) => [...documents.values()]);
    this.unwatched = [...unwatched];
  }

  /** How many documents. */
  get count(): number {
    return this.#watched.length;
  }

  /** What the run got, in the order of {@link look}. */
  get known(): readonly Stamp[] {
    return this.#watched.map(({ known }) => known);
  }

  namesAt(positions: readonly number[]): readonly string[] {
    return [...new Set(positions.flatMap((position) => this.#watched[position]?.names ?? []))];
  }

  /** One call for each session. @throws Fault where a manager can say nothing about any of its documents */
  async look(): Promise<readonly Stamp[]> {
    const groups = Map.groupBy(this.#watched, ({ session }) => session);
    const stamps = new Map<Watched, Stamp>();
    const faults: Fault[] = [];
    await Promise.all(
      [...groups].map(async ([session, group]) => {
        const outcomes = await stampsOf(session, group).catch((error: unknown) => asFault(error));
        if (outcomes instanceof Fault) {
          faults.push(outcomes);
          return;
        }
        const failures = outcomes.flatMap((outcome) => (outcome.ok ? [] : [outcome.fault]));
        if (failures.length === outcomes.length && failures[0] !== undefined) faults.push(failures[0]);
        group.forEach((one, index) => {
          const outcome = outcomes[index];
          stamps.set(one, outcome?.ok === true ? outcome.value : undefined);
        });
      }),
    );
    if (faults[0] !== undefined && faults.length === groups.size) throw faults[0];
    return this.#watched.map((one) => stamps.get(one));
  }
}

/** In few requests where the manager has such, else by what it knows of each document. */
async function stampsOf(session: ProviderSession, group: readonly Watched[]): Promise<readonly Outcome<Stamp>[]> {
  const keys = group.map(({ reference }) => ({ key: reference.parsed.key, ...stageOf(reference) }));
  if (session.can('changes')) {
    const outcomes = await session.use('changes', (opened, op) => opened.changes(keys, op));
    return outcomes.map((outcome) => (outcome.ok ? done(outcome.value ?? ABSENT) : outcome));
  }
  const outcomes = await session.use('describe', (opened, op) => opened.describe(keys, op));
  return outcomes.map((outcome) => (outcome.ok ? done(stampOf(outcome.value)) : outcome));
}

const stageOf = ({ parsed }: PlannedReference): { readonly stage?: string } => (parsed.stage === undefined ? {} : { stage: parsed.stage });

function stampOf({ presence, version, updatedAt, enabled }: Metadata): Stamp {
  if (presence === 'absent' || enabled === false) return ABSENT;
  return version ?? updatedAt?.toISOString();
}
