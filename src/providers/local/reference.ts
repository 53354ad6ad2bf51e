/** References of the local store: `local://NAME`. Offline. */
import { Fault } from '../../core/fault.ts';
import type { Reference } from '../../core/reference.ts';
import type { ParsedRef } from '../../provider-kit/contract.ts';
import { checkField } from '../../provider-kit/json-document.ts';
import { refusePendingKey } from '../../provider-kit/pending.ts';

/** Segments of letters, digits, `_`, `-` and `.`, beginning with a letter, digit or `_`. */
const NAME = /^[A-Za-z0-9_][A-Za-z0-9_.-]*(?:\/[A-Za-z0-9_][A-Za-z0-9_.-]*)*$/;
const MAX_NAME = 200;
const VERSION = /^[1-9][0-9]{0,8}$/;

/** Whether a text can name a secret of the store. */
export const isName = (text: string): boolean => text.length <= MAX_NAME && NAME.test(text);

export function parseRef({ path, options, field }: Reference): ParsedRef {
  const { version, ...others } = options;
  if (Object.keys(others).length > 0) throw wrong('a local reference takes one option, version', 'write ?version=N or nothing');
  if (version !== undefined && !VERSION.test(version))
    throw wrong('a version of the local store is a number', 'secrets history NAME lists them');
  if (!isName(path)) {
    throw wrong(
      `a local name has up to ${MAX_NAME} letters, digits, '_', '-', '.' and '/'; no part is empty or begins with '-' or '.'`,
      'write it like local://db/password',
    );
  }
  refusePendingKey(path);
  checkField(field);
  return { key: path, ...(version === undefined ? {} : { version }), ...(field === undefined ? {} : { field }) };
}

export function formatRef(ref: ParsedRef): { path: string; options: Readonly<Record<string, string>>; field?: string } {
  return {
    path: ref.key,
    options: ref.version === undefined ? {} : { version: ref.version },
    ...(ref.field === undefined ? {} : { field: ref.field }),
  };
}

const wrong = (message: string, hint: string): Fault => new Fault('ref', { message, hint });
