/** The program's first step: what needs no command line is answered without loading one. */
import { createRequire } from 'node:module';
import path from 'node:path';
import { VERSION } from '../core/version.ts';
import { keptCodeFolder, loadKept } from '../platform/kept-code.ts';
import type * as Program from './program.ts';

export async function main(argv: readonly string[]): Promise<void> {
  if (argv.length === 1 && (argv[0] === '--version' || argv[0] === '-V')) {
    process.stdout.write(`${VERSION}\n`);
    return;
  }
  const file = path.join(import.meta.dirname, 'program.cjs');
  const folder = keptCodeFolder(process.env);
  // The start of `run` counts most, and it calls other functions than all other commands do.
  const kind = argv[0] === 'run' || argv[0] === 'exec' ? 'run' : 'other';
  const program = folder === undefined ? (createRequire(file)(file) as unknown) : loadKept(file, folder, kind);
  await (program as typeof Program).runProgram(argv);
}
