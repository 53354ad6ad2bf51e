/** Tags that record when a field was last written: `rotated.<field>`, RFC 3339, UTC. */

const PREFIX = 'rotated.';
const KEY = /^[\p{L}\p{Z}\p{N}_.:/=+\-@]{1,128}$/u;

export interface Tag {
  readonly Key?: string | undefined;
  readonly Value?: string | undefined;
}

export const rotatedKey = (field: string): string => PREFIX + field;

/** The tag for a field written at `date`; undefined where AWS allows no tag of that name. */
export function rotatedTag(field: string, date: Date): { Key: string; Value: string } | undefined {
  const key = rotatedKey(field);
  return KEY.test(key) ? { Key: key, Value: date.toISOString() } : undefined;
}

/** Keys of all such tags. */
export const rotatedKeys = (tags: readonly Tag[]): string[] => tags.flatMap(({ Key }) => (Key?.startsWith(PREFIX) === true ? [Key] : []));

/** When each field was last written, undefined if no tag says it. */
export function rotatedAt(tags: readonly Tag[]): Record<string, Date> | undefined {
  const dates = tags.flatMap(({ Key, Value }): [string, Date][] => {
    const date = new Date(Value ?? '');
    return Key?.startsWith(PREFIX) === true && !Number.isNaN(date.getTime()) ? [[Key.slice(PREFIX.length), date]] : [];
  });
  return dates.length === 0 ? undefined : Object.fromEntries(dates);
}
