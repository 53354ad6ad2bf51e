/** Shows that something takes long: on stderr, only at a terminal, only after a moment. */
import { isatty } from 'node:tty';
import type { Context } from './context.ts';

const PATIENCE_MS = 400;

let hide: () => void = () => undefined;

/** Takes the spinner away for good, because a question follows. */
export const hideSpinner = (): void => hide();

export async function withSpinner<T>(context: Context, text: string, work: () => Promise<T>): Promise<T> {
  const { quiet, json } = context.output.options;
  if (quiet || json || !isatty(2) || context.env['TERM'] === 'dumb') return work();
  let stop: (() => void) | undefined;
  let over = false;
  const timer = setTimeout(() => {
    void import('yocto-spinner').then(({ default: yoctoSpinner }) => {
      if (over) return;
      const spinner = yoctoSpinner({ text, stream: process.stderr, handleSignals: false }).start();
      stop = () => spinner.stop();
    });
  }, PATIENCE_MS);
  hide = () => {
    over = true;
    clearTimeout(timer);
    stop?.();
  };
  try {
    return await work();
  } finally {
    hide();
  }
}
