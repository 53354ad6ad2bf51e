/**
 * `secrets doctor [PROVIDER…]`: checks this machine, the project and every provider in use. Reads no secret. Exit 1
 * if a check fails.
 *
 * --json: `{ ok, checks: [check], providers: [{ name, adapter, title, address, identity, checks: [check] }] }` with check
 * `{ title, status, message, hint }`; `status` is `ok`, `warn` or `fail`.
 */
import type { Command } from 'commander';
import { CODES, SecretsError } from '../../core/errors.ts';
import type { Check } from '../../provider-kit/contract.ts';
import { load, type Loaded } from '../../run/load.ts';
import { auditChecks } from '../audit-check.ts';
import type { CommandModule } from '../commands.ts';
import type { Context } from '../context.ts';
import { withOrWithoutManifest } from '../loaded-run.ts';
import { shortPath, type Style } from '../output.ts';
import { asking, chosenProviders, reportProviders, type ProviderReport } from '../provider-reports.ts';
import { withSpinner } from '../spinner.ts';
import { trustFindings } from '../trust-gate.ts';
import { machineChecks, projectChecks } from '../tool-checks.ts';

export const define: CommandModule['define'] = (command, open) => {
  command
    .argument('[providers...]', 'only these providers; default: those in use, else all that are configured')
    .action(async (names: string[], _options: unknown, self: Command) => doctor(open(self), names));
};

async function doctor(context: Context, names: readonly string[]): Promise<void> {
  const { output } = context;
  const found = await findManifest(context);
  const checks = [...machineChecks(context.env), ...found.checks];
  const reports = found.usable ? await ask(context, names) : [];
  const ok = [...checks, ...reports.flatMap((report) => report.checks)].every(({ status }) => status !== 'fail');
  if (output.json) {
    const typed = (all: readonly Check[]): readonly Check[] =>
      all.map((check) => (check.hint === undefined ? check : { ...check, hint: output.hint(check.hint) }));
    const providers = reports.map(({ issue: _issue, ...report }) => ({ ...report, checks: typed(report.checks) }));
    output.resultJson({ ok, checks: typed(checks), providers });
  } else {
    const blocks = [
      checksText(context, 'secrets', checks),
      ...reports.map((report) => checksText(context, headline(report), report.checks)),
    ];
    output.result(blocks.join('\n'));
    if (found.usable && reports.length === 0) output.notice('no provider is in use or configured');
  }
  if (!ok) process.exitCode = 1;
}

interface Found {
  readonly checks: readonly Check[];
  /** Whether providers can be asked: also without a manifest, not with a broken one. */
  readonly usable: boolean;
}

async function findManifest(context: Context): Promise<Found> {
  try {
    const loaded: Loaded = await load({ cwd: context.cwd, env: context.env, manifest: context.manifest, profile: context.profile });
    const { manifest } = loaded;
    const trust = await trustFindings(context, loaded);
    const profile = manifest.profile === undefined ? '' : `, profile ${manifest.profile}`;
    const message = `${shortPath(manifest.path ?? '', context.cwd)}${profile}`;
    const checks: Check[] = [
      { title: 'manifest', status: 'ok', message },
      ...trust,
      ...(await auditChecks(context, manifest)),
      ...(await projectChecks(manifest, context.env)),
    ];
    return { checks, usable: trust.every(({ status }) => status !== 'fail') };
  } catch (error) {
    if (!(error instanceof SecretsError)) throw error;
    const { code, message, hint = CODES[code].hint } = error.primary;
    if (code === 'MANIFEST_NOT_FOUND' && context.manifest === undefined) {
      return { checks: [{ title: 'manifest', status: 'warn', message, hint }, ...(await auditChecks(context, undefined))], usable: true };
    }
    const count = error.issues.length;
    const check: Check =
      count === 1
        ? { title: 'manifest', status: 'fail', message, hint }
        : { title: 'manifest', status: 'fail', message: `it has ${count} mistakes`, hint: 'secrets explain' };
    return { checks: [check], usable: false };
  }
}

async function ask(context: Context, names: readonly string[]): Promise<readonly ProviderReport[]> {
  return withOrWithoutManifest(context, async ({ manifest }, run) => {
    const configs = chosenProviders(manifest, names);
    return withSpinner(context, asking(configs), () => reportProviders(configs, run));
  });
}

const headline = ({ name, title, address, identity }: ProviderReport): string =>
  [
    name,
    title === undefined || title.toLowerCase() === name ? undefined : `(${title})`,
    address,
    identity === undefined ? undefined : `as ${identity}`,
  ]
    .filter((part) => part !== undefined)
    .join(' ');

const STYLES: Readonly<Record<Check['status'], Style>> = { ok: 'green', warn: 'yellow', fail: 'red' };

function checksText({ output }: Context, title: string, checks: readonly Check[]): string {
  const lines = checks.flatMap(({ title: what, status, message, hint }) => [
    `  ${output.styled(STYLES[status], status, 'stdout')}${' '.repeat(4 - status.length)}  ${what}: ${message}`,
    ...(hint === undefined || status === 'ok' ? [] : [`        hint: ${output.hint(hint)}`]),
  ]);
  if (lines.length === 0) lines.push(`  ${output.styled('green', 'ok', 'stdout')}    nothing to check`);
  return `${[output.styled('bold', title, 'stdout'), ...lines].join('\n')}\n`;
}
