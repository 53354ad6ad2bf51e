/** The program under strace, which sees every process and every byte. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { ToolFacts } from '../../bed/facts.ts';
import { cli } from './cli.ts';
import type { CliOptions, CliResult } from './cli.ts';
import { tempDir } from './home.ts';

export interface TraceOptions extends CliOptions {
  /** System calls to record, such as `execve`. */
  readonly calls: readonly string[];
  /** More of strace's own options, such as `-y` or `-e inject=…`. */
  readonly strace?: readonly string[];
}

export interface TracedResult extends CliResult {
  /** What strace wrote: one call a line, of all processes. */
  readonly trace: string;
}

/** Runs the program and all its children under strace. Take the tool from `describeWith('strace', …)`. */
export async function tracedCli(strace: ToolFacts, args: readonly string[], options: TraceOptions): Promise<TracedResult> {
  const file = join(tempDir('trace'), 'trace');
  const wrapper = [strace.path, '-f', '-qq', '-v', '-s', '1000000', '-e', `trace=${options.calls.join(',')}`];
  const result = await cli(args, { limitMs: 60_000, ...options, wrapper: [...wrapper, ...(options.strace ?? []), '-o', file] });
  return { ...result, trace: readFileSync(file, 'latin1') };
}
