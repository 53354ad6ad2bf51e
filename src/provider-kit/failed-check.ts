/** A fault as a line of `doctor`. */
import { Fault } from '../core/fault.ts';
import type { Check } from './contract.ts';

/** @throws what is no Fault: a mistake of the adapter's */
export function failedCheck(title: string, error: unknown): Check {
  if (!(error instanceof Fault)) throw error;
  return {
    title,
    status: 'fail',
    code: error.code,
    message: error.message,
    ...(error.detail.hint === undefined ? {} : { hint: error.detail.hint }),
  };
}
