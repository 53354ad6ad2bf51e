/** What every place that takes records has in common. */

/** A place that takes records. */
export interface Sink {
  /** In messages: `the file /…`, `stderr`. */
  readonly what: string;
  /** Whether it seems ready to, without sending anything. @throws SinkFault */
  check?(): void | Promise<void>;
  /** Takes lines, each a record as JSON without its newline; acknowledged on return. @throws SinkFault */
  send(lines: readonly string[]): Promise<void>;
}

/** Why a place did not take records, in our own words. */
export class SinkFault extends Error {
  override readonly name = 'SinkFault';
  readonly hint: string | undefined;

  constructor(message: string, hint?: string) {
    super(message);
    this.hint = hint;
  }
}

/** Waits for a place, but no longer than it may take. @throws SinkFault */
export async function withinLimit<T>(what: string, work: (signal: AbortSignal) => Promise<T>): Promise<T> {
  const controller = new AbortController();
  const { promise: late, reject } = Promise.withResolvers<never>();
  const timer = setTimeout(() => {
    reject(new SinkFault(`${what} did not answer within ${SINK_MS / 1000} s`));
    controller.abort();
  }, SINK_MS);
  try {
    return await Promise.race([work(controller.signal), late]);
  } finally {
    clearTimeout(timer);
  }
}

/** How long each place may take, in milliseconds. */
export const SINK_MS = 2_000;
