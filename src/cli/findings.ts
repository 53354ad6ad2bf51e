/** What is wrong with secrets, judged from their metadata and their entries alone: what `check` reports. */
import type { Ownership, Position } from '../core/errors.ts';
import { formatDuration } from '../core/duration.ts';
import type { PolicyField, SecretSpec } from '../core/model.ts';
import { standingOf, type Inventory, type Row } from './inventory.ts';
import { setCommand, type Target } from './target.ts';
import { ageText, dayText } from './when.ts';

type Problem = 'absent' | 'over-age' | 'expired' | 'disabled' | 'undocumented' | 'uncertain';

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

/**
 * What is wrong with its value; `uncertain` findings are warnings, the others make the answer no.
 * @param profile the one that was asked for, for hints
 */
export function standingFindings(target: Target, inventory: Inventory, profile?: string): readonly Finding[] {
  const { spec } = target;
  const { state, row, missing } = standingOf(target, inventory.rows);
  const about = aboutOf(target, row);
  const set = settable(row) && row?.kind === 'reference' ? setCommand(target.label, profile) : undefined;
  switch (state) {
    case 'absent': {
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
    case 'over-age':
      return [{ ...about, problem: 'over-age', message: overAge(spec, row), hint: set }];
    case 'unknown': {
      if (spec.source.kind === 'template') return [];
      const message = 'only reading it tells whether it is there';
      return spec.required ? [{ ...about, problem: 'uncertain', message, hint: 'add --read' }] : [];
    }
    case 'present':
      return ageIsUnknown(spec, row)
        ? [{ ...about, problem: 'uncertain', message: 'its age is not known, so maxAge cannot be checked', hint: set }]
        : [];
    case 'failed':
      // Said as an error of its own: nobody knows how it stands.
      break;
  }
  return [];
}

const isRequired = (name: string, { rows }: Inventory): boolean => rows.some(({ target }) => target.name === name && target.spec.required);

function overAge({ maxAge }: SecretSpec, row: Row | undefined): string {
  const age = row?.kind === 'reference' && row.fault === undefined ? row.condition.ageMs : undefined;
  return `it is ${age === undefined ? 'too old' : `${ageText(age)} old`}${maxAge === undefined ? '' : `, and its maxAge is ${formatDuration(maxAge)}`}`;
}

function expiry(row: Row | undefined): string {
  const at = row?.kind === 'reference' && row.fault === undefined ? row.metadata.expiresAt : undefined;
  return at === undefined ? '' : ` on ${dayText(at)}`;
}

function ageIsUnknown({ maxAge }: SecretSpec, row: Row | undefined): boolean {
  return (
    maxAge !== undefined &&
    row?.kind === 'reference' &&
    row.fault === undefined &&
    row.condition.state === 'present' &&
    row.condition.ageMs === undefined
  );
}

const settable = (row: Row | undefined): boolean =>
  row?.kind === 'reference' && row.reference.configured.provider.capabilities.includes('put');

/** What its entry lacks of the fields that are asked for. */
export function policyFindings(target: Target, required: readonly PolicyField[]): readonly Finding[] {
  // A reference on the command line has no entry that could say anything.
  if (target.name === undefined || target.spec.source.kind !== 'references') return [];
  const lacking = required.filter((field) => !has(target.spec, field));
  if (lacking.length === 0) return [];
  const message = `its entry has no ${lacking.join(', no ')}`;
  return [{ ...aboutOf(target, undefined), problem: 'undocumented', message, hint: 'add it in the manifest' }];
}

function has(spec: SecretSpec, field: PolicyField): boolean {
  const value = spec[field];
  return Array.isArray(value) ? value.length > 0 : value !== undefined && value !== '';
}

function aboutOf({ label, spec, name }: Target, row: Row | undefined): Omit<Finding, 'problem' | 'message'> {
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
