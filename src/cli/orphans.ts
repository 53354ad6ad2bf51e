/**
 * `list --orphans`: what is stored under the prefixes in use and no manifest refers to in any profile, and references
 * that nothing stores. Lists names only.
 *
 * --json: `{ unreferenced: [{ provider, reference, createdAt, updatedAt }], notStored: [{ manifest, name, provider,
 * reference, required }], notListed: [{ provider, prefix, code, message }] }`
 */
import { formatReference } from '../core/reference.ts';
import type { ListEntry } from '../provider-kit/contract.ts';
import { asFault } from '../provider-kit/operation.ts';
import type { ProviderSession, Sessions } from '../provider-kit/session.ts';
import type { PlannedReference } from '../run/plan.ts';
import { sameProvider } from '../run/write.ts';
import { printColumns } from './columns.ts';
import type { Context } from './context.ts';
import type { ListRow } from './list-rows.ts';
import type { Survey, Surveyed } from './survey.ts';
import { allUses } from './uses.ts';
import { dayText } from './when.ts';

interface Stored {
  readonly provider: string;
  readonly reference: string;
  readonly entry: ListEntry;
}

interface NotListed {
  readonly provider: string;
  readonly prefix: string;
  readonly code: string;
  readonly message: string;
}

/** @param rows those of everything that the survey is about */
export async function showOrphans(context: Context, survey: Survey, rows: readonly ListRow[]): Promise<void> {
  const { output } = context;
  const { stored, notListed } = await unreferenced(context, survey);
  const notStored = rows.filter(({ row, state }) => row.kind === 'reference' && state === 'missing');
  if (output.json) {
    output.resultJson({
      unreferenced: stored.map(({ provider, reference, entry: { createdAt, updatedAt } }) => ({
        provider,
        reference,
        createdAt,
        updatedAt,
      })),
      notStored: notStored.map(notStoredJson),
      notListed,
    });
    return;
  }
  const found = [
    ...stored.map(({ reference, entry }) => [reference, '', dateOf(entry), { text: 'no manifest refers to it', style: 'yellow' as const }]),
    ...notStored.map(({ row, part }) => [
      row.kind === 'reference' ? row.reference.placed.reference.text : '',
      part.file === undefined ? row.target.label : `${part.file}: ${row.target.label}`,
      '',
      { text: 'nothing is stored', style: 'red' as const },
    ]),
  ];
  if (found.length > 0)
    printColumns(output, [{ title: 'REFERENCE' }, { title: 'NAME', spare: 1 }, { title: 'CHANGED', spare: 2 }, { title: 'ORPHAN' }], found);
  else output.notice('no orphans');
  for (const { provider, prefix, message } of notListed)
    output.warn({ provider, message: `${prefix === '' ? 'its names' : prefix} cannot be listed: ${message}` });
}

const dateOf = ({ updatedAt, createdAt }: ListEntry): string => {
  const date = updatedAt ?? createdAt;
  return date === undefined ? '' : dayText(date);
};

function notStoredJson({ row, part }: ListRow): Record<string, unknown> {
  const reference = row.kind === 'reference' ? row.reference.placed.reference : undefined;
  return {
    manifest: part.file,
    name: row.target.name,
    provider: reference?.provider,
    reference: reference?.text,
    required: row.target.spec.required,
  };
}

async function unreferenced(
  context: Context,
  { parts, run }: Survey,
): Promise<{ readonly stored: readonly Stored[]; readonly notListed: readonly NotListed[] }> {
  const used = (await Promise.all(parts.map((part) => usesOf(context, part)))).flat();
  const groups = Map.groupBy(
    parts.flatMap((part) =>
      part.all.flatMap(({ references }) => references.map((reference) => ({ reference, project: part.manifest.project }))),
    ),
    ({ reference }) => sessionOf(reference, run.sessions),
  );
  const stored: Stored[] = [];
  const notListed: NotListed[] = [];
  await Promise.all(
    [...groups].map(async ([session, uses]) => {
      const [first] = uses;
      if (session === undefined || first === undefined) return;
      const { config, provider } = first.reference.configured;
      const keys = used
        .filter(
          ({ reference, project }) =>
            sameProvider(reference.configured, first.reference.configured) && (provider.needs.network || project === first.project),
        )
        .map(({ reference }) => reference.parsed.key);
      for (const prefix of prefixesOf(uses.map(({ reference }) => reference.parsed.key))) {
        if (prefix === '' && provider.needs.network) {
          const message = 'names without a folder could be those of others';
          notListed.push({ provider: config.name, prefix, code: 'CAPABILITY_UNSUPPORTED', message });
          continue;
        }
        try {
          const entries = await session.use('list', (opened, op) => opened.list(prefix, op));
          for (const entry of entries.filter(({ key }) => !keys.some((one) => one === key || isArnOf(one, key)))) {
            const place = provider.formatRef?.({ key: entry.key }) ?? { path: entry.key, options: {} };
            stored.push({ provider: config.name, reference: formatReference({ provider: config.name, ...place }), entry });
          }
        } catch (error) {
          const { code, detail } = asFault(error);
          notListed.push({ provider: config.name, prefix, code, message: detail.message });
        }
      }
    }),
  );
  return { stored: stored.sort((one, other) => one.reference.localeCompare(other.reference)), notListed };
}

interface ProjectUse {
  readonly reference: PlannedReference;
  readonly project: string | undefined;
}

/** Every reference of a manifest, in any of its profiles: what another profile needs is no orphan. */
async function usesOf(context: Context, { manifest }: Surveyed): Promise<readonly ProjectUse[]> {
  const uses = await allUses(manifest.path === undefined ? context : { ...context, manifest: manifest.path }, manifest);
  return uses.flatMap(({ references }) => references.map((reference) => ({ reference, project: manifest.project })));
}

/** Undefined where it can't list. */
function sessionOf({ configured }: PlannedReference, sessions: Sessions): ProviderSession | undefined {
  try {
    const session = sessions.get(configured, 'operator');
    return session.can('list') ? session : undefined;
  } catch {
    return undefined;
  }
}

/** The folders of these keys, none inside of another. */
function prefixesOf(keys: readonly string[]): readonly string[] {
  const folders = [...new Set(keys.filter((key) => !key.startsWith('arn:')).map((key) => key.slice(0, key.lastIndexOf('/') + 1)))];
  return folders.filter((folder) => !folders.some((outer) => outer !== '' && outer !== folder && folder.startsWith(outer)));
}

/** A long form that some references have, with the name in it. */
const isArnOf = (text: string, key: string): boolean =>
  text.startsWith('arn:') && (text.includes(`:${key}-`) || text.endsWith(`:${key}`) || text.endsWith(`:parameter${key}`));
