/**
 * `secrets describe NAME`: everything known about one secret without its value. Metadata only, unless `--read`.
 *
 * --json: `{ name, description, kind, state, required, sensitive, delivery, hasDefault, maxAgeSeconds, rotate, generate,
 * owner, contact, runbook, consumers, tags, profiles, parts, layers: [{ label, at }], references: [{ reference, provider,
 * adapter, at, state, code, message, version, versions, fields, createdAt, madeAt, ageSeconds, dueAt, rotatesAt,
 * pending: { rotation, version, createdAt }, expiresAt, lastUsedAt, enabled }], running: [{ pid, command, since, version }] }`. For a reference on the command line there are no `name` and nothing of an entry. `kind`,
 * `state` and `code` as in `secrets list --json`; what is not known is left out.
 */
import type { Command } from 'commander';
import { throwIssues } from '../../core/errors.ts';
import { formatDuration } from '../../core/duration.ts';
import type { SecretSpec } from '../../core/model.ts';
import type { PendingInfo } from '../../provider-kit/contract.ts';
import type { CommandModule } from '../commands.ts';
import type { Context } from '../context.ts';
import { ownerText, printBlocks, yesNo, type Fact } from '../facts.ts';
import {
  asking,
  failedState,
  failedText,
  standingOf,
  STATE_STYLES,
  takeInventory,
  weighFailures,
  type Inventory,
  type Row,
} from '../inventory.ts';
import { runningFacts, runningJson, runningWith } from '../running-with.ts';
import { runningPrograms } from '../running.ts';
import { withSpinner } from '../spinner.ts';
import { partsOf, withTargets, type Target } from '../target.ts';
import { ageText, dayText, timeText } from '../when.ts';

interface DescribeOptions {
  readonly read?: boolean;
}

type ReferenceRow = Extract<Row, { kind: 'reference' }>;

export const define: CommandModule['define'] = (command, open) => {
  command
    .argument('<name>', 'a secret of the manifest, or a reference')
    .option('--read', 'also read the value, and drop it at once, where nothing else tells whether it is there')
    .action(async (name: string, options: DescribeOptions, self: Command) => describe(open(self), name, options));
};

async function describe(context: Context, name: string, options: DescribeOptions): Promise<void> {
  await withTargets(context, [name], async (targets, manifest, run) => {
    const all = [...targets, ...(await partsOf(targets, manifest))];
    const inventory = await withSpinner(context, asking(all), () => takeInventory(all, manifest, run.sessions, options));
    const { output } = context;
    const programs = runningPrograms(context) ?? [];
    for (const target of targets) {
      const running = runningWith(target, manifest, programs);
      const rows = inventory.rows.filter((row) => row.kind === 'reference').filter((row) => row.target === target);
      if (output.json) output.resultJson({ ...targetJson(target, rows, inventory), running: running.map(runningJson) });
      else {
        printBlocks(output, [
          { title: target.label, facts: [...entryFacts(context, target, inventory), ...runningFacts(running)] },
          ...rows.map((row) => ({ title: row.reference.placed.reference.text, facts: referenceFacts(context, row, inventory.now) })),
        ]);
      }
    }
    const failures = weighFailures(targets, inventory.rows);
    for (const failure of failures.idle) output.warn(failure);
    throwIssues(failures.deciding);
    if (targets.some((target) => standingOf(target, inventory.rows).state === 'unknown')) {
      output.notice('only reading it tells whether it is there (--read)');
    }
  });
}

function entryFacts({ output }: Context, target: Target, inventory: Inventory): readonly Fact[] {
  const { spec, name } = target;
  const { state, row, missing } = standingOf(target, inventory.rows);
  const text = row?.kind === 'reference' && row.fault !== undefined ? failedText(row.fault.code) : state;
  const standing: Fact = ['state', { text: missing.length > 0 ? `${text}: ${missing.join(', ')}` : text, style: STATE_STYLES[state] }];
  if (name === undefined) return [standing];
  return [
    ['description', spec.description],
    standing,
    ['from', sourceText(spec)],
    ['required', yesNo(spec.required)],
    ['default', spec.default === undefined ? undefined : 'the entry has one'],
    ['sensitive', yesNo(spec.sensitive)],
    ['delivered', spec.as === 'none' ? 'not injected' : spec.as === 'env' ? 'as a variable' : `as: ${spec.as}`],
    ['profiles', spec.profiles?.join(', ')],
    ['owner', ownerText(spec.owner, spec.contact)],
    ['runbook', spec.runbook],
    ['consumers', spec.consumers.join(', ')],
    ['tags', spec.tags.join(', ')],
    ['maxAge', spec.maxAge === undefined ? undefined : formatDuration(spec.maxAge)],
    ['rotate', rotateText(spec)],
    ['generate', spec.generate === undefined ? undefined : `${spec.generate.length} characters, ${spec.generate.alphabet}`],
    ...spec.layers.map((layer, index): Fact => [index === 0 ? 'defined' : '', `${layer.label}, ${output.where(layer.at)}`]),
  ];
}

/** Only names: the text around them may hold what somebody should not have written there. */
function sourceText({ source }: SecretSpec): string {
  if (source.kind === 'value') return 'a plain value of the manifest';
  if (source.kind === 'template') return `a template of ${partNames(source.parts).join(', ') || 'plain text'}`;
  const count = source.references.length;
  return count === 1 ? 'a reference' : `${count} references, the next asked where the former is absent`;
}

const partNames = (parts: Extract<SecretSpec['source'], { kind: 'template' }>['parts']): readonly string[] => [
  ...new Set(parts.flatMap((part) => ('name' in part ? [part.name] : []))),
];

function rotateText({ rotate }: SecretSpec): string | undefined {
  if (rotate === undefined) return undefined;
  const { using, every, grace, admin } = rotate;
  return [
    `using ${using}`,
    ...(every === undefined ? [] : [`every ${formatDuration(every)}`]),
    ...(grace === undefined ? [] : [`grace ${formatDuration(grace)}`]),
    ...(admin === undefined ? [] : [`admin ${admin.reference.text}`]),
  ].join(', ');
}

function referenceFacts({ output }: Context, row: ReferenceRow, now: Date): readonly Fact[] {
  const { placed, configured, parsed } = row.reference;
  const { name } = configured.config;
  const head: readonly Fact[] = [
    ['provider', configured.provider.title.toLowerCase() === name ? name : `${name} (${configured.provider.title})`],
    ['written', row.target.name === undefined ? undefined : output.where(placed.at)],
    ['pinned', parsed.version === undefined ? parsed.stage && `stage ${parsed.stage}` : `version ${parsed.version}`],
  ];
  if (row.fault !== undefined) return [...head, ['state', { text: failedText(row.fault.code), style: 'red' }]];
  const { metadata, condition } = row;
  const { madeAt, ageMs, dueAt, rotatesAt, state } = condition;
  return [
    ...head,
    ['state', { text: state, style: STATE_STYLES[state] }],
    ['version', metadata.version],
    ['versions', metadata.versionCount?.toString()],
    ['fields', metadata.fields?.join(', ')],
    ['created', metadata.createdAt && timeText(metadata.createdAt)],
    ['value made', madeAt && `${timeText(madeAt)}${ageMs === undefined ? '' : ` (${ageText(ageMs)})`}`],
    ['next rotation', rotatesAt && dayText(rotatesAt)],
    ['pending', pendingText(row.pending)],
    ['due', dueAt && (dueAt <= now ? { text: `${dayText(dueAt)}: overdue`, style: 'red' } : dayText(dueAt))],
    ['expires', metadata.expiresAt && timeText(metadata.expiresAt)],
    ['last used', metadata.lastUsedAt && timeText(metadata.lastUsedAt)],
    ['enabled', metadata.enabled === undefined ? undefined : yesNo(metadata.enabled)],
  ];
}

function pendingText(pending: PendingInfo | undefined): string | undefined {
  if (pending === undefined) return undefined;
  const by = pending.rotation === undefined ? 'made by another tool' : `rotation ${pending.rotation}`;
  return pending.createdAt === undefined ? by : `${by}, since ${timeText(pending.createdAt)}`;
}

function targetJson(target: Target, rows: readonly ReferenceRow[], inventory: Inventory): Record<string, unknown> {
  const { spec, name } = target;
  const { source, rotate } = spec;
  const standing = standingOf(target, inventory.rows);
  const fault = standing.row?.kind === 'reference' ? standing.row.fault : undefined;
  const state = fault === undefined ? standing.state : failedState(fault.code);
  const references = rows.map(referenceJson);
  if (name === undefined) return { kind: 'reference', state, references };
  return {
    name,
    description: spec.description,
    kind: source.kind === 'references' ? 'reference' : source.kind,
    state,
    required: spec.required,
    sensitive: spec.sensitive,
    delivery: spec.as,
    hasDefault: spec.default !== undefined,
    maxAgeSeconds: seconds(spec.maxAge),
    rotate: rotate && {
      using: rotate.using,
      everySeconds: seconds(rotate.every),
      graceSeconds: seconds(rotate.grace),
      admin: rotate.admin?.reference.text,
    },
    generate: spec.generate,
    owner: spec.owner,
    contact: spec.contact,
    runbook: spec.runbook,
    consumers: spec.consumers,
    tags: spec.tags,
    profiles: spec.profiles,
    parts: source.kind === 'template' ? partNames(source.parts) : undefined,
    layers: spec.layers,
    references,
  };
}

function referenceJson(row: ReferenceRow): Record<string, unknown> {
  const { placed, configured } = row.reference;
  const head = {
    reference: placed.reference.text,
    provider: configured.config.name,
    adapter: configured.config.use,
    at: row.target.name === undefined ? undefined : placed.at,
  };
  if (row.fault !== undefined)
    return { ...head, state: failedState(row.fault.code), code: row.fault.code, message: row.fault.detail.message };
  const { metadata, condition } = row;
  return {
    ...head,
    state: condition.state,
    version: metadata.version,
    versions: metadata.versionCount,
    fields: metadata.fields,
    createdAt: metadata.createdAt,
    madeAt: condition.madeAt,
    ageSeconds: seconds(condition.ageMs),
    dueAt: condition.dueAt,
    rotatesAt: condition.rotatesAt,
    pending: row.pending && { rotation: row.pending.rotation, version: row.pending.version, createdAt: row.pending.createdAt },
    expiresAt: metadata.expiresAt,
    lastUsedAt: metadata.lastUsedAt,
    enabled: metadata.enabled,
  };
}

const seconds = (ms: number | undefined): number | undefined => (ms === undefined ? undefined : Math.floor(ms / 1000));
