import { execFileSync } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { beforeEach, describe, expect, it, vi } from 'vitest';
import { define as doctor } from '../../src/cli/commands/doctor.ts';
import { define as whoami } from '../../src/cli/commands/whoami.ts';
import { Fault } from '../../src/core/fault.ts';
import type * as BuiltIn from '../../src/providers/built-in.ts';
import { folder } from '../manifest/folder.ts';
import { KnownWorld, knownProvider } from '../support/known-provider.ts';
import { rowsOf, runCommand, type CommandOptions, type Recorded } from './recorder.ts';

vi.mock('../../src/providers/built-in.ts', async (original) => {
  const { LOADERS } = await original<typeof BuiltIn>();
  return { LOADERS: { ...LOADERS, vault: () => Promise.resolve({ default: knownProvider(known) }) } };
});

const known = new KnownWorld();
beforeEach(() => known.clear());

const MANIFEST = `
version: 1
providers: { vault: { address: "https://vault.example.com" } }
secrets: { A: vault://a, B: env://B, C: vault://c }
`;

interface Report {
  readonly ok: boolean;
  readonly checks: readonly { readonly title: string; readonly status: string; readonly message: string; readonly hint?: string }[];
  readonly providers: readonly Record<string, unknown>[];
}

async function report(cwd: string, more: Partial<CommandOptions> = {}, args: readonly string[] = []): Promise<Report & Recorded> {
  const recorded = await runCommand({ define: doctor }, args, { cwd, json: true, ...more, env: { HOME: cwd, ...more.env } });
  return { ...recorded, ...(JSON.parse(recorded.stdout) as Report) };
}

const statuses = ({ checks }: Report): Record<string, string> => Object.fromEntries(checks.map(({ title, status }) => [title, status]));

describe('doctor', () => {
  it('asks every provider in use, and reads no secret', async () => {
    const { ok, providers, exitCode } = await report(folder({ '.secretsrc': MANIFEST }));
    expect(providers).toMatchObject([
      {
        name: 'vault',
        adapter: 'vault',
        title: 'Known',
        address: 'https://vault.example.com',
        identity: 'tester',
        checks: [{ title: 'server', status: 'ok', message: 'it answers' }],
      },
      { name: 'env', adapter: 'env', checks: [] },
    ]);
    expect([ok, exitCode, known.read, known.described, known.closed]).toEqual([true, 0, [], [], 1]);
  });

  it('exits with 1 when a provider does not answer, and shows the others', async () => {
    known.report = new Fault('unavailable', { message: 'nobody listens', hint: 'start it', retryable: false });
    const { ok, providers, exitCode } = await report(folder({ '.secretsrc': MANIFEST }));
    expect(providers[0]).toMatchObject({ name: 'vault', checks: [{ status: 'fail', message: 'nobody listens', hint: 'start it' }] });
    expect([ok, exitCode, providers.length]).toEqual([false, 1, 2]);
  });

  it('works without a manifest, and with a broken one as far as that goes', async () => {
    const none = await report(folder({}));
    expect([none.ok, statuses(none)['manifest'], none.providers]).toEqual([true, 'warn', []]);
    const asked = await report(folder({}), {}, ['env']);
    expect(asked.providers).toMatchObject([{ name: 'env' }]);
    const broken = await report(folder({ '.secretsrc': 'version: 1\nsecrts: {}\nfoo: 1\n' }));
    expect([broken.ok, broken.exitCode, statuses(broken)['manifest']]).toEqual([false, 1, 'fail']);
  });

  it('warns about values in the clear and names that are set already', async () => {
    const cwd = folder({ '.secretsrc': MANIFEST, '.env': 'A=x\n', '.env.local': 'A=x\n', '.env.example': '' });
    const { checks } = await report(cwd, { env: { A: 'canary-0123456789abcdef', B: 'own' } });
    const warned = checks.filter(({ status, title }) => status === 'warn' && title !== 'trust');
    expect(warned.map(({ title, hint }) => [title, hint])).toEqual([
      ['.env', 'secrets import .env'],
      ['environment', 'unset A'],
    ]);
    expect(warned[0]?.message).toContain('.env, .env.local');
    expect(JSON.stringify(checks)).not.toContain('canary');
  });

  it('refuses switched-off certificate checks, and warns about a folder that can not be', async () => {
    const cwd = folder({ '.secretsrc': MANIFEST });
    const off = await report(cwd, { env: { NODE_TLS_REJECT_UNAUTHORIZED: '0' } });
    expect([statuses(off)['TLS'], off.exitCode]).toEqual(['fail', 1]);
    const file = join(cwd, 'file');
    writeFileSync(file, '');
    const blocked = await report(cwd, { env: { SECRETS_STATE_DIR: join(file, 'state') } });
    expect(statuses(blocked)['state folder']).toBe('warn');
  });

  it('looks whether git ignores the personal file', async () => {
    const cwd = folder({ '.secretsrc': MANIFEST, '.secretsrc.local': 'version: 1\n' });
    execFileSync('git', ['init', '--quiet'], { cwd });
    expect(statuses(await report(cwd))['.secretsrc.local']).toBe('warn');
    writeFileSync(join(cwd, '.gitignore'), '.secretsrc.local\n');
    expect(statuses(await report(cwd))['.secretsrc.local']).toBe('ok');
  });

  it('prints a list for people', async () => {
    const cwd = folder({ '.secretsrc': MANIFEST });
    const { stdout } = await runCommand({ define: doctor }, ['vault'], { cwd, env: { HOME: cwd } });
    expect(stdout).toMatch(/\n\nvault \(Known\) https:\/\/vault\.example\.com as tester\n {2}ok {4}server: it answers\n$/);
  });
});

describe('whoami', () => {
  const run = (cwd: string, args: readonly string[] = []): Promise<Recorded> =>
    runCommand({ define: whoami }, args, { cwd, env: { HOME: cwd } });

  it('says who each provider knows', async () => {
    const { stdout, exitCode } = await run(folder({ '.secretsrc': MANIFEST }));
    expect(rowsOf(stdout)).toEqual([
      ['PROVIDER', 'ADDRESS', 'IDENTITY'],
      ['vault', 'https://vault.example.com', 'tester'],
      ['env', '-', '-'],
    ]);
    expect(exitCode).toBe(0);
  });

  it('ends with the reason when one does not answer', async () => {
    known.report = new Fault('denied', 'the token is not valid');
    const denied = await run(folder({ '.secretsrc': MANIFEST }));
    expect([rowsOf(denied.stdout)[1]?.at(-1), denied.error?.code]).toEqual(['no answer', 'DENIED']);
    known.report = { checks: [{ title: 'server', status: 'fail', message: 'it does not answer', hint: 'start it' }] };
    const silent = await run(folder({ '.secretsrc': MANIFEST }));
    expect(silent.error?.issues).toMatchObject([{ code: 'UNAUTHENTICATED', message: 'it does not answer', provider: 'vault' }]);
  });

  it("makes and prints the user's own recipient, always the same", async () => {
    const cwd = folder({});
    const [first, second] = [await run(cwd, ['--recipient']), await run(cwd, ['--recipient'])];
    expect(first.stdout).toMatch(/^age1[02-9ac-hj-np-z]{58}\n$/);
    expect(second.stdout).toBe(first.stdout);
  });
});
