/** A clock that nobody sets. */

/** Milliseconds from some moment. Not `performance.now()`: the first use of that loads a module of its own. */
export const monotonicMs = (): number => Number(process.hrtime.bigint()) / 1e6;
