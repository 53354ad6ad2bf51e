/** What is said after rotations: what became of each, and what is left for people to do. */
import type { Issue } from '../core/errors.ts';
import type { Result } from '../rotation/engine.ts';
import { graceText } from '../rotation/job.ts';
import type { Output } from './output.ts';
import type { PlannedRotation } from './rotate-plan.ts';
import { isReference } from './target.ts';
import { versionText } from './stored.ts';
import { timeText } from './when.ts';

export interface Outcome {
  readonly rotation: PlannedRotation;
  /** Undefined where it failed. */
  readonly result: Result | undefined;
  readonly issue: Issue | undefined;
}

const VERBS: Readonly<Record<Result['state'], string>> = {
  rotated: 'rotated',
  finished: 'was rotated already:',
  nothing: 'nothing to do for',
  aborted: 'took back the rotation of',
  retired: 'ended the former value of',
};

function resultLine({ rotation: { job }, result }: Outcome, verb?: string): string | undefined {
  if (result === undefined) return undefined;
  const { text } = job.reference.placed.reference;
  const where = isReference(job.label) ? text : `${job.label} at ${text}`;
  const { state, version, from } = result;
  if (state === 'nothing' || state === 'aborted') return `${VERBS[state]} ${where}`;
  if (state === 'retired') return `${VERBS[state]} ${where}${versionText(from)}`;
  const was = from === undefined || from === version ? '' : ` (was ${from})`;
  return `${verb ?? VERBS[state]} ${where}${versionText(version)}${was}`;
}

/** What the people around a rotated value have to do now. */
function nextSteps({ rotation: { job, affected, running }, result }: Outcome): readonly string[] {
  if (result === undefined || (result.state !== 'rotated' && result.state !== 'finished')) return [];
  const { consumers } = job.spec;
  const stale = running.map(({ command, program, run }) => `${command} (pid ${(program ?? run).pid})`);
  const who = [...consumers, ...stale];
  const end =
    job.grace === 0
      ? []
      : result.retireAt === undefined
        ? []
        : [
            `${job.label}: the former value ends ${graceText(job.grace)}, at ${timeText(result.retireAt)}, by the next secrets rotate --due --yes`,
          ];
  const kept =
    result.kept === true
      ? [`${job.label}: ${job.reference.configured.provider.title} still gives the former value to who asks for its version`]
      : [];
  return [
    ...kept,
    ...(who.length === 0 ? [] : [`${job.label}: restart what has the former value: ${who.join(', ')}`]),
    ...(affected.length === 0 ? [] : [`${job.label}: has changed with it: ${affected.join(', ')}`]),
    ...end,
  ];
}

const outcomeJson = ({ rotation: { job, affected, running }, result, issue }: Outcome): object => ({
  name: job.name,
  reference: job.reference.placed.reference.text,
  provider: job.reference.placed.reference.provider,
  using: job.using,
  state: result?.state ?? 'failed',
  rotation: result?.rotation,
  from: result?.from,
  version: result?.version,
  retireAt: result?.retireAt,
  code: issue?.code,
  message: issue?.message,
  consumers: job.spec.consumers,
  affected,
  running: running.map(({ id, command, program, run }) => ({ run: id, pid: (program ?? run).pid, command })),
});

export function printOutcomes(output: Output, outcomes: readonly Outcome[], verb?: string): void {
  if (output.json) {
    output.resultJson({ rotations: outcomes.map(outcomeJson) });
    return;
  }
  const lines = outcomes.flatMap((outcome) => resultLine(outcome, verb) ?? []);
  if (lines.length > 0) output.result(`${lines.join('\n')}\n`);
  for (const line of outcomes.flatMap(nextSteps)) output.notice(line);
}
