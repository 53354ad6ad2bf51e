/** The program's output under `secrets run`: masked where the rules say so, and what is said about that. */
import type { ChildProcess } from 'node:child_process';
import { SecretsError } from '../core/errors.ts';
import type { MaskRules } from '../core/model.ts';
import { needsMasking, pipedStreams } from '../platform/output-kind.ts';
import { closePipes, makePipes, type PipeEnds } from '../platform/pipe.ts';
import type { Prepared, Run } from '../run/prepare.ts';
import type { Streams } from '../run/streams.ts';
import type { Context } from './context.ts';

/** Gives a set of pipes for each start of the program; undefined where the system has none. */
export type PipeSource = () => Promise<readonly PipeEnds[] | undefined>;

/** Begins to make the pipes of the first start, since that takes a process and the secrets are fetched meanwhile. */
export function beginPipes(rules: MaskRules): PipeSource {
  const make: PipeSource = async () => {
    const { names, together } = pipedStreams();
    return names.length === 0 ? [] : makePipes(together ? 1 : names.length);
  };
  let begun = rules.mode === 'never' || !needsMasking(rules.mode) ? undefined : make();
  return () => {
    const pipes = begun ?? make();
    begun = undefined;
    return pipes;
  };
}

/**
 * Masking is loaded only where a stream needs it.
 * @param growing whether there may be something to mask later, where there is nothing now
 */
export async function openStreams(
  context: Context,
  prepared: Prepared,
  run: Run,
  rules: MaskRules,
  growing: boolean,
  newPipes: PipeSource,
): Promise<Streams | undefined> {
  if (rules.mode === 'never') return undefined;
  if (!needsMasking(rules.mode)) return undefined;
  const { Streams } = await import('../run/streams.ts');
  const { maskingFor } = await import('../run/masking.ts');
  const { plan, isEmpty, unmasked } = maskingFor(prepared, run.reported, rules);
  if (unmasked.length > 0) context.output.warn({ message: `${unmasked.join(', ')}: too short or too common to be masked in the output` });
  const pipes = await newPipes();
  if (isEmpty && !growing) {
    closePipes(pipes);
    return undefined;
  }
  const streams = new Streams(plan, rules.mode, pipes);
  if (streams.ptyMissing) noPty(context, streams, rules);
  if (streams.sockets)
    context.output.notice('this system gives no pipe, so the program cannot open /dev/stdout itself while its output is masked');
  return streams;
}

function noPty(context: Context, streams: Streams, rules: MaskRules): void {
  const message = 'no pseudo-terminal is to be had, so what goes to the terminal cannot be masked';
  const hint = 'npm install @lydell/node-pty, or send the output to a pipe: … | cat';
  if (!rules.requirePty) {
    context.output.warn({ message, hint });
    return;
  }
  streams.abandon();
  throw new SecretsError({ code: 'DEPENDENCY_MISSING', message, hint });
}

/**
 * Starts to forward, and reacts at once when a stream can't be forwarded.
 * @param fail called when masking has failed, which must end the program
 */
export function watchStreams(
  context: Context,
  streams: Streams | undefined,
  child: ChildProcess,
  fail: (error: SecretsError) => void,
): void {
  streams?.start(child, (stream, how) => {
    if (how === 'unwritable')
      context.output.error(
        new SecretsError({
          code: 'IO',
          message: `${stream} cannot be written; what the program prints there is lost`,
          hint: 'check where it goes: is the disk full?',
        }),
      );
    if (how === 'mask-failed')
      fail(new SecretsError({ code: 'INTERNAL', message: `masking ${stream} failed, so nothing more of it is shown` }));
  });
}

/** How long what is being written may take when a signal asks to end, in milliseconds. */
const CUT_MS = 200;

/**
 * Passes on what the child left. A signal meanwhile cuts it off.
 * @returns that signal when the reader took nothing more even then: only a signal ends a process that is writing
 */
export async function finishStreams(
  context: Context,
  streams: Streams | undefined,
  late: Promise<NodeJS.Signals>,
): Promise<NodeJS.Signals | undefined> {
  if (streams === undefined) return undefined;
  const cut = late.then(async (signal) => {
    streams.stop();
    return new Promise<NodeJS.Signals>((resolve) => setTimeout(resolve, CUT_MS, signal));
  });
  const summary = await Promise.race([streams.finish(), cut]);
  if (typeof summary === 'string') return summary;
  for (const [stream, counts] of summary.masked) {
    const list = [...counts].map(([name, count]) => `${name} ×${count}`).join(', ');
    context.output.notice(`masked in ${stream}: ${list} (--mask never passes bytes through)`);
  }
  return undefined;
}
