/**
 * Edits of the manifest's text that keep comments and formatting. Each returns the new text and writes nothing; the
 * result is read again, and only the change that was meant may show.
 */
import type { Plain } from './edit-text.ts';
import { Editor, type EditOptions } from './editor.ts';
import { SOURCES } from './merge.ts';
import { ENVIRONMENT_NAME } from './shape.ts';

/** A secret to add: where its value comes from, and what else is known about it. */
export type NewEntry = ({ readonly reference: string } | { readonly value: string }) & {
  /** Further keys of the entry, such as `{ owner: 'payments', tags: ['db'] }`. */
  readonly details?: Readonly<Record<string, Plain>>;
  /** A comment to stand above it; dropped in a manifest that has no lines for it (JSON). */
  readonly comment?: string;
};

type PlainMap = { [key: string]: Plain };

/** @throws SecretsError when the name is there already or no environment name, or the text can't be edited safely */
export function addSecret(text: string, name: string, entry: NewEntry, options: EditOptions = {}): string {
  const editor = Editor.open(text, options);
  if (!ENVIRONMENT_NAME.test(name))
    throw editor.refuse('the name is no environment name: letters, digits and _, not a digit first', 'choose another name');
  const path = secretsPath(options);
  if (editor.find([...path, name]) !== undefined)
    throw editor.refuse(`${name} is in the manifest already`, `secrets set ${name} stores its value`);
  const source: PlainMap = 'reference' in entry ? { ref: entry.reference } : { value: entry.value };
  const details = Object.entries(entry.details ?? {});
  const value: Plain = 'reference' in entry && details.length === 0 ? entry.reference : { ...source, ...Object.fromEntries(details) };
  return editor.insert(path, { key: name, value, ...(entry.comment === undefined ? {} : { comment: entry.comment.split(/\r?\n/) }) });
}

/**
 * Makes a reference the source of a secret, whatever it was before. In a profile that does not mention the secret, an
 * entry is added.
 * @throws SecretsError when the manifest has no such secret, or the text can't be edited safely
 */
export function setReference(text: string, name: string, reference: string, options: EditOptions = {}): string {
  const editor = Editor.open(text, options);
  const path = [...secretsPath(options), name];
  const found = editor.find(path);
  if (found === undefined) {
    if (options.profile === undefined) throw editor.unknown(name);
    return addSecret(text, name, { reference }, options);
  }
  if (!editor.isMapping(path)) return editor.setValue(path, reference);
  const source = SOURCES.find((key) => editor.find([...path, key]) !== undefined);
  if (source === undefined) return editor.insert(path, { key: 'ref', value: reference });
  return source === 'ref' ? editor.setValue([...path, source], reference) : editor.replacePair([...path, source], 'ref', reference);
}

/**
 * Removes a secret: from one profile, or from the base and every profile.
 * @throws SecretsError when it is not there, or the text can't be edited safely
 */
export function removeSecret(text: string, name: string, options: EditOptions = {}): string {
  const editor = Editor.open(text, options);
  const sections =
    options.profile === undefined
      ? [['secrets'], ...editor.keysAt('profiles').map((profile) => ['profiles', profile, 'secrets'])]
      : [secretsPath(options)];
  const present = sections.filter((path) => editor.find([...path, name]) !== undefined);
  if (present.length === 0) throw editor.unknown(name);
  return present.reduce((result, path) => Editor.open(result, options).remove(path, name), text);
}

const secretsPath = ({ profile }: EditOptions): readonly string[] =>
  profile === undefined ? ['secrets'] : ['profiles', profile, 'secrets'];
