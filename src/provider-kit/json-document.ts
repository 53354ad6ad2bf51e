/**
 * Fields of a JSON document, read and changed by their place in the source text: numbers keep every digit, and what
 * a change does not concern keeps its order, spacing and escapes. Nothing here ever quotes the document.
 */
import { isUtf8 } from 'node:buffer';

import { done, failed, Fault } from '../core/fault.ts';
import type { Outcome } from '../core/fault.ts';
import { SecretValue } from '../core/secret-value.ts';
import { compact, elementsOf, kindOf, membersOf, rootOf, textOf } from './json-source.ts';
import type { Kind, Span } from './json-source.ts';

/**
 * The keys that a field of a reference walks through: one for a plain name, several for a JSON pointer (RFC 6901),
 * which begins with `/`. Undefined if it is a broken pointer: `~` stands only in `~0` and `~1`.
 */
export function fieldPath(field: string): readonly string[] | undefined {
  if (!field.startsWith('/')) return [field];
  if (/~(?![01])/.test(field)) return undefined;
  return field
    .slice(1)
    .split('/')
    .map((token) => token.replaceAll('~1', '/').replaceAll('~0', '~'));
}

/** Throws Fault 'ref' for a field that is a broken JSON pointer: for an adapter's `parseRef`, offline. */
export function checkField(field: string | undefined): void {
  if (field !== undefined && fieldPath(field) === undefined) throw brokenPointer();
}

/**
 * The value of a field: a string's own text, a number as it is written, `true` or `false`, an object or list as
 * compact JSON. Fault 'no-field': absent, null, or (code VALUE_INVALID) the document is not a JSON object or list.
 */
export function extractField(bytes: SecretValue, field: string): Outcome<SecretValue> {
  const found = locate(bytes, field);
  if (!found.ok) return found;
  const { source, span } = found.value;
  if (span === undefined) return failed(absent(field));
  const kind = kindOf(source, span);
  if (kind === 'null') return failed(new Fault('no-field', { message: `the field ${field} is null`, hint: 'store a value in it' }));
  if (kind !== 'string') return done(SecretValue.fromText(compact(source, span)));
  const text = JSON.parse(textOf(source, span)) as string;
  if (!text.isWellFormed()) {
    return failed(
      new Fault('no-field', { message: `the field ${field} holds half of a surrogate pair, which is not text`, code: 'VALUE_INVALID' }),
    );
  }
  return done(SecretValue.fromText(text));
}

/**
 * The document with one field replaced or added; undefined bytes make a new object. The value goes in as a string,
 * except where it takes the place of a number, boolean, object or list and reads back as the same bytes in that
 * kind. A pointer makes no objects on its way: its parent must exist. Fault 'no-field' as for {@link extractField};
 * 'unsupported' (code VALUE_INVALID) if the value is not UTF-8.
 */
export function replaceField(bytes: SecretValue | undefined, field: string, value: SecretValue): Outcome<SecretValue> {
  if (!isUtf8(value.reveal())) {
    return failed(
      new Fault('unsupported', {
        message: 'the value is not UTF-8 text, so it cannot be a field of a JSON document',
        hint: 'store it as a secret of its own, without #field',
        code: 'VALUE_INVALID',
      }),
    );
  }
  const text = value.reveal().toString('utf8');
  const found = locate(bytes ?? SecretValue.fromText('{}'), field);
  if (!found.ok) return found;
  const { source, span, parent, name } = found.value;
  if (span !== undefined) return done(splice(source, span, literal(text, kindOf(source, span))));
  if (parent === undefined || kindOf(source, parent) !== 'object') return failed(noParent(field));
  return done(addMember(source, parent, name, JSON.stringify(text)));
}

/** The document without one field. Fault 'no-field' as for {@link extractField}; 'unsupported' for an element of a list. */
export function removeField(bytes: SecretValue, field: string): Outcome<SecretValue> {
  const found = locate(bytes, field);
  if (!found.ok) return found;
  const { source, span, parent, name } = found.value;
  if (span === undefined || parent === undefined) return failed(absent(field));
  if (kindOf(source, parent) !== 'object') {
    return failed(new Fault('unsupported', `${field} is an element of a list: removing it would move those behind it`));
  }
  return done(SecretValue.fromText(withoutMember(source, parent, name)));
}

/** Names of the fields of a JSON object, in its order. Fault 'no-field' (code VALUE_INVALID) if it is none. */
export function fieldNames(bytes: SecretValue): Outcome<readonly string[]> {
  const source = sourceOf(bytes);
  if (source === undefined) return failed(notJson());
  const root = rootOf(source);
  if (kindOf(source, root) !== 'object') return failed(notJson());
  return done([...new Set(Array.from(membersOf(source, root), ({ name }) => name))]);
}

interface Found {
  readonly source: string;
  /** The field's value, undefined where it is absent. */
  readonly span: Span | undefined;
  /** The object or list that the field belongs into, undefined where that is absent too. */
  readonly parent: Span | undefined;
  /** The last key of the field's path. */
  readonly name: string;
}

function locate(bytes: SecretValue, field: string): Outcome<Found> {
  const path = fieldPath(field);
  if (path === undefined) return failed(brokenPointer());
  const source = sourceOf(bytes);
  if (source === undefined) return failed(notJson());
  let span: Span | undefined = rootOf(source);
  const kind = kindOf(source, span);
  if (kind !== 'object' && !(kind === 'array' && field.startsWith('/'))) return failed(notJson());
  let parent: Span | undefined;
  for (const key of path) {
    parent = span;
    span = parent === undefined ? undefined : child(source, parent, key);
  }
  return done({ source, span, parent, name: path.at(-1) ?? '' });
}

function child(source: string, parent: Span, key: string): Span | undefined {
  const kind = kindOf(source, parent);
  if (kind === 'array') return /^(?:0|[1-9]\d{0,8})$/.test(key) ? [...elementsOf(source, parent)][Number(key)] : undefined;
  if (kind !== 'object') return undefined;
  // Of a name that stands twice every reader takes the last.
  return [...membersOf(source, parent)].findLast(({ name }) => name === key)?.value;
}

/** The text of a document that is valid JSON, else undefined. */
function sourceOf(bytes: SecretValue): string | undefined {
  if (!isUtf8(bytes.reveal())) return undefined;
  const text = bytes
    .reveal()
    .toString('utf8')
    .replace(/^\uFEFF/, '');
  try {
    JSON.parse(text);
    return text;
  } catch {
    return undefined;
  }
}

function literal(text: string, replaced: Kind): string {
  if (replaced === 'string' || replaced === 'null') return JSON.stringify(text);
  if (sourceOf(SecretValue.fromText(text)) === undefined) return JSON.stringify(text);
  const root = rootOf(text);
  return kindOf(text, root) === replaced && compact(text, root) === text ? text : JSON.stringify(text);
}

const splice = (source: string, span: Span, text: string): SecretValue =>
  SecretValue.fromText(source.slice(0, span.start) + text + source.slice(span.end));

/** Adds a member at the end, spaced like the one before it. */
function addMember(source: string, parent: Span, name: string, value: string): SecretValue {
  const last = [...membersOf(source, parent)].at(-1);
  const key = JSON.stringify(name);
  if (last === undefined) return splice(source, parent, `{${key}:${value}}`);
  const before = source.slice(last.lead, last.key.start);
  const between = source.slice(last.key.end, last.value.start);
  return splice(source, { start: last.value.end, end: last.value.end }, `,${before}${key}${between}${value}`);
}

function withoutMember(source: string, parent: Span, name: string): string {
  const members = [...membersOf(source, parent)];
  const kept = members.filter((member) => member.name !== name);
  if (kept.length === 0) return `${source.slice(0, parent.start)}{}${source.slice(parent.end)}`;
  const first = members[0];
  const last = members.at(-1);
  if (first === undefined || last === undefined) return source;
  // The first one that stays takes over the spacing behind the brace.
  const body = kept.map((member, index) => source.slice(index === 0 ? member.key.start : member.lead, member.value.end)).join(',');
  return source.slice(0, first.key.start) + body + source.slice(last.value.end);
}

const absent = (field: string): Fault => new Fault('no-field', `the document has no field ${field}`);

const noParent = (field: string): Fault =>
  new Fault('no-field', {
    message: `there is no object in the document for ${field} to go into`,
    hint: 'write the object around it first, or use a plain field name',
  });

const notJson = (): Fault =>
  new Fault('no-field', {
    message: 'the value is not a JSON object, so it has no fields',
    hint: 'take the #field off the reference, or store a JSON object',
    code: 'VALUE_INVALID',
  });

const brokenPointer = (): Fault =>
  new Fault('ref', { message: 'the field is not a JSON pointer', hint: 'inside a pointer write ~ as ~0 and a literal / as ~1' });
