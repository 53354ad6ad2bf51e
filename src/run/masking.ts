/** What is masked in the child's output: every sensitive value of the run, and the tokens from signing in. */
import type { MaskRules } from '../core/model.ts';
import { MaskPlan } from '../mask/masker.ts';
import { isMasked, needlesFor, type Masked } from '../mask/needles.ts';
import type { Reported } from './host.ts';
import type { ValidSet } from './validate.ts';

export interface Masking {
  readonly plan: MaskPlan;
  /** Whether there is nothing to mask. */
  readonly isEmpty: boolean;
  /** Names of secrets whose value is too short or too common to be masked. */
  readonly unmasked: readonly string[];
}

export function maskingFor({ valid }: { readonly valid: Pick<ValidSet, 'secrets'> }, reported: Reported, rules: MaskRules): Masking {
  const secrets = valid.secrets.filter(({ spec, secret }) => spec.sensitive && secret.value.size > 0);
  const values = secrets.map(({ spec, secret }): Masked => ({ name: spec.name, bytes: secret.value.reveal() }));
  const tokens = reported.sensitive.map((token): Masked => ({ name: 'sign-in token', bytes: token.reveal() }));
  const all = [...values, ...tokens];
  const limits = { minLength: rules.minLength };
  const unmasked = all.filter(({ bytes }) => !isMasked(bytes, limits)).map(({ name }) => name);
  return { plan: new MaskPlan(() => needlesFor(all, limits)), isEmpty: unmasked.length === all.length, unmasked };
}
