/** Which texts are fit to be printed: the one place that knows the characters that are not. */

/** What acts on a terminal or ends a line. */
// oxlint-disable-next-line no-control-regex -- these characters are what it is about
export const CONTROL = /[\u0000-\u001f\u007f-\u009f\u2028\u2029]/;

/** A text without any of {@link CONTROL}. */
// oxlint-disable-next-line no-control-regex -- these characters are what it is about
export const PRINTABLE = /^[^\u0000-\u001f\u007f-\u009f\u2028\u2029]*$/;

/** Whether something that was read from a file of ours is text without control characters. */
export const isPlainText = (value: unknown): value is string =>
  // oxlint-disable-next-line no-control-regex -- these characters are what it is about
  typeof value === 'string' && !/[\u0000-\u001f\u007f-\u009f]/.test(value);
