/** What `list`, `check` and `describe` work on: each target's references with what is known about them now. */
import type { ErrorCode, Issue } from '../core/errors.ts';
import type { Fault } from '../core/fault.ts';
import type { Manifest } from '../core/model.ts';
import type { Metadata, PendingInfo } from '../provider-kit/contract.ts';
import { conditionOf, type Condition, type State } from '../run/condition.ts';
import { findPending, inspect, type InspectOptions } from '../run/inspect.ts';
import type { PlannedReference } from '../run/plan.ts';
import type { FAILED_STATES } from '../run/where.ts';
import type { Sessions } from '../provider-kit/session.ts';
import type { Style } from './output.ts';
import { interrupted } from './session.ts';
import type { Target } from './target.ts';

/** One reference of a target, or what stands in for it. */
export type Row =
  | { readonly kind: 'reference'; readonly target: Target; readonly reference: PlannedReference; readonly fault: Fault }
  | {
      readonly kind: 'reference';
      readonly target: Target;
      readonly reference: PlannedReference;
      readonly fault?: undefined;
      readonly metadata: Metadata;
      readonly condition: Condition;
      /** What a rotation has made and not made current yet; asked only where the entry has a policy to rotate. */
      readonly pending: PendingInfo | undefined;
    }
  | { readonly kind: 'template' | 'value'; readonly target: Target };

export interface Inventory {
  readonly rows: readonly Row[];
  readonly now: Date;
}

/** Asks about all targets, which may be those of several manifests, at once. */
export async function takeInventory(
  targets: readonly Target[],
  manifest: Manifest,
  sessions: Sessions,
  options: InspectOptions,
): Promise<Inventory> {
  const references = targets.flatMap((target) => target.references);
  const rotated = targets.flatMap((target) => (target.spec.rotate === undefined ? [] : target.references));
  const [outcomes, pending] = await Promise.all([inspect(references, manifest, sessions, options), findPending(rotated, sessions)]);
  if (outcomes.some((outcome) => !outcome.ok && outcome.fault.kind === 'cancelled')) throw interrupted();
  const now = new Date();
  const found = new Map(references.map((reference, index) => [reference, outcomes[index]]));
  const rows = targets.flatMap((target): readonly Row[] => {
    const { source } = target.spec;
    if (source.kind !== 'references') return [{ kind: source.kind, target }];
    return target.references.flatMap((reference): readonly Row[] => {
      const outcome = found.get(reference);
      if (outcome === undefined) return [];
      if (!outcome.ok) return [{ kind: 'reference', target, reference, fault: outcome.fault }];
      const metadata = outcome.value;
      const condition = conditionOf(metadata, reference.parsed.field, target.spec, now, pending.has(reference));
      return [{ kind: 'reference', target, reference, metadata, condition, pending: pending.get(reference) }];
    });
  });
  return { rows, now };
}

/** What concerns these targets only: a template's parts are found by name, so it is that of one manifest. */
export function inventoryOf(targets: readonly Target[], { rows, now }: Inventory): Inventory {
  const own = new Set(targets);
  return { rows: rows.filter(({ target }) => own.has(target)), now };
}

/** How a whole secret stands: as the first of its references that is not absent, or as its template's parts. */
export interface Standing {
  readonly state: State | 'failed';
  /** The row that decides. */
  readonly row: Row | undefined;
  /** For a template: the parts that are not there. */
  readonly missing: readonly string[];
}

export function standingOf(target: Target, rows: readonly Row[]): Standing {
  const { source } = target.spec;
  const own = rows.filter((row) => row.target === target);
  if (source.kind === 'value') return { state: 'current', row: own[0], missing: [] };
  if (source.kind === 'references') {
    const row = own.find((one) => stateOf(one) !== 'missing') ?? own[0];
    const state = row === undefined ? 'unknown' : stateOf(row);
    return { state: state === 'missing' && target.spec.default !== undefined ? 'current' : state, row, missing: [] };
  }
  const parts = source.parts.flatMap((part) => {
    const needed = 'name' in part ? rows.find((row) => row.target.name === part.name)?.target : undefined;
    return needed === undefined ? [] : [{ needed, standing: standingOf(needed, rows) }];
  });
  const missing = parts.filter(({ standing }) => standing.state === 'missing').map(({ needed }) => needed.label);
  const unsure = parts.some(({ standing }) => standing.state === 'unknown' || standing.state === 'failed');
  if (missing.length > 0) return { state: target.spec.default === undefined ? 'missing' : 'current', row: own[0], missing };
  return { state: unsure ? 'unknown' : 'current', row: own[0], missing };
}

export const stateOf = (row: Row): State | 'failed' =>
  row.kind !== 'reference' ? 'current' : row.fault === undefined ? row.condition.state : 'failed';

/** A failure as a state of its own. */
export type FailedState = (typeof FAILED_STATES)[number];

const DENIED: ReadonlySet<ErrorCode> = new Set(['DENIED', 'UNAUTHENTICATED', 'STORE_LOCKED']);
const UNREACHABLE: ReadonlySet<ErrorCode> = new Set(['PROVIDER_UNAVAILABLE', 'PROVIDER_THROTTLED', 'PROVIDER_TIMEOUT', 'STORE_BUSY']);

export const failedState = (code: ErrorCode): FailedState =>
  DENIED.has(code) ? 'denied' : UNREACHABLE.has(code) ? 'unreachable' : 'failed';

/** `denied`, `unreachable PROVIDER_TIMEOUT`: the code where it says more than the state. */
export function failedText(code: ErrorCode): string {
  const state = failedState(code);
  return state.toUpperCase() === code ? state : `${state} ${code}`;
}

export const STATE_STYLES: Readonly<Record<State | 'failed', Style>> = {
  current: 'green',
  due: 'yellow',
  overdue: 'red',
  expiring: 'yellow',
  expired: 'red',
  missing: 'red',
  disabled: 'red',
  pending: 'cyan',
  unknown: 'dim',
  failed: 'red',
};

/**
 * Failures that leave open how a secret stands, and those of references that would not be asked for it, because one
 * before them is there.
 */
export function weighFailures(
  targets: readonly Target[],
  rows: readonly Row[],
): { readonly deciding: readonly Issue[]; readonly idle: readonly Issue[] } {
  const standings = targets.map((target) => standingOf(target, rows));
  const deciding = new Set(standings.flatMap(({ state, row }) => (state === 'failed' && row !== undefined ? [row] : [])));
  return { deciding: failuresOf([...deciding]), idle: failuresOf(rows.filter((row) => !deciding.has(row))) };
}

/** Failures of several references that say the same are one issue, which names them all. */
export function failuresOf(rows: readonly Row[]): readonly Issue[] {
  const groups = new Map<string, { readonly issue: Issue; readonly labels: string[] }>();
  for (const row of rows) {
    if (row.kind !== 'reference' || row.fault === undefined) continue;
    const { fault, target, reference } = row;
    const { provider, text } = reference.placed.reference;
    const key = JSON.stringify([provider, fault.code, fault.detail.message]);
    const group = groups.get(key);
    if (group === undefined) {
      const { owner, contact, runbook } = target.spec;
      const issue: Issue = { code: fault.code, message: fault.detail.message, hint: fault.detail.hint, provider, reference: text };
      groups.set(key, { issue: { ...issue, owner, contact, runbook }, labels: [target.label] });
    } else group.labels.push(target.label);
  }
  return [...groups.values()].map(({ issue, labels }) => {
    const [first, ...rest] = [...new Set(labels)];
    if (rest.length === 0) return first === undefined || first === issue.reference ? issue : { ...issue, name: first };
    const { owner: _owner, contact: _contact, runbook: _runbook, reference: _reference, ...shared } = issue;
    return { ...shared, message: `${issue.message} (${named([first ?? '', ...rest])})` };
  });
}

/** For the spinner: who is being asked. */
export const asking = (targets: readonly Target[]): string =>
  `asking ${named([...new Set(targets.flatMap(({ references }) => references.map(({ configured }) => configured.config.name)))])}`;

/** Names for a message, not without end. */
export const named = (names: readonly string[], most = 6): string =>
  names.length <= most ? names.join(', ') : `${names.slice(0, most).join(', ')} and ${names.length - most} more`;
