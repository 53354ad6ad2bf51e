/** Collects everything that is wrong, so that it can be told at once: each thing once, and not without end. */
import type { ErrorCode, Issue, Position } from '../core/errors.ts';

/** Something worth saying that stops nothing. */
export type Note = Pick<Issue, 'message' | 'hint' | 'at' | 'name'>;

/** Nobody reads more of them, and a file that is no manifest at all can have a million. */
const MOST = 100;

export class Problems {
  readonly #seen = new Set<string>();
  readonly #issues: Issue[] = [];
  readonly #notes: Note[] = [];
  #left = 0;

  add(issue: Issue): void {
    if (!this.#first('issue', issue)) return;
    if (this.#issues.length < MOST) this.#issues.push(issue);
    else this.#left += 1;
  }

  invalid(at: Position, message: string, more: Omit<Issue, 'code' | 'message' | 'at'> & { readonly code?: ErrorCode } = {}): void {
    this.add({ code: 'MANIFEST_INVALID', message, at, ...more });
  }

  note(note: Note): void {
    if (this.#first('note', note) && this.#notes.length < MOST) this.#notes.push(note);
  }

  get failed(): boolean {
    return this.#issues.length > 0;
  }

  get notes(): readonly Note[] {
    return this.#notes;
  }

  /** All of them, in the order of their places in each file; how many more there were is the last. */
  get issues(): readonly Issue[] {
    const files = [...new Set(this.#issues.map((issue) => issue.at?.file))];
    const order = (issue: Issue): readonly [number, number, number] => [
      files.indexOf(issue.at?.file),
      issue.at?.line ?? 0,
      issue.at?.column ?? 0,
    ];
    const sorted = this.#issues.toSorted((one, other) => {
      const [a, b] = [order(one), order(other)];
      return a[0] - b[0] || a[1] - b[1] || a[2] - b[2];
    });
    return this.#left === 0
      ? sorted
      : [...sorted, { code: 'MANIFEST_INVALID', message: `and ${this.#left} more mistakes`, hint: 'correct these first' }];
  }

  #first(kind: string, thing: Note): boolean {
    const key = [kind, thing.at?.file, thing.at?.line, thing.at?.column, thing.name, thing.message].join('\0');
    if (this.#seen.has(key)) return false;
    this.#seen.add(key);
    return true;
  }
}
