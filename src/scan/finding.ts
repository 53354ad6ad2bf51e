/** What the searches of files, index and history have in common. */
import type { SearchPlan } from './plan.ts';
import type { Hit } from './search.ts';

/** A copy of a value that was found. */
export interface Finding extends Hit {
  readonly place: 'file' | 'staged' | 'history';
  /**
   * The file: its absolute path, for `staged` the path from the working directory, for `history` that from the top of
   * the repository. Undefined where it is the commit or tag itself that holds the value, in its message for example.
   */
  readonly file?: string;
  /** Id of the commit that brought it in; of `history` only. */
  readonly commit?: string;
  /** Name of the tag; only where it is the tag that holds the value. */
  readonly tag?: string;
}

export interface SearchContext {
  readonly plan: SearchPlan;
  readonly cwd: string;
  readonly env: Readonly<Record<string, string | undefined>>;
  /** What the user limits the search to; empty for everything. */
  readonly paths: readonly string[];
  readonly found: (finding: Finding) => void;
  /** Something could not be searched. @param what a path or a plain sentence's subject @param why in our own words */
  readonly unsearched: (what: string, why: string, hint?: string) => void;
}
