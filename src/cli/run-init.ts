/** `secrets run` as PID 1 of a container. */
import { descriptorsToKeep } from '../platform/descriptors.ts';
import { findInit, restartUnder } from '../platform/init-program.ts';
import { canExecute } from '../platform/execute.ts';
import type { Context } from './context.ts';
import { keepRule, type RunOptions } from './run-options.ts';

/** Starts again under an init program where there is one, and warns where there is none. */
export function leavePid1(context: Context, options: RunOptions): void {
  // Descriptors above 2 would not come along.
  const keep = descriptorsToKeep(process.argv.slice(2), context.env, keepRule(options.keepFd ?? []));
  const init = canExecute() && keep.length === 0 ? findInit(context.env['PATH']) : undefined;
  if (init !== undefined) restartUnder(init);
  context.output.warn({
    message: 'secrets is process 1 here, and orphaned processes stay as zombies, which it cannot reap',
    hint: 'start the container with --init, or install tini in the image',
  });
}
