/**
 * `secrets revoke`: takes versions out of service in their manager, so that nobody is given them any more. What a value
 * opens still accepts it: `secrets rotate` is what ends that.
 *
 * --json: `{ revoked: [{ name, reference, provider, version, state, code, message }] }`; `state` is `disabled`,
 * `destroyed` or `failed`. With --dry-run: `{ plan: [{ name, reference, provider, version, current }] }`.
 */
import { Option, type Command } from 'commander';
import { SecretsError, throwIssues, type Issue } from '../../core/errors.ts';
import type { VersionInfo } from '../../provider-kit/contract.ts';
import { asFault } from '../../provider-kit/operation.ts';
import type { PlannedReference } from '../../run/plan.ts';
import { agree } from '../agree.ts';
import { parseWhere } from '../../run/where.ts';
import type { CommandModule } from '../commands.ts';
import type { Context } from '../context.ts';
import { REASON, someOf, whereOption, withReason, workspaceOption, type ChoiceOptions, type ReasonOption } from '../options.ts';
import { choose, onlyReferences } from '../rotate-choose.ts';
import { journalFor } from '../rotate-engine.ts';
import { withPlaces, type Place } from '../rotate-places.ts';
import { issueAbout } from '../stored.ts';
import type { Target } from '../target.ts';

interface RevokeOptions extends ChoiceOptions, ReasonOption {
  readonly former?: boolean;
  readonly version?: readonly string[];
  readonly destroy?: boolean;
  readonly dryRun?: boolean;
  readonly yes?: boolean;
}

interface Item {
  readonly place: Place;
  readonly target: Target;
  readonly reference: PlannedReference;
  readonly version: VersionInfo;
}

export const define: CommandModule['define'] = (command, open) => {
  command
    .argument('[names...]', 'secrets of the manifest, or references')
    .usage('[options] [NAME|REFERENCE...]')
    .option('--former', 'all versions but the current one')
    .addOption(new Option('--version <versions>', 'only these versions').argParser(someOf('--version')))
    .option('--destroy', 'destroy them for good, in place of disabling them')
    .addOption(whereOption('those that match'))
    .addOption(workspaceOption())
    .option('--dry-run', 'show what would be revoked, and change nothing')
    .option(REASON[0], `${REASON[1]}; required`)
    .option('-y, --yes', 'do not ask')
    .addHelpText(
      'after',
      `
Revoking ends who can read a value, not what the value opens:
  secrets rotate API_KEY --reason compromise       replaces it, which ends both
  secrets revoke API_KEY --former --reason cleanup  disables what rotations have left`,
    )
    .action(async (names: string[], options: RevokeOptions, self: Command) => revoke(withReason(open(self), options), names, options));
};

async function revoke(context: Context, names: readonly string[], options: RevokeOptions): Promise<void> {
  const { reason } = context;
  checkOptions(names, options, reason);
  const journal = journalFor(context);
  await withPlaces(context, options.workspace, onlyReferences(names), async (places) => {
    const chosen = await choose(places, { names, where: parseWhere(options.where), due: false }, journal);
    const issues: Issue[] = [];
    const items: Item[] = [];
    for (const { place, targets } of chosen) for (const target of targets) items.push(...(await itemsOf(place, target, options, issues)));
    if (names.length > 0) throwIssues(issues);
    if (options.dryRun === true) showPlan(context, items);
    else if (items.length > 0) {
      await agree(
        context,
        planLines(items, options),
        `${verb(options, 'Disable', 'Destroy')} ${items.length === 1 ? 'it' : `these ${items.length} versions`}?`,
        options.yes,
      );
      issues.push(...(await carryOut(context, items, options)));
    } else context.output.notice('there is no version to revoke');
    throwIssues(issues);
  });
}

function checkOptions(names: readonly string[], { where, former, version, dryRun }: RevokeOptions, reason: string | undefined): void {
  const usage = (message: string, hint: string): never => {
    throw new SecretsError({ code: 'USAGE', message, hint });
  };
  if (names.length === 0 && where === undefined) usage('nothing says what to revoke', 'secrets revoke NAME, or --where owner=NAME');
  if (names.length > 0 && where !== undefined) usage('names go without --where', 'secrets revoke NAME');
  if (former === true && version !== undefined) usage('--former and --version exclude each other', 'leave one of them out');
  if (version !== undefined && names.length !== 1) usage('--version goes with one secret', 'secrets revoke NAME --version 3');
  if (reason === undefined && dryRun !== true)
    usage('revoking needs a reason for the record', 'add --reason offboarding, or --reason "in your own words"');
}

async function itemsOf(
  place: Place,
  target: Target,
  { former, version: wanted }: RevokeOptions,
  issues: Issue[],
): Promise<readonly Item[]> {
  const [reference] = target.references;
  const refuse = (issue: Pick<Issue, 'code' | 'message' | 'hint'>): readonly Item[] => {
    issues.push({
      name: target.label,
      at: target.name === undefined ? undefined : target.spec.at,
      reference: reference?.placed.reference.text,
      ...issue,
    });
    return [];
  };
  if (reference === undefined)
    return refuse({
      code: 'CAPABILITY_UNSUPPORTED',
      message: 'it has no versions: it is written in the manifest',
      hint: 'secrets explain',
    });
  const { capabilities, title } = reference.configured.provider;
  if (!capabilities.includes('setState'))
    return refuse({
      code: 'CAPABILITY_UNSUPPORTED',
      message: `${title} can't take single versions out of service`,
      hint: `secrets rotate ${target.label}, or secrets remove ${target.label}`,
    });
  try {
    const { key } = reference.parsed;
    const versions = await place.run.sessions
      .get(reference.configured, 'operator')
      .use('versions', (session, op) => session.versions({ key }, op));
    const unknown = wanted?.find((one) => !versions.some(({ version }) => version === one));
    if (unknown !== undefined) return refuse({ code: 'USAGE', message: 'it has no such version', hint: `secrets history ${target.label}` });
    return versions
      .filter(
        ({ version, current, state }) =>
          (wanted?.includes(version) ?? (former !== true || !current)) && (state === 'enabled' || state === 'disabled'),
      )
      .map((version) => ({ place, target, reference, version }));
  } catch (error) {
    issues.push(issueAbout(target, asFault(error), reference));
    return [];
  }
}

const verb = ({ destroy }: RevokeOptions, disable: string, forGood: string): string => (destroy === true ? forGood : disable);

const itemText = ({ target, reference, version }: Item): string =>
  `${target.name === undefined ? '' : `${target.name}  `}${reference.placed.reference.text}, version ${version.version}${version.current ? ' (current)' : ''}`;

const planLines = (items: readonly Item[], options: RevokeOptions): readonly string[] => [
  ...items.map(itemText),
  ...(items.some(({ version }) => version.current)
    ? ['programs that start from now on do not get these values; what the values open still accepts them']
    : []),
  ...(options.destroy === true ? ['destroyed versions cannot be brought back'] : []),
];

const itemJson = ({ target, reference, version }: Item): object => ({
  name: target.name,
  reference: reference.placed.reference.text,
  provider: reference.placed.reference.provider,
  version: version.version,
});

function showPlan({ output }: Context, items: readonly Item[]): void {
  if (output.json) output.resultJson({ plan: items.map((item) => ({ ...itemJson(item), current: item.version.current })) });
  else if (items.length > 0) output.result(`${items.map(itemText).join('\n')}\n`);
  output.notice(items.length === 0 ? 'there is no version to revoke' : 'nothing was changed: this is what would be revoked');
}

async function carryOut({ output }: Context, items: readonly Item[], options: RevokeOptions): Promise<readonly Issue[]> {
  const state = options.destroy === true ? 'destroyed' : 'disabled';
  const issues: Issue[] = [];
  const rows: object[] = [];
  for (const item of items) {
    const { place, target, reference, version } = item;
    const { key } = reference.parsed;
    const { text } = reference.placed.reference;
    const entry = {
      event: 'revoke',
      reference: text,
      version: version.version,
      ...(target.name === undefined ? {} : { name: target.name }),
    } as const;
    const { audit } = place.run;
    try {
      await place.run.sessions
        .get(reference.configured, 'rotate')
        .use('setState', (session, op) => session.setState({ key }, version.version, state, op));
      await audit.record([{ ...entry, result: 'ok' }]);
      rows.push({ ...itemJson(item), state });
      if (!output.json) output.result(`${state} ${itemText(item)}\n`);
    } catch (error) {
      if (error instanceof SecretsError) throw error;
      const issue = issueAbout(target, asFault(error), reference);
      await audit.record([{ ...entry, result: issue.code === 'DENIED' ? 'denied' : 'failed', code: issue.code }]);
      rows.push({ ...itemJson(item), state: 'failed', code: issue.code, message: issue.message });
      issues.push(issue);
    }
  }
  if (output.json) output.resultJson({ revoked: rows });
  return issues;
}
