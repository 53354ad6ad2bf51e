/** Splits a list for a batch endpoint. */

/**
 * Chunks of at most `size` items, in order. Items that share one of their names never come into the same chunk:
 * the endpoints refuse one document twice, and answers could not be told apart.
 */
export function chunksApart<T>(items: readonly T[], size: number, namesOf: (item: T) => readonly string[]): readonly (readonly T[])[] {
  const chunks: { readonly items: T[]; readonly names: Set<string> }[] = [];
  for (const item of items) {
    const names = namesOf(item);
    let chunk = chunks.find((open) => open.items.length < size && !names.some((name) => open.names.has(name)));
    if (chunk === undefined) {
      chunk = { items: [], names: new Set() };
      chunks.push(chunk);
    }
    chunk.items.push(item);
    for (const name of names) chunk.names.add(name);
  }
  return chunks.map((chunk) => chunk.items);
}
