/**
 * `secrets history NAME`: the versions of a secret by their metadata, newest first. Of a secret with several
 * references it is the first one's.
 *
 * --json: `{ name, reference, provider, versions: [{ version, current, state, createdAt, createdBy, stages, expiresAt }] }`.
 * `state` is `enabled`, `disabled`, `deleted`, `destroyed` or `pending`; times are RFC 3339 in UTC.
 */
import type { Command } from 'commander';
import { SecretsError } from '../../core/errors.ts';
import type { DocumentKey, VersionInfo } from '../../provider-kit/contract.ts';
import { asFault } from '../../provider-kit/operation.ts';
import type { Run } from '../../run/prepare.ts';
import { printColumns, shortId } from '../columns.ts';
import type { CommandModule } from '../commands.ts';
import type { Context } from '../context.ts';
import type { Style } from '../output.ts';
import { withSpinner } from '../spinner.ts';
import { issueOf, withTargets, type Target } from '../target.ts';
import { timeText } from '../when.ts';

export const define: CommandModule['define'] = (command, open) => {
  command
    .argument('<name>', 'a secret of the manifest, or a reference')
    .action(async (name: string, _options: unknown, self: Command) => history(open(self), name));
};

const STYLES: Readonly<Record<VersionInfo['state'], Style>> = {
  enabled: 'green',
  disabled: 'yellow',
  deleted: 'dim',
  destroyed: 'dim',
  pending: 'cyan',
};

/** Between the two. */
const ROOM_BETWEEN = 2;

async function history(context: Context, name: string): Promise<void> {
  await withTargets(context, [name], async ([target], _manifest, run) => {
    const reference = target?.references[0];
    if (target === undefined || reference === undefined) {
      throw new SecretsError({
        code: 'USAGE',
        name,
        message: `it has no versions: it is a ${target?.spec.source.kind ?? 'value'} of the manifest`,
        hint: `secrets explain ${name}`,
      });
    }
    const versions = await withSpinner(context, `asking ${reference.configured.config.name}`, () => versionsOf(target, run));
    const { output } = context;
    if (output.json) {
      const { text, provider } = reference.placed.reference;
      output.resultJson({ name: target.name, reference: text, provider, versions });
      return;
    }
    // Whole ids, which can be copied, where the terminal has room for them beside what always stays.
    const widest = (texts: readonly string[]): number => Math.max(0, ...texts.map(({ length }) => length));
    const least = widest(versions.map(({ version }) => version)) + widest(versions.map(({ state }) => state)) + ROOM_BETWEEN;
    const idText = (id: string): string => (least > (output.options.columns ?? Number.POSITIVE_INFINITY) ? shortId(id) : id);
    printColumns(
      output,
      [
        { title: 'VERSION' },
        { title: 'CREATED', spare: 1 },
        { title: 'CURRENT', spare: 2 },
        { title: 'STAGES', spare: 3 },
        { title: 'BY', spare: 4 },
        { title: 'STATE' },
      ],
      versions.map((version) => [
        idText(version.version),
        version.createdAt === undefined ? '' : timeText(version.createdAt),
        version.current ? 'current' : '',
        version.stages?.join(',') ?? '',
        version.createdBy ?? '',
        { text: version.state, style: STYLES[version.state] },
      ]),
    );
    const others = target.references.slice(1).map(({ placed }) => placed.reference.text);
    if (others.length > 0) output.notice(`these are the versions of ${reference.placed.reference.text}; see also ${others.join(', ')}`);
  });
}

async function versionsOf(target: Target, run: Run): Promise<readonly VersionInfo[]> {
  const reference = target.references[0];
  if (reference === undefined) return [];
  const key: DocumentKey = { key: reference.parsed.key };
  try {
    return await run.sessions.get(reference.configured, 'operator').use('versions', (session, op) => session.versions(key, op));
  } catch (error) {
    throw new SecretsError(issueOf(target, asFault(error), reference));
  }
}
