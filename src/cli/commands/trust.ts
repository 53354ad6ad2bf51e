/**
 * `secrets trust`: shows what a manifest decides about credentials, programs and safety, asks, and remembers the
 * answer. `--yes` does not ask, `--show` prints the set and its hash, `--revoke` forgets, `--workspace` takes all
 * manifests of the repository. Needs no network, no store and no credentials.
 *
 * Exit 0: trusted, shown or forgotten. Exit 1: the answer was no.
 *
 * --json: `{ manifests: [{ manifest, sha256, trusted, new: [line], lines: [line] }] }`; with --revoke
 * `{ manifests: [{ manifest, revoked }] }`.
 */
import path from 'node:path';
import { Option, type Command } from 'commander';
import { SecretsError, throwIssues, type Issue } from '../../core/errors.ts';
import type { Manifest } from '../../core/model.ts';
import { loadManifest, LOCAL_NAME } from '../../manifest/index.ts';
import { newSince } from '../../trust/decide.ts';
import { addRecord, cannotKeep, readRecords, removeRecords, type Keeping, type Problem, type TrustedSet } from '../../trust/record.ts';
import { word } from '../../trust/text.ts';
import { hashOf, type TrustSet } from '../../trust/trust-set.ts';
import { wholeSet } from '../../trust/whole.ts';
import { manifestsBelow } from '../../trust/workspace.ts';
import { recordTrust } from '../auditing.ts';
import type { CommandModule } from '../commands.ts';
import type { Context } from '../context.ts';
import { shortPath } from '../output.ts';
import { askConfirm } from '../prompts.ts';
import { loadFor } from '../session.ts';
import { keepingFor, questionText, refuseWrongOptions, sourceOf } from '../trust-gate.ts';

interface TrustOptions {
  readonly yes?: boolean;
  readonly show?: boolean;
  readonly revoke?: boolean;
  readonly workspace?: boolean;
}

export const define: CommandModule['define'] = (command, open) => {
  command
    .addOption(new Option('-y, --yes', 'do not ask').conflicts(['show', 'revoke']))
    .addOption(new Option('--show', 'print the set, and its hash for SECRETS_TRUST as the last line').conflicts('revoke'))
    .option('--revoke', 'forget what was trusted')
    .option('--workspace', 'all manifests of this repository')
    .action(async (options: TrustOptions, self: Command) => {
      const context = open(self);
      const { files, issues } =
        options.workspace === true ? await workspaceFiles(context) : { files: [await oneFile(context)], issues: [] };
      if (options.revoke === true) await revoke(context, files);
      else {
        const subjects = await Promise.all(files.map((file) => subjectOf(context, file)));
        if (options.show === true) show(context, subjects);
        else await trust(context, subjects, options.yes === true);
      }
      throwIssues(issues);
    });
};

/** A manifest and what is known about it. */
interface Subject {
  readonly file: string;
  readonly keeping: Keeping;
  readonly lines: TrustSet;
  readonly missing: TrustSet;
  readonly former: TrustedSet | undefined;
  readonly problem: Problem | undefined;
  readonly manifests: readonly Manifest[];
}

/** @throws SecretsError with every mistake of the manifest */
async function oneFile(context: Context): Promise<string> {
  const { manifest } = await loadFor(context);
  if (manifest.path !== undefined) return manifest.path;
  throw new SecretsError({ code: 'MANIFEST_NOT_FOUND', message: 'there is no manifest' });
}

/** Those that can be loaded; the others take nothing from them, and are told at the end. */
async function workspaceFiles(context: Context): Promise<{ readonly files: readonly string[]; readonly issues: readonly Issue[] }> {
  if (context.manifest !== undefined)
    throw new SecretsError({ code: 'USAGE', message: '--workspace and --manifest exclude each other', hint: 'leave one of them out' });
  const files: string[] = [];
  const issues: Issue[] = [];
  for (const file of await manifestsBelow(context.cwd, context.env)) {
    try {
      await loadManifest({ ...sourceOf(context, file), profile: undefined });
      files.push(file);
    } catch (error) {
      if (!(error instanceof SecretsError)) throw error;
      issues.push(...error.issues);
    }
  }
  if (files.length === 0 && issues.length === 0)
    throw new SecretsError({ code: 'MANIFEST_NOT_FOUND', message: 'there is no manifest below the root of this repository' });
  return { files, issues };
}

async function subjectOf(context: Context, file: string): Promise<Subject> {
  const whole = (await wholeSet(sourceOf(context, file))) ?? { lines: [], manifests: [] };
  await refuseWrongOptions(whole.manifests);
  const keeping = keepingFor(context, file);
  const { sets, problem } = await readRecords(keeping);
  return { file, keeping, problem, ...whole, ...newSince(sets, whole.lines) };
}

async function trust(context: Context, subjects: readonly Subject[], yes: boolean): Promise<void> {
  const { output } = context;
  const open = subjects.filter(({ missing }) => missing.length > 0);
  const [unkept] = open.flatMap(({ keeping }) => (keeping.ok ? [] : [keeping.problem]));
  if (unkept !== undefined)
    throw cannotKeep({ ...unkept, hint: `${unkept.hint}; or SECRETS_TRUST with the hash of: secrets trust --show` });
  if (open.length > 0 && !yes && !context.interactive) {
    throw new SecretsError({
      code: 'MANIFEST_UNTRUSTED',
      message: 'nobody can be asked here',
      hint: 'look at it with secrets trust --show, then: secrets trust --yes',
    });
  }
  if (!yes || !output.json) for (const subject of open) tell(context, subject, yes);
  const agreed = open.length === 0 || yes || (await askConfirm(open.length === 1 ? 'Trust it?' : `Trust these ${open.length}?`, false));
  if (agreed) {
    for (const { file, keeping, lines } of open) {
      await addRecord(keeping, lines, new Date());
      await recordTrust(context, file, hashOf(lines), { event: 'trust', result: 'ok' });
    }
  } else process.exitCode = 1;
  if (output.json) {
    output.resultJson({
      manifests: subjects.map((subject) => ({ ...rowOf(context, subject), trusted: agreed || !open.includes(subject) })),
    });
    return;
  }
  for (const subject of subjects) output.result(`${outcomeOf(context, subject, agreed)}\n`);
}

/** On stderr: in front of a question always, else as a notice. */
function tell(context: Context, subject: Subject, yes: boolean): void {
  if (!yes || !context.output.options.quiet) process.stderr.write(`${questionText(context, subject.file, subject)}\n`);
}

function outcomeOf(context: Context, { file, lines, missing }: Subject, agreed: boolean): string {
  const shown = word(shortPath(file, context.cwd));
  if (lines.length === 0) return `${shown} decides nothing that needs trust`;
  if (missing.length === 0) return `${shown} is trusted already`;
  return agreed ? `trusted ${shown}` : `not trusted: ${shown}`;
}

function show(context: Context, subjects: readonly Subject[]): void {
  const { output } = context;
  if (output.json) {
    output.resultJson({ manifests: subjects.map((subject) => rowOf(context, subject)) });
    return;
  }
  const blocks = subjects.map(({ file, lines }) => {
    const head = subjects.length === 1 ? [] : [`# ${word(shortPath(file, context.cwd))}`];
    return `${[...head, ...lines, hashOf(lines)].join('\n')}\n`;
  });
  output.result(blocks.join('\n'));
  const personal = subjects.filter(({ file, manifests }) =>
    manifests.some(({ files }) => files.includes(path.join(path.dirname(file), LOCAL_NAME))),
  );
  if (personal.length > 0) output.notice(`${LOCAL_NAME} counts in this hash: print one for other machines without it`);
}

const rowOf = (context: Context, { file, lines, missing }: Subject) => ({
  manifest: shortPath(file, context.cwd),
  sha256: hashOf(lines),
  trusted: missing.length === 0,
  new: missing,
  lines,
});

async function revoke(context: Context, files: readonly string[]): Promise<void> {
  const { output } = context;
  const rows: { readonly manifest: string; readonly revoked: boolean }[] = [];
  for (const file of files) {
    const revoked = await removeRecords(keepingFor(context, file));
    if (revoked) await recordTrust(context, file, undefined, { event: 'untrust', result: 'ok' });
    rows.push({ manifest: shortPath(file, context.cwd), revoked });
  }
  if (output.json) output.resultJson({ manifests: rows });
  else
    for (const { manifest, revoked } of rows)
      output.result(`${word(manifest)} ${revoked ? 'is not trusted any more' : 'was not trusted'}\n`);
}
