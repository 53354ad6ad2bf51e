/**
 * `secrets audit who NAME`: who had a value, as far as the log of this machine tells. It begins with what that covers,
 * names the known consumers that it does not, and prints the query for the backend's own log.
 *
 * --json: `{ name, references, covers: { actor, host, since }, uses: [{ actor, host, identity, ci, event, count, first,
 * last, lastResult }], consumers, backends: [{ reference, title, query }] }`.
 */
import { hostname } from 'node:os';
import type { Command } from 'commander';
import { recordsOf } from '../../audit/read.ts';
import { printable, type ChainedRecord } from '../../audit/record.ts';
import { actorOf } from '../../audit/who.ts';
import { SecretsError } from '../../core/errors.ts';
import { load } from '../../run/load.ts';
import { ownLog } from '../audit-options.ts';
import { backendQuery } from '../backend-log.ts';
import { printColumns } from '../columns.ts';
import type { CommandModule } from '../commands.ts';
import type { Context } from '../context.ts';
import { isReference, targetOf, type Target } from '../target.ts';

export const define: CommandModule['define'] = (command, open) => {
  command
    .summary('show who had a value, and where to ask for more')
    .description('Shows who had a value, as far as the log of this machine tells, and where to ask for more.')
    .argument('<name>', 'a secret of the manifest, or a reference')
    .action(async (name: string, _options: unknown, self: Command) => who(open(self), name));
};

interface Use {
  readonly actor: string;
  readonly host: string;
  readonly identity: string | undefined;
  readonly ci: string | undefined;
  readonly event: string;
  count: number;
  readonly first: string;
  last: string;
  lastResult: string;
}

async function who(context: Context, name: string): Promise<void> {
  const { target, project } = await targetFor(context, name);
  const references = target.references.map(({ placed }) => placed.reference.text);
  const log = ownLog(context);
  // A name alone means another secret in another project.
  const names = references.length === 0 ? [name] : references;
  const { since, uses } = log === undefined ? { since: undefined, uses: [] } : usesOf(log, names, project);
  const covers = { actor: actorOf(), host: hostname(), since };
  const { consumers } = target.spec;
  const now = new Date();
  const backends = target.references.map((reference) => ({ reference: reference.placed.reference.text, ...backendQuery(reference, now) }));
  const { output } = context;
  if (output.json) {
    output.resultJson({ name: target.label, references, covers, uses, consumers, backends });
    return;
  }
  const from = since === undefined ? 'and nothing is recorded yet' : `since ${since.slice(0, 10)}`;
  output.result(`This covers what ${covers.actor} did through secrets on ${covers.host}, ${from}.\n`);
  if (uses.length === 0) output.result(`No use of ${target.label} is recorded.\n`);
  else {
    output.result('\n');
    printColumns(
      output,
      [
        { title: 'LAST' },
        { title: 'WHAT' },
        { title: 'TIMES' },
        { title: 'BY' },
        { title: 'AS', spare: 3 },
        { title: 'IN', spare: 2 },
        { title: 'FIRST', spare: 1 },
      ],
      uses.map((use) => [
        minute(use.last),
        use.lastResult === 'ok' ? use.event : `${use.event} (${use.lastResult})`,
        String(use.count),
        printable(use.actor),
        printable(use.identity ?? ''),
        printable(use.ci ?? ''),
        minute(use.first),
      ]),
    );
  }
  if (consumers.length > 0)
    output.result(`\nThe manifest also names these consumers; what they do elsewhere is not in it: ${consumers.join(', ')}\n`);
  for (const { reference, title, query } of backends)
    output.result(`\n${reference}: ${title}\n${query === undefined ? '' : `${indented(query)}\n`}`);
}

const minute = (ts: string): string => ts.slice(0, 16).replace('T', ' ');
const indented = (text: string): string => text.replaceAll(/^/gm, '  ');

/** Offline; a reference needs no manifest. */
async function targetFor(context: Context, name: string): Promise<{ readonly target: Target; readonly project?: string | undefined }> {
  const { cwd, env } = context;
  const options = { cwd, env, manifest: context.manifest, profile: context.profile };
  try {
    const { manifest } = await load(options);
    return { target: await targetOf(name, manifest), project: manifest.project };
  } catch (error) {
    const alone = error instanceof SecretsError && error.code === 'MANIFEST_NOT_FOUND' && isReference(name);
    if (!alone || context.manifest !== undefined) throw error;
    const { manifest } = await load({ cwd, env, refs: [{ name: 'NOTHING', reference: 'env://NOTHING' }] });
    return { target: await targetOf(name, manifest) };
  }
}

/** Everything about these names and references, the latest use first. */
function usesOf(
  log: string,
  names: readonly string[],
  project: string | undefined,
): { readonly since: string | undefined; readonly uses: readonly Use[] } {
  const uses = new Map<string, Use>();
  const [first] = recordsOf(log);
  for (const { record } of recordsOf(log, { names, project })) note(record, uses);
  return { since: first?.record.ts, uses: [...uses.values()].sort((one, other) => other.last.localeCompare(one.last)) };
}

function note({ actor, host, identity, ci, event, ts, result, code }: ChainedRecord, uses: Map<string, Use>): void {
  // Each job of CI has its own number.
  const system = ci?.split(' ').slice(0, 2).join(' ');
  const key = JSON.stringify([actor, host, identity, system, event]);
  const known = uses.get(key);
  const lastResult = result === 'ok' ? result : (code ?? result);
  if (known === undefined) uses.set(key, { actor, host, identity, ci: system, event, count: 1, first: ts, last: ts, lastResult });
  else Object.assign(known, { count: known.count + 1, last: ts, lastResult });
}
