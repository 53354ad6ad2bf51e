/** What became of one rotation: its failure is data, so that the others go on. */
import { SecretsError, type Issue } from '../core/errors.ts';
import { asFault } from '../provider-kit/operation.ts';
import type { Result } from '../rotation/engine.ts';
import { rotationIssue, type PlannedRotation } from './rotate-plan.ts';
import type { Outcome } from './rotate-report.ts';

/** Never throws. */
export async function outcomeOf(rotation: PlannedRotation, act: () => Promise<Result | undefined>): Promise<Outcome> {
  try {
    const result = await act();
    const { afterwards } = result ?? {};
    const issue: Issue | undefined =
      afterwards === undefined
        ? undefined
        : { ...rotationIssue(rotation, afterwards), message: `the value is rotated, and then: ${afterwards.detail.message}` };
    return { rotation, result, issue };
  } catch (error) {
    if (error instanceof SecretsError) return { rotation, result: undefined, issue: { ...error.primary, name: rotation.job.label } };
    return { rotation, result: undefined, issue: rotationIssue(rotation, asFault(error)) };
  }
}
