/**
 * `secrets rollback NAME --to VERSION`: makes an older value current again, as a new version. Where the value opens
 * something, that is given the older one first, and has to accept it.
 *
 * --json: as `secrets rotate`, with one rotation.
 */
import type { Command } from 'commander';
import { SecretsError, throwIssues } from '../../core/errors.ts';
import type { VersionInfo } from '../../provider-kit/contract.ts';
import { asFault } from '../../provider-kit/operation.ts';
import { agree } from '../agree.ts';
import type { CommandModule } from '../commands.ts';
import type { Context } from '../context.ts';
import { REASON, withReason, type ReasonOption } from '../options.ts';
import { onlyReferences } from '../rotate-choose.ts';
import { engineFor, journalFor, openJournal } from '../rotate-engine.ts';
import { outcomeOf } from '../rotate-outcome.ts';
import { withPlaces, type Place } from '../rotate-places.ts';
import { planLines, planRotations } from '../rotate-plan.ts';
import { printOutcomes } from '../rotate-report.ts';
import { issueOf, targetOf, type Target } from '../target.ts';

interface RollbackOptions extends ReasonOption {
  readonly to: string;
  readonly admin?: string;
  readonly yes?: boolean;
}

export const define: CommandModule['define'] = (command, open) => {
  command
    .argument('<name>', 'a secret of the manifest, or a reference')
    .requiredOption('--to <version>', 'the version whose value becomes current again')
    .option('--admin <reference>', "the administrator's credential for the target")
    .option(...REASON)
    .option('-y, --yes', 'do not ask')
    .action(async (name: string, options: RollbackOptions, self: Command) => rollback(withReason(open(self), options), name, options));
};

async function rollback(context: Context, name: string, options: RollbackOptions): Promise<void> {
  const journal = journalFor(context);
  await withPlaces(context, undefined, onlyReferences([name]), async ([place]) => {
    if (place === undefined) return;
    const target = await targetOf(name, place.loaded.manifest);
    // What opens nothing is written as it is; the rotator of the entry knows whether it does.
    const using = target.spec.rotate === undefined || target.spec.rotate.using === 'provider' ? ('generate' as const) : undefined;
    const { rotations, refused } = await planRotations([{ place, targets: [target] }], { using }, options.admin);
    throwIssues(refused);
    const [rotation] = rotations;
    if (rotation === undefined) return;
    await checkVersion(place, target, options.to);
    await agree(context, planLines(rotation), `Make version ${options.to} current again?`, options.yes);
    openJournal(journal);
    const engine = engineFor(place, journal, place.run.audit);
    const outcome = await outcomeOf(rotation, () => engine.rollBack(rotation.job, options.to));
    printOutcomes(context.output, [outcome], `took back to the value of version ${options.to}:`);
    throwIssues(outcome.issue === undefined ? [] : [outcome.issue]);
  });
}

/** The version must be there and usable, and not the current one. */
async function checkVersion({ run }: Place, target: Target, wanted: string): Promise<void> {
  const [reference] = target.references;
  if (reference === undefined) return;
  const { key } = reference.parsed;
  let versions: readonly VersionInfo[];
  try {
    versions = await run.sessions.get(reference.configured, 'operator').use('versions', (session, op) => session.versions({ key }, op));
  } catch (error) {
    throw new SecretsError(issueOf(target, asFault(error), reference));
  }
  const found = versions.find(({ version }) => version === wanted);
  const usable = versions.filter(({ current, state }) => !current && state === 'enabled').map(({ version }) => version);
  if (found !== undefined && !found.current && found.state === 'enabled') return;
  throw new SecretsError({
    code: 'USAGE',
    name: target.label,
    message:
      found === undefined ? 'it has no such version' : found.current ? 'that version is the current one' : `that version is ${found.state}`,
    hint: usable.length === 0 ? `secrets history ${target.label}` : `--to ${usable.slice(0, 5).join(', --to ')}`,
  });
}
