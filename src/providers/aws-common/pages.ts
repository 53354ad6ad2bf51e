/** One answer of a listing, and where the next one begins. */
interface Page<T> {
  readonly items: readonly T[];
  /** AWS's token; emulators also send an empty one at the end. */
  readonly next: string | undefined;
}

/** The items of all pages of a listing. */
export async function allPages<T>(fetch: (token: string | undefined) => Promise<Page<T>>): Promise<readonly T[]> {
  const all: T[] = [];
  let token: string | undefined;
  do {
    const { items, next } = await fetch(token);
    all.push(...items);
    token = next || undefined;
  } while (token !== undefined);
  return all;
}
