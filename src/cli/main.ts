/** The program's first step: what needs no command line is answered without loading one. */
import { VERSION } from '../core/version.ts';

export async function main(argv: readonly string[]): Promise<void> {
  if (argv.length === 1 && (argv[0] === '--version' || argv[0] === '-V')) {
    process.stdout.write(`${VERSION}\n`);
    return;
  }
  const { runProgram } = await import('./program.ts');
  await runProgram(argv);
}
