/** Near misses: the one place that decides whether a word was probably meant to be another. */
import { distance } from 'fastest-levenshtein';

/** Comparing with more words than this would take noticeable time on a hostile manifest. */
const MOST = 500;

/**
 * The candidate that was probably meant, or undefined. Upper and lower case count as equal, two letters that changed
 * places as one difference; a longer word may differ more, in three letters at most. The result is always one of the
 * candidates, never the word as it was typed.
 */
export function suggest(word: string, candidates: Iterable<string>): string | undefined {
  if (word.length === 0 || word.length > 60) return undefined;
  const typed = word.toLowerCase();
  let least = (word.length < 3 ? 0 : word.length < 5 ? 1 : word.length < 9 ? 2 : 3) + 1;
  let best: string | undefined;
  let compared = 0;
  for (const candidate of candidates) {
    if (compared++ >= MOST) break;
    if (Math.abs(candidate.length - word.length) >= least) continue;
    const other = candidate.toLowerCase();
    const letters = distance(typed, other);
    const away = letters === 2 && sorted(typed) === sorted(other) ? 1 : letters;
    if (away < least) [least, best] = [away, candidate];
  }
  return best;
}

const sorted = (word: string): string => [...word].sort().join('');

/** `did you mean X?`, or undefined where nothing is near. */
export function didYouMean(word: string, candidates: Iterable<string>): string | undefined {
  const near = suggest(word, candidates);
  return near === undefined ? undefined : `did you mean ${near}?`;
}

/** How many letters differ between two words. */
export function editDistance(one: string, other: string): number {
  return distance(one, other);
}

/**
 * A word of a file or command line if it is safe to print, else undefined: a pasted secret is longer, has more digits
 * or other characters than the names of keys, providers and profiles.
 */
export function shownWord(word: string): string | undefined {
  return /^[A-Za-z](?:[A-Za-z_.+-]{0,39}|(?!(?:.*\d){5})[A-Za-z0-9_.+-]{0,11})$/.test(word) ? word : undefined;
}
