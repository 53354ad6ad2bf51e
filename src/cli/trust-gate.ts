/**
 * The gate in front of everything that contacts a provider or starts a program: a manifest decides where credentials
 * go, so it may do that only once its user has agreed.
 */
import { existsSync } from 'node:fs';
import path from 'node:path';
import { adapterOf } from '../core/builtin.ts';
import { SecretsError, throwIssues, type Issue } from '../core/errors.ts';
import type { Manifest } from '../core/model.ts';
import { findManifest, LOCAL_NAME } from '../manifest/index.ts';
import { userFolders } from '../platform/folders.ts';
import type { Check } from '../provider-kit/contract.ts';
import { userConfigFile, type Loaded } from '../run/load.ts';
import { loadAdapters } from '../run/plan.ts';
import { decideTrust, newSince, settingOf, type Decision, type NewTrust, type TrustState } from '../trust/decide.ts';
import { placeOf } from '../trust/place.ts';
import { addRecord, askingAlone, keepingOf, readRecords, type Keeping } from '../trust/record.ts';
import { word } from '../trust/text.ts';
import { hashOf, missingFrom, type TrustSet } from '../trust/trust-set.ts';
import { wholeSet, type ManifestSource } from '../trust/whole.ts';
import { inShort, inWords } from '../trust/words.ts';
import { recordTrust } from './auditing.ts';
import type { Context } from './context.ts';
import { shortPath } from './output.ts';
import { askConfirm } from './prompts.ts';

export interface GateOptions {
  /** `run --trust`: this once, unseen. */
  readonly once?: boolean | undefined;
  /** Those of `--env-file`, as they were given. */
  readonly envFiles?: readonly string[] | undefined;
  readonly signal?: AbortSignal | undefined;
}

/** Agreed to by a person, but not to be kept: one process asks once. */
const agreed = new Map<string, TrustSet>();

/**
 * To be called after loading and before anything is contacted or started. At a terminal it asks and keeps the answer.
 * @returns how the manifest is trusted; undefined where there is no manifest that could decide anything
 * @throws SecretsError MANIFEST_UNTRUSTED where nobody can be asked or the answer is no or the set is not the pinned
 *   one, USAGE for a wrong SECRETS_TRUST, PROVIDER_OPTIONS before wrong options would be shown, INTERRUPTED
 */
export async function ensureTrusted(context: Context, loaded: Loaded, options: GateOptions = {}): Promise<TrustState | undefined> {
  const { path: file } = loaded.manifest;
  if (file === undefined) return undefined;
  try {
    return await decided(context, file, loaded, options);
  } catch (error) {
    if (error instanceof Untrusted) await recordTrust(context, file, error.set, { event: 'trust', result: 'denied', code: error.code });
    throw error;
  }
}

async function decided(context: Context, file: string, { manifest }: Loaded, options: GateOptions): Promise<TrustState> {
  const source = sourceOf(context, file);
  const keeping = keepingFor(context, file);
  const decide = (): Promise<Decision> => decideFor(context, manifest, source, keeping, options);
  const decision = await decide();
  if (decision.state !== 'new') return decision.state;
  if (missingFrom(agreed.get(file) ?? [], decision.lines).length === 0) return 'unpinned';
  await refuseWrongOptions(decision.manifests);
  if (!context.interactive) throw untrusted(context, file, decision);
  if (!keeping.ok) return askOnce(context, file, decision);
  let answered: NewTrust | undefined;
  const question = async (declined: boolean, decline: () => Promise<void>): Promise<TrustState> => {
    // Another run may have asked the same meanwhile.
    const now = await decide();
    if (now.state !== 'new') return now.state;
    if (declined) throw untrusted(context, file, now);
    let agrees = false;
    try {
      agrees = await ask(context, file, now);
    } finally {
      // Giving up is an answer as well: those that wait ask nobody again.
      if (!agrees) await decline();
    }
    if (!agrees) throw untrusted(context, file, now);
    answered = now;
    await addRecord(keeping, now.lines, new Date());
    await recordTrust(context, file, hashOf(now.lines), { event: 'trust', result: 'ok' });
    context.output.notice('trusted from now on (secrets trust --revoke takes it back)');
    return 'recorded';
  };
  try {
    return await askingAlone(keeping, decision.lines, options.signal, question);
  } catch (error) {
    if (!(error instanceof SecretsError) || error.code !== 'IO') throw error;
    return answered === undefined ? askOnce(context, file, decision) : trustOnce(context, file, answered);
  }
}

/** For a user whose answer can't be kept. */
async function askOnce(context: Context, file: string, decision: NewTrust): Promise<TrustState> {
  if (await ask(context, file, decision)) return trustOnce(context, file, decision);
  throw untrusted(context, file, decision);
}

function trustOnce(context: Context, file: string, { lines }: NewTrust): TrustState {
  agreed.set(file, lines);
  context.output.notice('trusted this once: the answer cannot be kept here (secrets trust says why)');
  return 'unpinned';
}

async function ask(context: Context, file: string, decision: NewTrust): Promise<boolean> {
  process.stderr.write(`${questionText(context, file, decision)}\n`);
  return askConfirm('Trust it?', false);
}

/** What a manifest decides, or what is new in it, as a person is asked. */
export function questionText(
  context: Context,
  file: string,
  { missing, former, problem }: Pick<NewTrust, 'missing' | 'former' | 'problem'>,
): string {
  const { output } = context;
  const shown = shownPath(context, file);
  const title =
    former === undefined
      ? `${shown} is new here. What it decides:`
      : `${shown} decides more than when you trusted it on ${former.at.slice(0, 10)}. What is new:`;
  const groups = inWords(missing, former?.lines).flatMap((group) => {
    const most = group.entries.slice(0, MOST_ENTRIES);
    const left = group.entries.length - most.length;
    const lines = [...most, ...(left === 0 ? [] : [`and ${left} more: secrets trust --show prints all`])];
    return [`  ${output.styled('bold', group.title)}`, ...lines.map((line) => `    ${line}`)];
  });
  const note = problem === undefined ? [] : [`  ${output.styled('yellow', 'Note')}: ${problem.message}`];
  return [`secrets: ${title}`, ...groups, ...note].join('\n');
}

const MOST_ENTRIES = 12;

/** A refusal, with the hash of what was refused. */
class Untrusted extends SecretsError {
  readonly set: string;
  constructor(set: string, issue: Issue) {
    super(issue);
    this.set = set;
  }
}

function untrusted(context: Context, file: string, { missing, former, lines, problem }: NewTrust): SecretsError {
  const what = former === undefined ? 'this manifest is not trusted yet' : 'this manifest has changed in what needs trust';
  const reason = problem === undefined ? '' : ` (${problem.message}; ${problem.hint})`;
  const more = context.manifest === undefined ? '' : ` --manifest ${shownPath(context, file)}`;
  return new Untrusted(hashOf(lines), {
    code: 'MANIFEST_UNTRUSTED',
    message: `${what}: ${inShort(missing, former?.lines)}${reason}`,
    hint: `secrets trust${more}; in CI, SECRETS_TRUST=${hashOf(lines)} (secrets trust --show prints what that allows)`,
    at: { file: shownPath(context, file), line: 1, column: 1 },
  });
}

const shownPath = (context: Context, file: string): string => word(shortPath(file, context.cwd));

/** So that what was put under a wrong name is refused by its place, and never shown. Offline; loads none but our own adapters. */
export async function refuseWrongOptions(manifests: readonly Manifest[]): Promise<void> {
  for (const manifest of manifests) {
    const own = [...manifest.providers.values()].filter(
      ({ at, personal, use }) => at !== undefined && !personal && adapterOf(use) !== undefined,
    );
    throwIssues((await loadAdapters(own)).issues);
  }
}

/**
 * Runs a change of the manifest that the person asked for, and keeps trust: of a manifest that was trusted or is new,
 * what the change brought is recorded. Where that can't be kept, the next run asks.
 * @param write throws if nothing was changed; its errors are passed on
 */
export async function keepTrust<T>(context: Context, write: () => Promise<T>): Promise<T> {
  const before = await foundSet(context);
  const result = await write();
  const after = await foundSet(context);
  if (after?.lines === undefined) return result;
  const { file, keeping, lines } = after;
  const { sets } = await readRecords(keeping);
  // A personal file that was there first came with the folder, and nobody has looked at it.
  const isNew = before?.file !== file && !existsSync(path.join(path.dirname(file), LOCAL_NAME));
  if (!isNew && (before?.lines === undefined || sets.length === 0)) return result;
  // What was there before and not agreed to is still to be asked about.
  const open = isNew ? [] : newSince(sets, before?.lines ?? []).missing;
  const trusted = missingFrom(open, lines);
  if (newSince(sets, trusted).missing.length > 0) {
    await addRecord(keeping, trusted, new Date()).catch((error: unknown) => {
      if (!(error instanceof SecretsError)) throw error;
      context.output.detail(error.message);
    });
  }
  const setting = settingOf(context.env['SECRETS_TRUST']);
  if (typeof setting === 'object' && hashOf(lines) !== setting.pin)
    context.output.warn({ message: 'SECRETS_TRUST pins what the manifest was before', hint: `set it to ${hashOf(lines)}` });
  return result;
}

interface FoundSet {
  readonly file: string;
  readonly keeping: Keeping;
  /** Undefined for a file that is no manifest. */
  readonly lines: TrustSet | undefined;
}

/** The manifest that the command is about, as it is on the disk now. */
async function foundSet(context: Context): Promise<FoundSet | undefined> {
  const file = context.manifest === undefined ? await findManifest(context.cwd) : path.resolve(context.cwd, context.manifest);
  if (file === undefined || !existsSync(file)) return undefined;
  const whole = await wholeSet(sourceOf(context, file));
  return { file, keeping: keepingFor(context, file), lines: whole?.lines };
}

/** What `doctor` says about trust: nothing is asked, nothing is recorded. A `fail` means that no provider may be contacted. */
export async function trustFindings(context: Context, { manifest }: Loaded): Promise<readonly Check[]> {
  const { path: file } = manifest;
  const checks: Check[] = [];
  if (context.env['SECRETS_TRUST'] === '1' && !isCi(context.env)) {
    const message = 'SECRETS_TRUST=1 trusts every manifest, also one of a folder that was just cloned';
    checks.push({ title: 'trust', status: 'warn', message, hint: 'unset SECRETS_TRUST; secrets trust asks once for each manifest' });
  }
  if (file === undefined) return checks;
  const keeping = keepingFor(context, file);
  const { problem } = await readRecords(keeping);
  try {
    const decision = await decideFor(context, manifest, sourceOf(context, file), keeping, {});
    if (decision.state === 'new') {
      await refuseWrongOptions(decision.manifests);
      const { message, hint } = untrusted(context, file, decision).primary;
      checks.push({ title: 'trust', status: 'fail', message, ...(hint === undefined ? {} : { hint }) });
    } else {
      if (problem !== undefined && decision.state === 'unpinned') checks.push({ title: 'trust', status: 'warn', ...problem });
      if (checks.length === 0) checks.push({ title: 'trust', status: 'ok', message: SAYS[decision.state] });
    }
  } catch (error) {
    if (!(error instanceof SecretsError)) throw error;
    const { message, hint } = error.primary;
    checks.push({ title: 'trust', status: 'fail', message, ...(hint === undefined ? {} : { hint }) });
  }
  return checks;
}

const SAYS: Readonly<Record<TrustState, string>> = {
  recorded: 'you have trusted this manifest',
  pinned: 'the manifest is the one that SECRETS_TRUST pins',
  unpinned: 'SECRETS_TRUST=1 trusts every manifest here',
  image: 'the manifest belongs to root and cannot be changed by this user',
};

const isCi = ({ CI }: Context['env']): boolean => CI !== undefined && !['', '0', 'false'].includes(CI);

const decideFor = (
  context: Context,
  manifest: Manifest,
  source: ManifestSource,
  keeping: Keeping,
  { once, envFiles = [] }: GateOptions,
): Promise<Decision> =>
  decideTrust({
    manifest,
    source,
    keeping,
    envFiles: envFiles.map((file) => path.resolve(context.cwd, file)),
    setting: context.env['SECRETS_TRUST'],
    once: once === true,
  });

/** Where the manifest of a path is read from. */
export function sourceOf(context: Context, manifest: string): ManifestSource {
  return { cwd: context.cwd, manifest, userConfigFile: userConfigFile(context.env) };
}

/** Where what is agreed to for the manifest of a path is kept. */
export const keepingFor = (context: Context, manifest: string): Keeping => keepingOf(placeOf(manifest), userFolders(context.env).state);
