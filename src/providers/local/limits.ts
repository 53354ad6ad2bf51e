/** Bytes of the largest value. */
export const MAX_VALUE_BYTES = 1_048_576;
