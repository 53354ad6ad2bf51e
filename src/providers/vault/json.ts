/** Reads answers: by shape, and by source text where numbers must keep their digits. */
import { membersOf, rootOf, textOf } from '../../provider-kit/json-source.ts';

export type JsonObject = Readonly<Record<string, unknown>>;

export const isObject = (value: unknown): value is JsonObject => typeof value === 'object' && value !== null && !Array.isArray(value);

/** The text as a JSON object, undefined if it is none. */
export function parseObject(text: string): JsonObject | undefined {
  try {
    const value: unknown = JSON.parse(text);
    return isObject(value) ? value : undefined;
  } catch {
    return undefined;
  }
}

export const objectAt = (object: JsonObject | undefined, key: string): JsonObject | undefined => {
  const value = object?.[key];
  return isObject(value) ? value : undefined;
};

export const stringAt = (object: JsonObject | undefined, key: string): string | undefined => {
  const value = object?.[key];
  return typeof value === 'string' ? value : undefined;
};

export const numberAt = (object: JsonObject | undefined, key: string): number | undefined => {
  const value = object?.[key];
  return typeof value === 'number' ? value : undefined;
};

export const stringsAt = (object: JsonObject | undefined, key: string): readonly string[] => {
  const value = object?.[key];
  return Array.isArray(value) ? value.filter((item) => typeof item === 'string') : [];
};

/** A point in time; undefined for an empty or unreadable one. */
export const dateAt = (object: JsonObject | undefined, key: string): Date | undefined => {
  const date = new Date(stringAt(object, key) ?? '');
  return Number.isNaN(date.getTime()) ? undefined : date;
};

/** The source text of a member, found by its path in valid JSON. */
export function sourceAt(source: string, ...path: readonly string[]): string | undefined {
  let span = rootOf(source);
  for (const key of path) {
    const member = source[span.start] === '{' ? [...membersOf(source, span)].findLast(({ name }) => name === key) : undefined;
    if (member === undefined) return undefined;
    span = member.value;
  }
  return textOf(source, span);
}
