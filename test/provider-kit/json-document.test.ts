import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';

import { SecretValue } from '../../src/core/secret-value.ts';
import { checkField, extractField, fieldNames, fieldPath, removeField, replaceField } from '../../src/provider-kit/json-document.ts';
import type { Outcome } from '../../src/core/fault.ts';

const secret = (text: string): SecretValue => SecretValue.fromText(text);

function text(outcome: Outcome<SecretValue>): string {
  if (!outcome.ok) throw outcome.fault;
  return outcome.value.reveal().toString('utf8');
}

function fault(outcome: Outcome<unknown>): { kind: string; code: string } {
  if (outcome.ok) throw new Error('expected a fault');
  return { kind: outcome.fault.kind, code: outcome.fault.code };
}

/** A pointer to a path of keys. */
const pointer = (path: readonly (string | number)[]): string =>
  path.map((key) => `/${String(key).replaceAll('~', '~0').replaceAll('/', '~1')}`).join('');

const key = fc.oneof(
  fc.string({ minLength: 1, unit: 'grapheme' }),
  fc.constantFrom('__proto__', 'constructor', 'a/b', '~', '~1', 'a b', '"', '\\', '0', 'é', '{', '],'),
);
const plainKey = key.filter((name) => !name.startsWith('/'));
const scalar = fc.oneof(fc.string({ unit: 'grapheme' }), fc.integer(), fc.double({ noNaN: true, noDefaultInfinity: true }), fc.boolean());
const tree = fc.letrec((tie) => ({
  node: fc.oneof(
    { maxDepth: 3 },
    scalar,
    fc.array(tie('node'), { maxLength: 3 }),
    fc.uniqueArray(fc.tuple(key, tie('node')), { maxLength: 3, selector: ([name]) => name }).map((entries) => safeObject(entries)),
  ),
})).node;
const entries = fc.uniqueArray(fc.tuple(plainKey, tree), { minLength: 1, maxLength: 5, selector: ([name]) => name });
const indent = fc.constantFrom(undefined, 1, 2, '\t');

/** `Object.fromEntries` on an object without a prototype, so that `__proto__` is a key like any other. */
function safeObject(pairs: readonly (readonly [string, unknown])[]): Record<string, unknown> {
  const object: Record<string, unknown> = Object.create(null) as Record<string, unknown>;
  for (const [name, value] of pairs) object[name] = value;
  return object;
}

const shown = (value: unknown): string => (typeof value === 'string' ? value : JSON.stringify(value));

describe('extractField', () => {
  it.each([
    ['a key', '{"password":"canary-1"}', 'password', 'canary-1'],
    ['a pointer', '{"a":[{"b":"canary-2"}]}', '/a/0/b', 'canary-2'],
    ['a big number, digit by digit', '{"id":12345678901234567890}', 'id', '12345678901234567890'],
    ['a number as it is written', '{"n":1.50e+3}', 'n', '1.50e+3'],
    ['a boolean', '{"t":true,"f":false}', 'f', 'false'],
    ['an object, compact, numbers exact', '{"o": { "x": [ 1.0, "a  b" ] , "y" : null } }', 'o', '{"x":[1.0,"a  b"],"y":null}'],
    ['an empty string', '{"e":""}', 'e', ''],
    ['escapes', '{"e":"\\u00e9\\n\\ud83d\\ude00"}', 'e', 'é\n😀'],
    ['the last of two equal names', '{"a":"old","a":"new"}', 'a', 'new'],
    ['a key of slashes by pointer', '{"/etc/x":"v"}', '/~1etc~1x', 'v'],
    ['an empty key by pointer', '{"":"v"}', '/', 'v'],
    ['an own __proto__', '{"__proto__":"v"}', '__proto__', 'v'],
    ['an element of a list at the root', '["x","y"]', '/1', 'y'],
    ['a document behind a byte order mark', '\ufeff{"a":"v"}', 'a', 'v'],
    ['a document with white space around', ' \n{ "a" : "v" }\n', 'a', 'v'],
  ])('reads %s', (_, document, field, expected) => {
    expect(text(extractField(secret(document), field))).toBe(expected);
  });

  it.each([
    ['a name that is not there', '{"a":1}', 'b', 'FIELD_NOT_FOUND'],
    ['an inherited name', '{"a":1}', 'constructor', 'FIELD_NOT_FOUND'],
    ['__proto__ where it is not a key', '{"a":1}', '/__proto__/toString', 'FIELD_NOT_FOUND'],
    ['null', '{"a":null}', 'a', 'FIELD_NOT_FOUND'],
    ['a step through a string', '{"a":"xyz"}', '/a/0', 'FIELD_NOT_FOUND'],
    ['the length of a list', '{"a":[1]}', '/a/length', 'FIELD_NOT_FOUND'],
    ['an index with a zero in front', '{"a":[1,2]}', '/a/01', 'FIELD_NOT_FOUND'],
    ['an index past the end', '{"a":[1,2]}', '/a/2', 'FIELD_NOT_FOUND'],
    ['an empty list', '{"a":[ ]}', '/a/0', 'FIELD_NOT_FOUND'],
    ['text that is not JSON', 'canary-plain', 'a', 'VALUE_INVALID'],
    ['an empty value', '', 'a', 'VALUE_INVALID'],
    ['a JSON string', '"canary"', 'a', 'VALUE_INVALID'],
    ['a plain name in a list', '["a"]', 'a', 'VALUE_INVALID'],
    ['half of a surrogate pair', '{"a":"\\ud800"}', 'a', 'VALUE_INVALID'],
  ])('refuses %s', (_, document, field, code) => {
    expect(fault(extractField(secret(document), field))).toEqual({ kind: 'no-field', code });
  });

  it('says that null is null', () => {
    const outcome = extractField(secret('{"a":null}'), 'a');
    expect(!outcome.ok && outcome.fault.message).toBe('the field a is null');
  });

  it('refuses bytes that are not UTF-8', () => {
    expect(fault(extractField(SecretValue.fromBytes(Buffer.from('7b2261223a22ff227d', 'hex')), 'a')).code).toBe('VALUE_INVALID');
  });

  it('survives nesting that would exhaust the stack', () => {
    const deep = `{"a":${'['.repeat(5000)}1${']'.repeat(5000)},"b":"v"}`;
    expect(text(extractField(secret(deep), 'b'))).toBe('v');
  });

  it('agrees with JSON.parse on every node, whatever the layout', () => {
    fc.assert(
      fc.property(entries, indent, (pairs, space) => {
        const root = safeObject(pairs);
        const bytes = secret(JSON.stringify(root, undefined, space));
        const nodes = (node: unknown, path: readonly (string | number)[]): [string, unknown][] => [
          [pointer(path), node],
          ...(typeof node === 'object' && node !== null ? Object.entries(node) : []).flatMap(([name, below]) =>
            nodes(below, [...path, name]),
          ),
        ];
        for (const [field, node] of nodes(root, []).slice(1)) expect(text(extractField(bytes, field))).toBe(shown(node));
        for (const [name, value] of pairs) expect(text(extractField(bytes, name))).toBe(shown(value));
      }),
    );
  });

  it('never quotes the document in a fault', () => {
    fc.assert(
      fc.property(fc.string({ maxLength: 40 }), fc.constantFrom('x', '/x/0', '/~2'), (junk, field) => {
        const document = `canary-5d1c${junk}`;
        for (const outcome of [extractField(secret(document), field), removeField(secret(document), field), fieldNames(secret(document))]) {
          if (outcome.ok) throw new Error('expected a fault');
          const { message, detail } = outcome.fault;
          expect(`${message} ${JSON.stringify(detail)} ${String(outcome.fault.cause)}`).not.toContain('canary-5d1c');
        }
      }),
    );
  });
});

describe('replaceField', () => {
  it.each([
    ['a value, the rest untouched', '{ "a": 1.0,\n  "b":"x" }', 'b', 'y', '{ "a": 1.0,\n  "b":"y" }'],
    ['nested, by pointer', '{"a":{"b":["x"]}}', '/a/b/0', 'y', '{"a":{"b":["y"]}}'],
    ['by adding at the end, indented alike', '{\n  "a": "x"\n}\n', 'b', 'y', '{\n  "a": "x",\n  "b": "y"\n}\n'],
    ['by adding on one line', '{"a":"x", "b":"x"}', 'c', 'y', '{"a":"x", "b":"x", "c":"y"}'],
    ['by adding to an empty object', '{ }', 'a', 'y', '{"a":"y"}'],
    ['by adding to an inner object', '{"a":{}}', '/a/b', 'y', '{"a":{"b":"y"}}'],
    ['what will need escapes', '{"a":"x"}', 'a', '"\n', '{"a":"\\"\\n"}'],
    ['a number by a number', '{"port":5432}', 'port', '5433', '{"port":5433}'],
    ['a number by text', '{"port":5432}', 'port', '05433', '{"port":"05433"}'],
    ['a boolean by a boolean', '{"on":true}', 'on', 'false', '{"on":false}'],
    ['a boolean by a number', '{"on":true}', 'on', '1', '{"on":"1"}'],
    ['null by text', '{"a":null}', 'a', 'null', '{"a":"null"}'],
    ['an object by an object', '{"o":{"x":1}}', 'o', '{"x":2}', '{"o":{"x":2}}'],
    ['an object by one with white space, as text', '{"o":{"x":1}}', 'o', '{ }', '{"o":"{ }"}'],
    ['a text of digits by a text of digits', '{"pin":"0042"}', 'pin', '42', '{"pin":"42"}'],
  ])('writes %s', (_, document, field, value, expected) => {
    expect(text(replaceField(secret(document), field, secret(value)))).toBe(expected);
  });

  it('makes the object where there is no document', () => {
    expect(text(replaceField(undefined, 'a', secret('v')))).toBe('{"a":"v"}');
    expect(text(replaceField(undefined, '/a~1b', secret('v')))).toBe('{"a/b":"v"}');
  });

  it.each([
    ['without the object around it', '{"a":1}', '/x/b', { kind: 'no-field', code: 'FIELD_NOT_FOUND' }],
    ['into a string', '{"a":"s"}', '/a/b', { kind: 'no-field', code: 'FIELD_NOT_FOUND' }],
    ['past the end of a list', '{"a":[1]}', '/a/1', { kind: 'no-field', code: 'FIELD_NOT_FOUND' }],
    ['into what is not JSON', 'plain', 'a', { kind: 'no-field', code: 'VALUE_INVALID' }],
    ['by a broken pointer', '{}', '/a~', { kind: 'ref', code: 'REF_INVALID' }],
  ])('does not write %s', (_, document, field, expected) => {
    expect(fault(replaceField(secret(document), field, secret('v')))).toEqual(expected);
  });

  it('does not make objects on the way of a pointer', () => {
    expect(fault(replaceField(undefined, '/a/b', secret('v'))).kind).toBe('no-field');
  });

  it('refuses a value that is not UTF-8', () => {
    const outcome = replaceField(secret('{}'), 'a', SecretValue.fromBytes(Buffer.from([0xff])));
    expect(fault(outcome)).toEqual({ kind: 'unsupported', code: 'VALUE_INVALID' });
  });

  it('reads back what was written and keeps the neighbours, byte by byte', () => {
    const anyText = fc.oneof(fc.string({ unit: 'grapheme' }), scalar.map(shown), tree.map(shown));
    fc.assert(
      fc.property(entries, indent, plainKey, anyText, (pairs, space, field, value) => {
        const before = secret(JSON.stringify(safeObject(pairs), undefined, space));
        const after = replaceField(before, field, secret(value));
        if (!after.ok) throw after.fault;
        expect(text(extractField(after.value, field))).toBe(value);
        for (const [name, old] of pairs.filter(([other]) => other !== field))
          expect(text(extractField(after.value, name))).toBe(shown(old));
        const names = Object.keys(safeObject(pairs));
        const listed = fieldNames(after.value);
        expect(listed.ok && [...listed.value].toSorted()).toEqual([...new Set([...names, field])].toSorted());
      }),
    );
  });

  it('changes nothing but the value of a field that is there', () => {
    fc.assert(
      fc.property(entries, indent, fc.nat(), fc.string(), (pairs, space, pick, value) => {
        const [field] = pairs[pick % pairs.length] ?? [''];
        const root = safeObject(pairs.map(([name, old]) => [name, name === field ? 'x' : old]));
        const changed = safeObject(pairs.map(([name, old]) => [name, name === field ? value : old]));
        expect(text(replaceField(secret(JSON.stringify(root, undefined, space)), field, secret(value)))).toBe(
          JSON.stringify(changed, undefined, space),
        );
      }),
    );
  });
});

describe('removeField', () => {
  it.each([
    ['the first', '{ "a": 1, "b": 2 }', 'a', '{ "b": 2 }'],
    ['the middle', '{"a":1, "b":2, "c":3}', 'b', '{"a":1, "c":3}'],
    ['the last', '{\n  "a": 1,\n  "b": 2\n}', 'b', '{\n  "a": 1\n}'],
    ['the only one', '{ "a": 1 }', 'a', '{}'],
    ['a nested one', '{"o":{"a":1,"b":2}}', '/o/b', '{"o":{"a":1}}'],
    ['both of a name that stands twice', '{"a":1,"b":2,"a":3}', 'a', '{"b":2}'],
  ])('takes out %s', (_, document, field, expected) => {
    expect(text(removeField(secret(document), field))).toBe(expected);
  });

  it('says what it cannot take out', () => {
    expect(fault(removeField(secret('{"a":1}'), 'b')).kind).toBe('no-field');
    expect(fault(removeField(secret('{"a":[1]}'), '/a/0')).kind).toBe('unsupported');
    expect(fault(removeField(secret('plain'), 'a')).code).toBe('VALUE_INVALID');
  });

  it('undoes an addition', () => {
    fc.assert(
      fc.property(entries, indent, plainKey, fc.string(), (pairs, space, field, value) => {
        fc.pre(pairs.every(([name]) => name !== field));
        const before = JSON.stringify(safeObject(pairs), undefined, space);
        const added = replaceField(secret(before), field, secret(value));
        if (!added.ok) throw added.fault;
        expect(text(removeField(added.value, field))).toBe(before);
      }),
    );
  });
});

describe('fieldNames', () => {
  it('lists the names of an object in its order, each once', () => {
    expect(fieldNames(secret('{"b":1,"a":{"c":2},"b":3,"\\u0061b":4}'))).toEqual({ ok: true, value: ['b', 'a', 'ab'] });
    expect(fieldNames(secret('{}'))).toEqual({ ok: true, value: [] });
  });

  it('says that a list or plain text has none', () => {
    expect(fault(fieldNames(secret('[1]'))).code).toBe('VALUE_INVALID');
    expect(fault(fieldNames(secret('plain'))).code).toBe('VALUE_INVALID');
  });
});

describe('fieldPath', () => {
  it('undoes the escapes of a pointer', () => {
    fc.assert(
      fc.property(fc.array(fc.string(), { minLength: 1 }), (path) => {
        expect(fieldPath(pointer(path))).toEqual(path);
      }),
    );
  });

  it('takes a plain name as one key', () => {
    expect(fieldPath('a/b~c')).toEqual(['a/b~c']);
  });

  it('lets an adapter refuse a broken pointer offline', () => {
    expect(() => checkField('/a~2')).toThrow('the field is not a JSON pointer');
    expect(() => checkField('/a~')).toThrow('the field is not a JSON pointer');
    expect(() => checkField('a~')).not.toThrow();
    expect(() => checkField(undefined)).not.toThrow();
  });
});
