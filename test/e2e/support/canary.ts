import { randomBytes } from 'node:crypto';

/** A value that occurs nowhere else, so that finding it anywhere is a leak. */
export const canary = (): string => `canary-${randomBytes(12).toString('hex')}`;
