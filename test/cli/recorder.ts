/** Runs one command inside the test's own process and keeps what it prints. */
import { Command } from 'commander';
import { SecretsError, type Issue } from '../../src/core/errors.ts';
import type { CommandModule } from '../../src/cli/commands.ts';
import { Output, type OutputOptions } from '../../src/cli/output.ts';

export interface Recorded {
  readonly stdout: string;
  /** Notices and details, one a line. */
  readonly said: readonly string[];
  readonly warnings: readonly Omit<Issue, 'code'>[];
  /** What it ended with; its issues are in it. */
  readonly error: SecretsError | undefined;
  readonly exitCode: number;
}

export interface CommandOptions {
  readonly cwd: string;
  readonly env?: Readonly<Record<string, string>>;
  readonly json?: boolean;
  readonly profile?: string;
  /** Width of the terminal; none: a pipe. */
  readonly columns?: number;
}

class Recorder extends Output {
  readonly chunks: Buffer[] = [];
  readonly said: string[] = [];
  readonly warnings: Omit<Issue, 'code'>[] = [];

  override result(content: string | Uint8Array): void {
    this.chunks.push(Buffer.from(content));
  }

  override notice(message: string): void {
    this.said.push(message);
  }

  override detail(message: string): void {
    this.said.push(message);
  }

  override warn(issue: Omit<Issue, 'code'>): void {
    this.warnings.push(issue);
  }
}

/** Anything but a SecretsError fails the test. */
export async function runCommand(module: CommandModule, args: readonly string[], options: CommandOptions): Promise<Recorded> {
  const shape: OutputOptions = {
    json: options.json === true,
    quiet: false,
    verbose: false,
    debug: false,
    cwd: options.cwd,
    color: { stdout: false, stderr: false },
    columns: options.columns,
  };
  const output = new Recorder(shape);
  const command = new Command('test').exitOverride();
  module.define(command, () => ({
    env: { SECRETS_TRUST: '1', ...options.env },
    cwd: options.cwd,
    output,
    limits: { totalMs: 5_000, requestMs: 5_000 },
    manifest: undefined,
    profile: options.profile,
    interactive: false,
  }));
  const before = process.exitCode;
  let error: SecretsError | undefined;
  try {
    await command.parseAsync([...args], { from: 'user' });
  } catch (thrown) {
    if (!(thrown instanceof SecretsError)) throw thrown;
    error = thrown;
  }
  const exitCode = error?.exit ?? Number(process.exitCode ?? 0);
  process.exitCode = before;
  return { stdout: Buffer.concat(output.chunks).toString(), said: output.said, warnings: output.warnings, error, exitCode };
}

/** The cells of a printed table, by row; columns are two spaces apart. */
export const rowsOf = (text: string): readonly (readonly string[])[] =>
  text
    .trimEnd()
    .split('\n')
    .map((line) => line.split(/ {2,}/));
