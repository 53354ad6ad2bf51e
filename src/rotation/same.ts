/** Whether two values are the same: documents by what they say, since a backend may write their fields in its own order. */
import { isDeepStrictEqual } from 'node:util';
import type { SecretValue } from '../core/secret-value.ts';

export function isSameValue(one: SecretValue, other: SecretValue): boolean {
  if (one.equals(other)) return true;
  const [a, b] = [objectIn(one), objectIn(other)];
  return a !== undefined && b !== undefined && isDeepStrictEqual(a, b);
}

function objectIn(value: SecretValue): object | undefined {
  const text = value.reveal().toString('utf8');
  if (!text.trimStart().startsWith('{')) return undefined;
  try {
    return JSON.parse(text) as object;
  } catch {
    return undefined;
  }
}
