/** A rotator whose next value is an older one, which the target is given and has to accept as if it were new. */
import type { SecretValue } from '../core/secret-value.ts';
import type { Rotator } from './target.ts';

export const withOlderValue = (rotator: Rotator, older: () => Promise<SecretValue>): Rotator => ({
  unit: rotator.unit,
  open: async (context) => {
    const target = await rotator.open(context);
    return {
      next: older,
      apply: (value) => target.apply(value),
      accepts: (value) => target.accepts(value),
      finish: (value) => target.finish(value),
      retire: () => target.retire(),
      close: () => target.close(),
    };
  },
});
