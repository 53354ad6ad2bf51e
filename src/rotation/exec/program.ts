/** The process of the rotator `exec`: bounded in time and in the size of a message, with an environment of its own. */
import { spawn, type ChildProcessWithoutNullStreams } from 'node:child_process';
import { createInterface } from 'node:readline';
import { Fault } from '../../core/fault.ts';
import { SecretValue } from '../../core/secret-value.ts';
import { Masker, MaskPlan } from '../../mask/masker.ts';
import { needlesFor } from '../../mask/needles.ts';
import { wrongAnswer } from './messages.ts';

/** Bytes of one message. */
const MOST_FRAME = 1024 * 1024;
const CLOSE_MS = 2_000;
/** Bytes of the shortest value that is masked. */
const MASKED_FROM = 6;

export interface ProgramOptions {
  readonly file: string;
  readonly args: readonly string[];
  readonly cwd: string;
  readonly env: Readonly<Record<string, string>>;
  /** Milliseconds for one step. */
  readonly limitMs: number;
  /** What it writes to stderr, line by line, masked. */
  readonly say: (line: string) => void;
  readonly signal: AbortSignal;
}

export class Program {
  readonly #child: ChildProcessWithoutNullStreams;
  readonly #options: ProgramOptions;
  /** Copies: the values themselves are overwritten when a step is over. */
  readonly #known: SecretValue[] = [];
  readonly #exited: Promise<void>;
  #plan: MaskPlan | undefined;
  #waiting: { readonly resolve: (line: string) => void; readonly reject: (fault: Fault) => void } | undefined;
  #buffer = '';
  #ended: Fault | undefined;

  constructor(options: ProgramOptions) {
    this.#options = options;
    this.#child = spawn(options.file, [...options.args], {
      cwd: options.cwd,
      env: { ...options.env },
      stdio: ['pipe', 'pipe', 'pipe'],
      signal: options.signal,
    });
    const { promise, resolve } = Promise.withResolvers<void>();
    this.#exited = promise;
    const over = (why: string): void => {
      this.#end(
        new Fault('unavailable', { message: `the program of the rotator ${why}`, hint: 'see what it wrote above', retryable: false }),
      );
      resolve();
    };
    this.#child.once('error', () => over(options.signal.aborted ? 'was interrupted' : 'could not be run'));
    this.#child.once('close', (code, signal) => over(signal === null ? `ended with ${code ?? 0}` : `was ended by ${signal}`));
    // A program that ends early closes its input: its end is what is told.
    this.#child.stdin.on('error', () => undefined);
    this.#child.stdout.setEncoding('utf8').on('data', (text: string) => this.#take(text));
    createInterface({ input: this.#child.stderr }).on('line', (line) => options.say(this.#masked(line)));
  }

  /** A value that is masked in what the program writes to stderr. */
  know(value: SecretValue): void {
    if (this.#known.some((known) => known.equals(value))) return;
    this.#known.push(SecretValue.fromBytes(value.reveal()));
    this.#plan = undefined;
  }

  /** Sends a message and gives the next line of the answer. @throws Fault */
  async ask(message: object): Promise<string> {
    if (this.#ended !== undefined) throw this.#ended;
    const { promise, resolve, reject } = Promise.withResolvers<string>();
    this.#waiting = { resolve, reject };
    const timer = setTimeout(() => {
      this.#child.kill('SIGKILL');
      this.#end(
        new Fault('timeout', {
          message: `the program of the rotator did not answer within ${Math.round(this.#options.limitMs / 1000)} s`,
          hint: 'rotate.timeout in the manifest allows more',
        }),
      );
    }, this.#options.limitMs);
    try {
      this.#child.stdin.write(`${JSON.stringify(message)}\n`);
      return await promise;
    } finally {
      clearTimeout(timer);
      this.#waiting = undefined;
    }
  }

  /** Lets it end by itself, then ends it. Never throws. */
  async close(): Promise<void> {
    this.#child.stdin.end();
    const timer = setTimeout(() => this.#child.kill('SIGKILL'), CLOSE_MS);
    await this.#exited;
    clearTimeout(timer);
    for (const value of this.#known) value.wipe();
  }

  #take(text: string): void {
    this.#buffer += text;
    const at = this.#buffer.indexOf('\n');
    if (at < 0) {
      if (this.#buffer.length <= MOST_FRAME) return;
      this.#child.kill('SIGKILL');
      this.#end(wrongAnswer('a message is longer than 1 MiB'));
      return;
    }
    const line = this.#buffer.slice(0, at);
    this.#buffer = this.#buffer.slice(at + 1);
    this.#waiting?.resolve(line);
  }

  #end(fault: Fault): void {
    this.#ended ??= fault;
    this.#waiting?.reject(this.#ended);
  }

  #masked(line: string): string {
    const values = this.#known.map((value) => ({ name: 'value', bytes: value.reveal() }));
    this.#plan ??= new MaskPlan(needlesFor(values, { minLength: MASKED_FROM }));
    const masker = new Masker(this.#plan);
    const text = Buffer.concat([...masker.push(Buffer.from(line)), ...masker.end()]).toString('utf8');
    // oxlint-disable-next-line no-control-regex -- a program must not steer the terminal
    return text.replace(/[\u0000-\u0008\u000b-\u001f\u007f-\u009f]/g, '?');
  }
}
