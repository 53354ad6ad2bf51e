/**
 * YAML text -> one document of the `yaml` library, or issues in our own words.
 *
 * The library's messages quote the text, so only their codes and places are used. It recurses and compares keys with
 * each other, so depth and the number of tokens are limited while it reads.
 */
import { Composer, Lexer, LineCounter, Parser, type CST, type Document, type ErrorCode as YamlCode } from 'yaml';
import type { Position } from '../core/errors.ts';
import type { Problems } from './problems.ts';

/** Levels of nesting; a manifest needs eight. */
export const DEEPEST = 64;
/** A manifest of a thousand secrets has thirty thousand. */
const MOST_TOKENS = 250_000;

// YAML allows no control characters besides tab and line breaks.
// oxlint-disable-next-line no-control-regex
const CONTROL = /[\u0000-\u0008\u000b\u000c\u000e-\u001f\u007f]/;

const WORDS: Readonly<Record<YamlCode, readonly [message: string, hint: string]>> = {
  ALIAS_PROPS: ['an alias (*name) takes no anchor and no tag', 'write the alias alone'],
  BAD_ALIAS: ['an anchor or alias has no usable name', 'put quotes around a text that begins with & or *'],
  BAD_COLLECTION_TYPE: ['a tag does not fit what follows it', 'remove the tag'],
  BAD_DIRECTIVE: ['a line that begins with % is not understood', 'put quotes around a text that begins with %'],
  BAD_DQ_ESCAPE: ['an unknown escape with \\ in double quotes', 'use single quotes, or write \\\\ for a backslash'],
  BAD_INDENT: [
    'the indentation does not fit the lines above, or a bracket is not closed',
    'indent entries of one level alike, with spaces',
  ],
  BAD_PROP_ORDER: ['anchors and tags must stand directly in front of their value', 'move or remove them'],
  BAD_SCALAR_START: ['a text cannot begin with this character', 'put quotes around the text'],
  BLOCK_AS_IMPLICIT_KEY: [
    'nested entries must begin on a line of their own',
    'start a new line, or put quotes around a text that holds ": "',
  ],
  BLOCK_IN_FLOW: ['inside { } and [ ] entries are separated by commas', 'add the comma or the closing bracket'],
  DUPLICATE_KEY: ['a key stands twice', 'remove one of them'],
  IMPOSSIBLE: ['this is not YAML', 'check the quotes and the indentation'],
  KEY_OVER_1024_CHARS: ['a key is far too long', 'check the quotes'],
  MISSING_CHAR: ['a closing quote or bracket, a comma or a space is missing', 'check the quotes and brackets here and above'],
  MULTILINE_IMPLICIT_KEY: ['a key and its colon must stand on one line', 'check the quotes and the indentation'],
  MULTIPLE_ANCHORS: ['a value has two anchors', 'remove one of them'],
  MULTIPLE_DOCS: ['the file holds several YAML documents', 'keep one, without --- between'],
  MULTIPLE_TAGS: ['a value has two tags', 'remove them'],
  NON_STRING_KEY: ['a key must be text', 'put quotes around it'],
  RESOURCE_EXHAUSTION: ['it is nested too deeply', `keep to ${DEEPEST} levels`],
  TAB_AS_INDENT: ['a tab is used to indent', 'indent with spaces'],
  TAG_RESOLVE_FAILED: ['tags (!name) are not used in a manifest', 'remove the tag, or put quotes around the text'],
  UNEXPECTED_TOKEN: ['this does not belong here', 'check the quotes, brackets and indentation'],
};

export interface YamlText {
  readonly document: Document.Parsed;
  /** Place of an offset into the text. */
  at(offset: number): Position;
}

/**
 * The only document of a YAML text. Adds to `problems` and returns undefined when it can't be read as one; a text
 * with nothing but comments is a document without contents.
 * @param file as shown in positions
 */
export function readYaml(text: string, file: string, problems: Problems): YamlText | undefined {
  const lines = new LineCounter();
  lines.addNewLine(0);
  const at = (offset: number): Position => {
    const { line, col } = lines.linePos(Math.max(0, offset));
    return { file, line: Math.max(1, line), column: Math.max(1, col) };
  };
  const control = CONTROL.exec(text);
  if (control !== null) {
    const before = text.slice(0, control.index).split('\n');
    problems.invalid({ file, line: before.length, column: (before.at(-1)?.length ?? 0) + 1 }, 'a control character stands here', {
      hint: 'save the file as plain text',
    });
    return undefined;
  }
  const tokens = tokenize(text, lines, (offset, message, hint) => problems.invalid(at(offset), message, { hint }));
  if (tokens === undefined) return undefined;
  const composer = new Composer({
    version: '1.2',
    schema: 'core',
    merge: false,
    resolveKnownTags: false,
    uniqueKeys: false,
    prettyErrors: false,
    logLevel: 'silent',
  });
  let first: Document.Parsed | undefined;
  let broken = false;
  const report = (code: YamlCode, offset: number): void => {
    broken = true;
    const [message, hint] = WORDS[code];
    problems.invalid(at(offset), message, { hint });
  };
  for (const document of composer.compose(tokens, true, text.length) as Iterable<Document.Parsed>) {
    for (const { code, pos } of [...document.errors, ...document.warnings]) report(code, pos[0]);
    if (document.directives.yaml.version !== '1.2') {
      problems.invalid(at(0), 'the manifest is read as YAML 1.2 only', { hint: 'remove the %YAML line' });
      broken = true;
    }
    if (first !== undefined) {
      report('MULTIPLE_DOCS', document.range[0]);
      break;
    }
    first = document;
  }
  return broken || first === undefined ? undefined : { document: first, at };
}

function tokenize(
  text: string,
  lines: LineCounter,
  fail: (offset: number, message: string, hint: string) => void,
): CST.Token[] | undefined {
  const parser = new Parser();
  const tokens: CST.Token[] = [];
  for (let end = text.indexOf('\n'); end >= 0; end = text.indexOf('\n', end + 1)) lines.addNewLine(end + 1);
  let count = 0;
  for (const lexeme of new Lexer().lex(text)) {
    for (const token of parser.next(lexeme)) tokens.push(token);
    // A nested collection takes one place on the stack, a value being read another.
    if (parser.stack.length > DEEPEST + 2) {
      fail(parser.offset, 'it is nested too deeply', `keep to ${DEEPEST} levels`);
      return undefined;
    }
    if (++count > MOST_TOKENS) {
      fail(parser.offset, 'it holds far more entries than a manifest can have', 'split it with extends');
      return undefined;
    }
  }
  for (const token of parser.end()) tokens.push(token);
  return tokens;
}
