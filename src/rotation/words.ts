/** The rotation's own failures in words, and what to type next. */
import { Fault } from '../core/fault.ts';
import type { PendingInfo } from '../provider-kit/contract.ts';

const again = (label: string, option: string): string => `secrets rotate ${label} ${option}`;

/** Whether a request may or may not have been carried out: its answer, not its refusal, is missing. */
export const isUnknown = ({ kind }: Fault): boolean => ['timeout', 'unavailable', 'protocol', 'throttled', 'cancelled'].includes(kind);

export function inProgress(label: string, found: PendingInfo): Fault {
  const since = found.createdAt === undefined ? '' : ` since ${found.createdAt.toISOString().slice(0, 16).replace('T', ' ')} UTC`;
  if (found.rotation === undefined) {
    return new Fault('conflict', {
      message: `another tool has a new value pending here${since}; nothing was changed`,
      hint: 'finish that rotation, or take its pending value away, with the tool that began it',
    });
  }
  return new Fault('conflict', {
    message: `a rotation is in progress here${since}; nothing was changed`,
    hint: `${again(label, '--resume')} goes on with it, ${again(label, '--abort')} takes it back`,
  });
}

/** The target says no to the new value, and the one in use is as good as before. */
export const refused = (label: string, why: string): Fault =>
  new Fault('denied', {
    message: `${why}; the value in use still works and is current, the new one stays pending`,
    hint: `mend the cause, then ${again(label, '--resume')}; ${again(label, '--abort')} takes the pending value away`,
  });

/** Neither the current nor the pending value opens the target: nothing more is changed. */
export const neitherWorks = (label: string, current: string | undefined, pending: string): Fault =>
  new Fault('denied', {
    message: `the target accepts neither the current value${current === undefined ? '' : ` (version ${current})`} nor the pending one (rotation ${pending}); nothing more was changed, both are still stored`,
    hint: `give the target one of them by hand or name --admin REFERENCE, then ${again(label, '--resume')}`,
  });

/** Adds how to go on to a failure in the middle. */
export function unfinished(label: string, fault: Fault): Fault {
  const known = isUnknown(fault) ? '; whether the step was carried out is not known' : '';
  return new Fault(fault.kind, {
    ...fault.detail,
    message: `${fault.detail.message}${known}. The new value is stored and pending, the current one is still current`,
    hint: `${again(label, '--resume')} finds out and goes on`,
  });
}

export const onlyPendingWorks = (label: string): Fault =>
  new Fault('denied', {
    message: 'the target accepts the pending value and not the current one, so that the pending one was kept',
    hint: `${again(label, '--resume')} makes it the current one`,
  });

export const perhapsCreated = (label: string, fault: Fault): Fault =>
  isUnknown(fault)
    ? new Fault(fault.kind, {
        ...fault.detail,
        message: `${fault.detail.message}; whether the new value was stored as pending is not known, the current one is as it was`,
        hint: `${again(label, '--resume')} finds out and goes on`,
      })
    : fault;

export const editedMeanwhile = (label: string): Fault =>
  new Fault('conflict', {
    message: 'somebody stored another value during the rotation; it was not overwritten, the new value stays pending',
    hint: `${again(label, '--abort')} makes the stored value work again and ends the rotation`,
  });

/** What went wrong as a fault; anything else, such as an audit log that can't be written, goes on upwards. */
export function faultOf(error: unknown): Fault {
  if (error instanceof Fault) return error;
  throw error;
}
