/** Profiles: which there are, what each builds on, and which is protected. */
import { didYouMean, shownWord } from '../core/suggest.ts';
import type { Problems } from './problems.ts';
import { profileIn, type SourceFile } from './sources.ts';
import { entriesOf, textOf, under, type Node } from './tree.ts';

/** Names of all profiles of these files, those of the nearest file first. */
export function profileNames(files: readonly SourceFile[]): readonly string[] {
  return [...new Set(files.toReversed().flatMap((file) => [...entriesOf(under(file.root, 'profiles')).keys()]))];
}

/** What to say about a name that is no profile. */
export function profileHint(word: string, known: readonly string[]): string {
  const shown = known.filter((name) => shownWord(name) !== undefined);
  return didYouMean(word, shown) ?? (shown.length === 0 ? 'add it under profiles' : `profiles: ${shown.join(', ')}`);
}

/** A profile with those it extends, the furthest first. Unknown ones and circles go to `problems`. */
export function profileChain(files: readonly SourceFile[], profile: string, problems: Problems): readonly string[] {
  const known = profileNames(files);
  const chain = [profile];
  for (;;) {
    const node = nearest(files, chain[0] ?? profile, 'extends');
    const next = textOf(node);
    if (node === undefined || next === undefined) return chain;
    if (!known.includes(next)) {
      problems.invalid(node.at, 'there is no profile of this name to extend', {
        hint: profileHint(next, known),
      });
      return chain;
    }
    if (chain.includes(next)) {
      problems.invalid(node.at, 'the profiles extend each other in a circle', { hint: 'remove this extends' });
      return chain;
    }
    chain.unshift(next);
  }
}

/** Whether the last profile of a chain is protected: as it says itself or inherits. */
export function isProtected(files: readonly SourceFile[], chain: readonly string[]): boolean {
  for (const profile of chain.toReversed()) {
    const node = nearest(files, profile, 'protected');
    if (node?.kind === 'scalar' && typeof node.value === 'boolean') return node.value;
  }
  return false;
}

function nearest(files: readonly SourceFile[], profile: string, key: string): Node | undefined {
  return files
    .toReversed()
    .map((file) => under(profileIn(file, profile)?.node, key))
    .find((node) => node !== undefined);
}

/** What `defaultProfile` says, the nearest file first. */
export function defaultProfile(files: readonly SourceFile[]): Node | undefined {
  return files
    .toReversed()
    .map((file) => under(file.root, 'defaultProfile'))
    .find((node) => node !== undefined);
}

/** Reports a `defaultProfile` that does not exist, and `protected` where a personal file says it. */
export function checkProfiles(files: readonly SourceFile[], problems: Problems): void {
  const known = profileNames(files);
  const chosen = defaultProfile(files);
  const name = textOf(chosen);
  if (chosen !== undefined && name !== undefined && !known.includes(name))
    problems.invalid(chosen.at, 'defaultProfile names no profile of this manifest', {
      hint: profileHint(name, known),
    });
  const local = files.find((file) => file.kind === 'local');
  for (const entry of local === undefined ? [] : entriesOf(under(local.root, 'profiles')).values()) {
    const flag = under(entry.node, 'protected');
    if (flag !== undefined)
      problems.invalid(flag.at, 'a personal file cannot say whether a profile is protected', { hint: 'remove this key' });
  }
}
