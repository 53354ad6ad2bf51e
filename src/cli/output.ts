/** All that is printed: results on stdout, everything else on stderr. */
import { write, writeSync } from 'node:fs';
import path from 'node:path';
import { CODES, SecretsError, type Issue, type Position } from '../core/errors.ts';
import { repeatOptions, type Repeated } from './repeat-options.ts';

export interface OutputOptions {
  readonly json: boolean;
  readonly quiet: boolean;
  readonly verbose: boolean;
  readonly debug: boolean;
  readonly cwd: string;
  /** Colour on stdout and on stderr. */
  readonly color: { readonly stdout: boolean; readonly stderr: boolean };
  /** Columns of stdout's terminal; undefined in a pipe. */
  readonly columns: number | undefined;
  /** --manifest and --profile as they were given, for hints. */
  readonly given?: Repeated;
}

export type Style = 'bold' | 'dim' | 'red' | 'yellow' | 'green' | 'cyan';

const STYLES: Readonly<Record<Style, readonly [number, number]>> = {
  bold: [1, 22],
  dim: [2, 22],
  red: [31, 39],
  yellow: [33, 39],
  green: [32, 39],
  cyan: [36, 39],
};

export class Output {
  readonly options: OutputOptions;

  constructor(options: OutputOptions) {
    this.options = options;
  }

  get json(): boolean {
    return this.options.json;
  }

  /** The result, as it is: text that ends a line, or a value's exact bytes. @throws SecretsError IO */
  result(content: string | Uint8Array): void {
    writeAll(1, typeof content === 'string' ? Buffer.from(content) : content);
  }

  /** The result as JSON, one object. */
  resultJson(value: unknown): void {
    this.result(`${JSON.stringify(value, undefined, 2)}\n`);
  }

  /** What the person should know; silenced by --quiet. */
  notice(message: string): void {
    if (!this.options.quiet) this.#say(`secrets: ${message}`);
  }

  /** Said with --verbose only. */
  detail(message: string): void {
    if (this.options.verbose || this.options.debug) this.#say(`secrets: ${message}`);
  }

  debug(message: string): void {
    if (this.options.debug) this.#say(this.styled('dim', `secrets: debug: ${message}`));
  }

  warn(issue: Omit<Issue, 'code'>): void {
    if (this.options.quiet) return;
    const shown = issue.hint === undefined ? issue : { ...issue, hint: this.hint(issue.hint) };
    this.#say(block(`secrets: ${this.styled('yellow', 'warning')}: `, shown, this.#where));
  }

  /** An error and how it ends the program: every problem, then what it means for the command. */
  error(error: SecretsError, ending?: string): void {
    this.#say(this.#errorText(error, ending));
  }

  /** The same where a reader that takes nothing must not hold us up. Settles when it was written, or can't be. */
  async errorAside(error: SecretsError, ending?: string): Promise<void> {
    return new Promise((resolve) => {
      write(2, `${this.#errorText(error, ending)}\n`, () => resolve());
    });
  }

  #errorText(error: SecretsError, ending: string | undefined): string {
    if (this.options.json) return JSON.stringify(errorJson(error, (hint) => this.hint(hint)));
    const problems = bySameCause(error.issues);
    const blocks = problems.map((issue) => {
      const hint = this.hint(issue.hint ?? CODES[issue.code].hint);
      return block(`secrets: ${this.styled('red', `error[${issue.code}]`)}: `, { ...issue, hint }, this.#where);
    });
    const result = [problems.length > 1 ? `${problems.length} problems` : undefined, ending].filter((part) => part !== undefined);
    return [...blocks, ...(result.length === 0 ? [] : [`secrets: ${result.join('; ')}`])].join('\n');
  }

  /** A hint as it is to be typed in this call: with the manifest and the profile that it was given. */
  hint(text: string): string {
    return repeatOptions(text, this.options.given ?? {});
  }

  /** Text in a style, if this stream shows colour. */
  styled(style: Style, text: string, stream: 'stdout' | 'stderr' = 'stderr'): string {
    if (!this.options.color[stream]) return text;
    const [on, off] = STYLES[style];
    return `\u001b[${on}m${text}\u001b[${off}m`;
  }

  /** `file:line:column`, the file from the working directory where that is shorter. */
  readonly #where = (at: Position): string => `${shortPath(at.file, this.options.cwd)}:${at.line}:${at.column}`;

  where(at: Position): string {
    return this.#where(at);
  }

  #say(text: string): void {
    try {
      writeAll(2, Buffer.from(`${text}\n`));
    } catch {
      // nobody listens on stderr; the exit code still tells
    }
  }
}

export function shortPath(file: string, cwd: string): string {
  if (!path.isAbsolute(file)) return file;
  const relative = path.relative(cwd, file);
  return relative !== '' && relative.length < file.length ? relative : file;
}

/** One issue for all secrets that have the same problem, such as a manager that cannot be reached; it is at the first of them. */
export function bySameCause(issues: readonly Issue[]): readonly Issue[] {
  const alike = Map.groupBy(issues, ({ code, message, hint, owner, contact, runbook }) =>
    JSON.stringify([code, message, hint, owner, contact, runbook]),
  );
  return [...alike.values()].flatMap((group) => {
    const names = group.flatMap(({ name }) => (name === undefined ? [] : [name]));
    const [first] = group;
    if (first === undefined || names.length < group.length) return group;
    return [{ ...first, name: names.join(', ') }];
  });
}

function block(head: string, issue: Omit<Issue, 'code'>, where: (at: Position) => string): string {
  const subject = issue.name ?? issue.provider;
  const owner = [issue.owner, issue.contact === undefined ? undefined : `(${issue.contact})`]
    .filter((part) => part !== undefined)
    .join(' ');
  return [
    `${head}${subject === undefined ? '' : `${subject}: `}${issue.message}`,
    ...(issue.at === undefined ? [] : [`  at ${where(issue.at)}`]),
    ...(issue.hint === undefined ? [] : [`  hint: ${issue.hint}`]),
    ...(owner === '' ? [] : [`  owner: ${owner}`]),
    ...(issue.runbook === undefined ? [] : [`  runbook: ${issue.runbook}`]),
  ].join('\n');
}

/** The documented form of an error with --json. */
function errorJson(error: SecretsError, typed: (hint: string) => string): unknown {
  const { primary } = error;
  const one = (issue: Issue): Record<string, unknown> => ({
    code: issue.code,
    message: issue.message,
    hint: typed(issue.hint ?? CODES[issue.code].hint),
    at: issue.at,
    name: issue.name,
    reference: issue.reference,
    provider: issue.provider,
    retryable: CODES[issue.code].retryable,
    owner: issue.owner,
    contact: issue.contact,
    runbook: issue.runbook,
  });
  return { error: { ...one(primary), issues: error.issues.map(one) } };
}

/** Writes everything, also to a pipe in non-blocking mode that is full for a moment. */
function writeAll(fd: 1 | 2, bytes: Uint8Array): void {
  for (let at = 0; at < bytes.length;) {
    try {
      at += writeSync(fd, bytes, at);
    } catch (error) {
      const { code } = error as NodeJS.ErrnoException;
      if (code === 'EAGAIN') {
        Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 5);
        continue;
      }
      // The reader has gone, as in `secrets list | head -1`: end as a program does that knows SIGPIPE.
      if (code === 'EPIPE' && fd === 1) process.exit(141);
      throw new SecretsError({
        code: 'IO',
        message: `${fd === 1 ? 'stdout' : 'stderr'} cannot be written${code === 'ENOSPC' ? ': no space is left' : ''}`,
        hint: 'check where the output goes',
      });
    }
  }
}
