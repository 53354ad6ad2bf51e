/** What is wrong with secrets, judged from their metadata and their entries alone: what `check` reports. */
import type { Ownership, Position } from '../core/errors.ts';
import { formatDuration } from '../core/duration.ts';
import type { PolicyField } from '../core/model.ts';
import { hasField } from '../run/where.ts';
import { standingOf, type Inventory, type Row } from './inventory.ts';
import { setCommand, type Target } from './target.ts';
import { ageText, dayText } from './when.ts';

/** Everything that `check` can find; what is only a warning does not make the answer no. */
export const PROBLEMS = {
  absent: { title: 'A required secret is absent', level: 'error' },
  'over-age': { title: 'A secret is older than its maxAge', level: 'error' },
  expired: { title: 'A secret has expired', level: 'error' },
  disabled: { title: 'A secret is disabled in its manager', level: 'error' },
  undocumented: { title: 'An entry lacks what the policy asks for', level: 'error' },
  overdue: { title: 'A rotation is overdue', level: 'warning' },
  uncertain: { title: 'Nothing tells how a secret stands', level: 'warning' },
} as const satisfies Readonly<Record<string, { readonly title: string; readonly level: 'error' | 'warning' }>>;

type Problem = keyof typeof PROBLEMS;

export const isWarning = ({ problem }: Pick<Finding, 'problem'>): boolean => PROBLEMS[problem].level === 'warning';

export interface Finding extends Ownership {
  /** The secret's name, or the reference that was asked about. */
  readonly name: string;
  readonly problem: Problem;
  /** What is wrong, in words, without the name. */
  readonly message: string;
  readonly hint?: string | undefined;
  readonly reference?: string | undefined;
  readonly at?: Position | undefined;
}

type About = Omit<Finding, 'problem' | 'message'>;

/**
 * What is wrong with its value; of two kinds: those that make the answer no, and warnings.
 * @param profile the one that was asked for, for hints
 */
export function standingFindings(target: Target, inventory: Inventory, profile?: string): readonly Finding[] {
  const { spec } = target;
  const { state, row, missing } = standingOf(target, inventory.rows);
  const about = aboutOf(target, row);
  const set = settable(row) && row?.kind === 'reference' ? setCommand(target.label, profile) : undefined;
  switch (state) {
    case 'missing': {
      if (!spec.required) return [];
      if (spec.source.kind === 'template') {
        // What is required itself has a finding of its own.
        const unsaid = missing.filter((part) => !isRequired(part, inventory));
        const message = `its template needs ${unsaid.join(', ')}`;
        return unsaid.length === 0 ? [] : [{ ...about, problem: 'absent', message, hint: setCommand(unsaid[0] ?? 'NAME', profile) }];
      }
      const count = target.references.length;
      const where = count > 1 ? `it is absent from all of its ${count} references` : 'it is absent';
      return [
        {
          ...about,
          problem: 'absent',
          message: where,
          hint: spec.generate === undefined ? set : `secrets setup${profile === undefined ? '' : ` --profile ${profile}`}`,
        },
      ];
    }
    case 'disabled':
      return [{ ...about, problem: 'disabled', message: 'its manager has disabled it', hint: 'enable it there, or set a new value' }];
    case 'expired':
      return [{ ...about, problem: 'expired', message: `its manager says that it expired${expiry(row)}`, hint: set }];
    case 'failed':
      // Said as an error of its own: nobody knows how it stands.
      return [];
    default:
      return valueFindings(about, target, row, set);
  }
}

/** What is wrong with a value that may be there. */
function valueFindings(about: About, { spec }: Target, row: Row | undefined, set: string | undefined): readonly Finding[] {
  if (row?.kind !== 'reference' || row.fault !== undefined) return [];
  const { condition, metadata } = row;
  const { ageMs, rotatesAt } = condition;
  if (spec.maxAge !== undefined && ageMs !== undefined && ageMs > spec.maxAge) {
    const message = `it is ${ageText(ageMs)} old, and its maxAge is ${formatDuration(spec.maxAge)}`;
    return [{ ...about, problem: 'over-age', message, hint: set }];
  }
  const warn = (message: string, hint: string | undefined): Finding => ({ ...about, problem: 'uncertain', message, hint });
  const late: readonly Finding[] =
    condition.state === 'overdue' && rotatesAt !== undefined
      ? [{ ...about, problem: 'overdue', message: `its rotation was due on ${dayText(rotatesAt)}`, hint: set }]
      : [];
  if (metadata.presence === 'unknown')
    return spec.required ? [...late, warn('only reading it tells whether it is there', 'add --read')] : late;
  if (spec.maxAge !== undefined && ageMs === undefined) return [...late, warn('its age is not known, so maxAge cannot be checked', set)];
  return late;
}
const isRequired = (name: string, { rows }: Inventory): boolean => rows.some(({ target }) => target.name === name && target.spec.required);

function expiry(row: Row | undefined): string {
  const at = row?.kind === 'reference' && row.fault === undefined ? row.metadata.expiresAt : undefined;
  return at === undefined ? '' : ` on ${dayText(at)}`;
}

const settable = (row: Row | undefined): boolean =>
  row?.kind === 'reference' && row.reference.configured.provider.capabilities.includes('put');

/** What its entry lacks of the fields that are asked for. */
export function policyFindings(target: Target, required: readonly PolicyField[]): readonly Finding[] {
  // A reference on the command line has no entry that could say anything.
  if (target.name === undefined || target.spec.source.kind !== 'references') return [];
  const lacking = required.filter((field) => !hasField(target.spec, field));
  if (lacking.length === 0) return [];
  const message = `its entry has no ${lacking.join(', no ')}`;
  return [{ ...aboutOf(target, undefined), problem: 'undocumented', message, hint: 'add it in the manifest' }];
}

function aboutOf({ label, spec, name }: Target, row: Row | undefined): About {
  const placed = row?.kind === 'reference' ? row.reference.placed : undefined;
  return {
    name: label,
    reference: placed?.reference.text,
    at: name === undefined ? undefined : (placed?.at ?? spec.at),
    owner: spec.owner,
    contact: spec.contact,
    runbook: spec.runbook,
  };
}
