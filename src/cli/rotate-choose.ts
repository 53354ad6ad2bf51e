/** Which secrets a rotation is about: by name, by `--where`, by what is due; and which former values end now. */
import { SecretsError } from '../core/errors.ts';
import { factsOf, matches, needsState, type Where } from '../run/where.ts';
import type { Journal } from '../rotation/journal.ts';
import { retiringIn, type Retiring } from './rotate-retiring.ts';
import { failedState, takeInventory, type Row } from './inventory.ts';
import type { Place } from './rotate-places.ts';
import { allTargets, isReference, targetsOf, type Target } from './target.ts';

export interface Wanted {
  readonly names: readonly string[];
  readonly where: Where | undefined;
  readonly due: boolean;
}

export interface Chosen {
  readonly place: Place;
  readonly targets: readonly Target[];
  /** Rotations whose former value ends now. */
  readonly retiring: readonly Retiring[];
}

/** @throws SecretsError USAGE where a filter matches no secret at all */
export async function choose(places: readonly Place[], wanted: Wanted, journal: Journal): Promise<readonly Chosen[]> {
  const found = await Promise.all(places.map((place) => chooseIn(place, wanted, journal)));
  const matched = found.some(({ matched }) => matched);
  if (wanted.where !== undefined && !matched)
    throw new SecretsError({ code: 'USAGE', message: 'no secret matches --where', hint: 'secrets list shows owners, states and tags' });
  return found;
}

async function chooseIn(place: Place, { names, where, due }: Wanted, journal: Journal): Promise<Chosen & { readonly matched: boolean }> {
  const { manifest } = place.loaded;
  const named = names.length > 0;
  const all = named
    ? await targetsOf(names, manifest)
    : (await allTargets(manifest)).filter(({ spec }) => spec.source.kind === 'references');
  const rows = due || needsState(where) ? await rowsOf(place, all) : new Map<Target, Row>();
  const matching = all.filter((target) => isMeant(where, target, place, rows.get(target)));
  const targets = due ? matching.filter((target) => isDue(place, target, rows.get(target))) : matching;
  return { place, targets, matched: matching.length > 0, retiring: due ? await retiringIn(matching, rows, place, journal) : [] };
}

async function rowsOf({ loaded: { manifest }, run }: Place, targets: readonly Target[]): Promise<ReadonlyMap<Target, Row>> {
  const { rows } = await takeInventory(targets, manifest, run.sessions, {});
  return new Map(rows.toReversed().map((row) => [row.target, row]));
}

/** Of several references the first counts: it is the one that is rotated. */
function isMeant(
  where: Where | undefined,
  { spec, references }: Target,
  { loaded: { manifest }, file }: Place,
  row: Row | undefined,
): boolean {
  const more = {
    ...(file === undefined ? {} : { manifest: [file] }),
    ...(manifest.profile === undefined ? {} : { profile: [manifest.profile] }),
    state: [stateText(row)],
  };
  return matches(where, factsOf(spec, references[0]?.placed.reference, more));
}

function stateText(row: Row | undefined): string {
  if (row?.kind !== 'reference') return 'unknown';
  return row.fault === undefined ? row.condition.state : failedState(row.fault.code);
}

const isOver = (row: Row): boolean =>
  row.kind === 'reference' && row.fault === undefined && row.condition.dueAt !== undefined && row.condition.dueAt <= new Date();

/** Whether its time has come; where its age is not known, a person is told and decides. */
function isDue({ context: { output } }: Place, target: Target, row: Row | undefined): boolean {
  const { rotate } = target.spec;
  if (rotate === undefined || row === undefined || row.kind !== 'reference') return false;
  if (row.fault !== undefined)
    throw new SecretsError({ code: row.fault.code, name: target.label, message: row.fault.detail.message, hint: row.fault.detail.hint });
  if (
    rotate.every !== undefined &&
    row.metadata.presence !== 'absent' &&
    row.condition.madeAt === undefined &&
    row.condition.dueAt === undefined
  )
    output.warn({
      name: target.label,
      message: 'its manager does not say how old it is, so it is not rotated',
      hint: `secrets rotate ${target.label}`,
    });
  return isOver(row);
}

/** Arguments that are references; all of them, or none: a name needs a manifest. */
export const onlyReferences = (names: readonly string[]): readonly string[] => (names.length > 0 && names.every(isReference) ? names : []);
