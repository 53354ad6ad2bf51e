/** Which running programs got a secret: `describe` shows them. */
import type { Manifest } from '../core/model.ts';
import type { RecordedSecret } from '../run/records.ts';
import type { Fact } from './facts.ts';
import type { Running } from './running.ts';
import type { Target } from './target.ts';
import { timeText } from './when.ts';

export interface Run {
  readonly program: Running;
  readonly secret: RecordedSecret;
}

/**
 * The programs that run with a target: by its name in this manifest, or by the same reference in another. Of what is on
 * this machine alone, the same reference may mean something else there.
 */
export function runningWith({ name, references }: Target, manifest: Manifest, programs: readonly Running[]): readonly Run[] {
  const textsOf = (all: Target['references']): readonly string[] => all.map(({ placed }) => placed.reference.text);
  const own = textsOf(references);
  const shared = textsOf(references.filter(({ configured }) => configured.provider.needs.network));
  return programs.flatMap((program) => {
    const isOwn = manifest.path !== undefined && program.record.manifest === manifest.path;
    const texts = isOwn ? own : shared;
    return program.injected
      .filter((secret) => (isOwn && name !== undefined && secret.name === name) || texts.some((text) => text === secret.reference))
      .map((secret) => ({ program, secret }));
  });
}

export const runningFacts = (runs: readonly Run[]): readonly Fact[] =>
  runs.map(({ program: { program, record }, secret }, index): Fact => [
    index === 0 ? 'running' : '',
    `${record.command}, process ${program.pid}, since ${timeText(new Date(record.since))}${secret.version === undefined ? '' : `, version ${secret.version}`}`,
  ]);

export const runningJson = ({ program: { program, record }, secret }: Run): Record<string, unknown> => ({
  pid: program.pid,
  command: record.command,
  since: record.since,
  version: secret.version,
});
