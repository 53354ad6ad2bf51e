/** The audit log as the commands use it: opened when the first record is made, and loaded then. */
import { randomUUID } from 'node:crypto';
import path from 'node:path';
import type { Audit, AuditEntry } from '../audit/event.ts';
import { SecretsError } from '../core/errors.ts';
import type { AuditRules, Manifest } from '../core/model.ts';
import { userFolders } from '../platform/folders.ts';
import { accessEntries } from '../run/audit-entries.ts';
import type { Run } from '../run/prepare.ts';
import type { TrustState } from '../trust/decide.ts';
import type { Context } from './context.ts';

type Recorded = Pick<Manifest, 'audit' | 'dir' | 'project' | 'profile'>;

/** What several manifests together ask for: each of their places, with relative paths from its own folder. */
function rulesOf(manifests: readonly Recorded[]): AuditRules {
  const sinks = manifests.flatMap(({ audit, dir }) =>
    audit.sinks.map((sink) => ({ sink: audit.personal?.includes(sink) === true ? sink : placed(sink, dir), audit, given: sink })),
  );
  const once = [...new Map(sinks.map((one) => [JSON.stringify(one.sink), one])).values()];
  return {
    required: manifests.some(({ audit }) => audit.required),
    sinks: once.map(({ sink }) => sink),
    personal: once.flatMap(({ sink, audit, given }) => (audit.personal?.includes(given) === true ? [sink] : [])),
  };
}

function placed(sink: unknown, dir: string): unknown {
  if (typeof sink !== 'object' || sink === null) return sink;
  const { command, caFile } = sink as { readonly command?: readonly string[]; readonly caFile?: string };
  const [program = '', ...args] = command ?? [];
  return {
    ...sink,
    ...(program.startsWith('.') ? { command: [path.resolve(dir, program), ...args] } : {}),
    ...(caFile === undefined ? {} : { caFile: path.resolve(dir, caFile) }),
  };
}

/** What all say alike. */
function common<T>(values: readonly T[]): T | undefined {
  return new Set(values).size === 1 ? values[0] : undefined;
}

/** Opens the log of a run. @param trust how its manifests are trusted */
export const auditFor =
  (context: Context, manifests: readonly Recorded[], trust: TrustState | undefined) =>
  (run: string): Audit => {
    let opened: Promise<Audit> | undefined;
    const open = async (): Promise<Audit> => {
      const { AuditLog } = await import('../audit/audit-log.ts');
      const { env, cwd, output, reason } = context;
      return new AuditLog({
        run,
        env,
        cwd,
        stateFolder: userFolders(env).state,
        rules: { ...rulesOf(manifests), dir: cwd },
        project: common(manifests.map(({ project }) => project)),
        profile: common(manifests.map(({ profile }) => profile)),
        trust,
        reason,
        keychain: async () => (await import('../platform/keychain.ts')).openKeychain(env),
        warn: (issue) => output.warn(issue),
        detail: (message) => output.detail(message),
      });
    };
    return { record: async (entries) => (await (opened ??= open())).record(entries) };
  };

type Secrets = Pick<Manifest, 'secrets'>;

/** Records what was done with values since the last call, and more. @throws SecretsError AUDIT_WRITE_FAILED */
export async function record(
  run: Run,
  manifests: Secrets | readonly Secrets[],
  readAs: 'resolve' | 'use',
  more: readonly AuditEntry[] = [],
): Promise<void> {
  const entries = [...accessEntries(run.sessions.takeAccesses(), readAs, [manifests].flat(), run.reported.principals), ...more];
  if (entries.length > 0) await run.audit.record(entries);
}

/** The same where the command has failed already, which is what its user is to hear of. */
export async function recordAnyway(run: Run, manifests: Secrets | readonly Secrets[], readAs: 'resolve' | 'use'): Promise<void> {
  await record(run, manifests, readAs).catch((error: unknown) => {
    if (!(error instanceof SecretsError)) throw error;
  });
}

/** In GitHub Actions, says in the summary of the job what names all that is recorded now. */
export async function summarise(context: Context): Promise<void> {
  const summary = context.env['GITHUB_ACTIONS'] === 'true' ? context.env['GITHUB_STEP_SUMMARY'] : undefined;
  if (summary !== undefined && summary !== '') (await import('./audit-summary.ts')).addHead(context, summary);
}

/** Nothing that an untrusted manifest says about the log counts. */
const OWN_RULES: AuditRules = { required: false, sinks: ['file'] };

/** Records what is no part of a run with a manifest. */
export async function recordAlone(context: Context, entry: AuditEntry): Promise<void> {
  await auditFor(context, [{ audit: OWN_RULES, dir: context.cwd }], undefined)(randomUUID()).record([entry]);
}

/**
 * Records that a manifest was trusted, was refused, or is not trusted any more.
 * @param set hash of what it decides, `sha256:…`, where that is known
 */
export const recordTrust = (
  context: Context,
  file: string,
  set: string | undefined,
  entry: Pick<AuditEntry, 'event' | 'result' | 'code'>,
): Promise<void> => recordAlone(context, { ...entry, name: file, ...(set === undefined ? {} : { reference: set }) });
