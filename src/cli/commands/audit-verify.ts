/**
 * `secrets audit verify`: whether every record is as it was written and none is missing. With `--head` also whether the
 * end is. Exit 1: something is wrong, and the first wrong record is named.
 *
 * --json: `{ ok, log, records, runs, torn, since, until, firstPart }`, or `{ ok, log, file, line, problem }`.
 */
import type { Command } from 'commander';
import { keyFileOf, readKey } from '../../audit/key.ts';
import { SinkFault } from '../../audit/sinks/sink.ts';
import { isHead, verifyLog, type Verdict } from '../../audit/verify.ts';
import { SecretsError } from '../../core/errors.ts';
import { ownLog } from '../audit-options.ts';
import type { CommandModule } from '../commands.ts';
import type { Context } from '../context.ts';
import { shortPath } from '../output.ts';

export const define: CommandModule['define'] = (command, open) => {
  command
    .summary('check that no record was changed, taken out, moved or put in')
    .description('Checks that no record was changed, taken out, moved or put in.')
    .option('--head <word>', 'what secrets audit head printed before: also check that the end is there')
    .action(async ({ head }: { readonly head?: string }, self: Command) => verify(open(self), head));
};

async function verify(context: Context, head: string | undefined): Promise<void> {
  if (head !== undefined && !isHead(head))
    throw new SecretsError({ code: 'USAGE', message: '--head takes what secrets audit head printed', hint: 'secrets audit head' });
  const log = ownLog(context);
  if (log === undefined) throw noLog();
  const verdict = verifyLog(log, await keyOf(context, log), head);
  const { output } = context;
  if (output.json) output.resultJson({ ...verdict, log });
  else if (verdict.ok) sayGood(context, log, verdict);
  else {
    const place = verdict.line === undefined ? '' : ` line ${verdict.line}`;
    output.result(`${shortPath(verdict.file, context.cwd)}${place === '' ? '' : `:${verdict.line}`}:${place} ${verdict.problem}\n`);
  }
  if (!verdict.ok) process.exitCode = 1;
}

const noLog = (): SecretsError =>
  new SecretsError({
    code: 'IO',
    message: 'there is no home folder, so there is no audit log',
    hint: 'export HOME, SECRETS_STATE_DIR, or SECRETS_AUDIT=file:PATH',
  });

async function keyOf(context: Context, log: string): ReturnType<typeof readKey> {
  try {
    return await readKey({
      file: keyFileOf(log),
      keychain: async () => (await import('../../platform/keychain.ts')).openKeychain(context.env),
    });
  } catch (error) {
    if (!(error instanceof SinkFault)) throw error;
    throw new SecretsError({ code: 'IO', message: error.message, hint: error.hint });
  }
}

function sayGood({ output, cwd }: Context, log: string, verdict: Extract<Verdict, { ok: true }>): void {
  const { records, runs, torn, since, firstPart } = verdict;
  if (records === 0) {
    output.result('nothing is recorded yet\n');
    return;
  }
  output.result(`${counted(records, 'record')} of ${counted(runs, 'run')} since ${since ?? ''} in order: ${shortPath(log, cwd)}\n`);
  if (torn > 0)
    output.notice(
      `${counted(torn, 'line')} of killed runs ${torn === 1 ? 'is' : 'are'} not finished, and ${torn === 1 ? 'does' : 'do'} not count`,
    );
  if (firstPart > 1) output.notice(`the parts before number ${firstPart} are not here any more, so nothing is said about them`);
}

const counted = (count: number, noun: string): string => `${count} ${noun}${count === 1 ? '' : 's'}`;
