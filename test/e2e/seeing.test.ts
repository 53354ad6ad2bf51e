/** `list`, `check`, `describe`, `history` and `ps` on the built program: many manifests, filters, forms, widths. */
import { chmodSync, symlinkSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { canary } from './support/canary.ts';
import type { Pty } from './support/pty.ts';
import { child, project, type Project } from './support/project.ts';

const API = `version: 1
project: shared-7f3c
secrets:
  DB_PASSWORD:
    ref: local://db-password
    owner: ana
    contact: "#orders"
    runbook: https://wiki.example.com/db
    consumers: [api, worker]
    tags: [db]
    maxAge: 90d
  API_KEY: { ref: local://api-key, owner: ben }
  LEVEL: { value: info }
`;
const WEB = `version: 1
project: shared-7f3c
defaultProfile: dev
secrets:
  DATABASE: { ref: local://db-password, owner: ana, consumers: [web] }
profiles:
  dev: {}
  prod: { secrets: { DATABASE: local://prod-password } }
`;

/** Two manifests that share a store, and much that must not stop the search. */
async function workspace(): Promise<Project> {
  const at = await project({
    files: {
      'apps/api/.secretsrc': API,
      'apps/web/.secretsrc.yaml': WEB,
      'apps/web/node_modules/dep/.secretsrc': 'version: 1\n',
      'apps/.git/.secretsrc': 'version: 1\n',
    },
  });
  symlinkSync(at.dir, join(at.dir, 'apps', 'loop'));
  const api = { cwd: join(at.dir, 'apps', 'api') };
  for (const reference of ['local://db-password', 'local://stray'])
    expect((await at.run(['set', reference], { ...api, input: canary() })).code).toBe(0);
  return at;
}

interface Listed {
  readonly secrets: readonly {
    readonly manifest: string;
    readonly name: string;
    readonly profile?: string;
    readonly state: string;
    readonly sharedWith?: readonly object[];
  }[];
  readonly failed: readonly { readonly code: string; readonly at: { readonly file: string } }[];
}

const listed = (stdout: string): Listed => JSON.parse(stdout) as Listed;
const rows = (stdout: string): readonly (readonly string[])[] =>
  stdout
    .trimEnd()
    .split('\n')
    .map((line) => line.split(/ {2,}/));

/** What a terminal shows, none of its lines longer than it is wide. */
function fittingLines(terminal: Pty, columns: number): readonly string[] {
  const lines = terminal
    .text()
    .split(/\r?\n/)
    .filter((line) => line !== '');
  expect(Math.max(...lines.map((line) => line.length))).toBeLessThanOrEqual(columns);
  return lines;
}

describe('a workspace', () => {
  it('is every manifest below, each once, with what they share', async () => {
    const at = await workspace();
    const { stdout, stderr, code } = await at.run(['list', '--workspace', 'apps', '.', '--json']);
    expect([code, stderr]).toEqual([0, '']);
    const { secrets, failed } = listed(stdout);
    expect(secrets.map(({ manifest, name, profile, state }) => [manifest, name, profile, state])).toEqual([
      ['apps/api/.secretsrc', 'DB_PASSWORD', undefined, 'current'],
      ['apps/api/.secretsrc', 'API_KEY', undefined, 'missing'],
      ['apps/api/.secretsrc', 'LEVEL', undefined, 'current'],
      ['apps/web/.secretsrc.yaml', 'DATABASE', 'dev', 'current'],
    ]);
    expect(failed).toEqual([]);
    expect(secrets[0]?.sharedWith).toEqual([{ manifest: 'apps/web/.secretsrc.yaml', name: 'DATABASE', consumers: ['web'] }]);
    expect([secrets[1]?.sharedWith, secrets[3]?.sharedWith?.length]).toEqual([undefined, 1]);
  });

  it('goes on where a manifest is broken or a folder cannot be read, and ends with the reason', async () => {
    const at = await workspace();
    at.write('apps/broken/.secretsrc', 'version: 1\nsecrets: { A: {} }\n');
    at.write('apps/closed/.secretsrc', 'version: 1\n');
    chmodSync(join(at.dir, 'apps', 'closed'), 0);
    const isRoot = process.getuid?.() === 0;
    const { stdout, stderr, code } = await at.run(['list', '--workspace', '.', '--where', 'name=D*', '--json']);
    chmodSync(join(at.dir, 'apps', 'closed'), 0o700);
    expect(code).toBe(65);
    expect(listed(stdout).secrets.map(({ name }) => name)).toEqual(['DB_PASSWORD', 'DATABASE']);
    expect(listed(stdout).failed).toMatchObject([{ code: 'MANIFEST_INVALID', at: { file: expect.stringContaining('broken') as string } }]);
    if (!isRoot) expect(stderr).toContain('a folder cannot be read: apps/closed');
  });

  it('asks for the trust of each manifest, and takes those that have it', async () => {
    const at = await workspace();
    const untrusted = { env: { SECRETS_TRUST: undefined } };
    expect((await at.run(['trust', '--yes', '--manifest', 'apps/api/.secretsrc'], untrusted)).code).toBe(0);
    const { stdout, stderr, code } = await at.run(['list', '--workspace', '.', '--no-input'], untrusted);
    expect(code).toBe(78);
    expect(
      rows(stdout)
        .slice(1)
        .map(([manifest]) => manifest),
    ).toEqual(Array(3).fill('apps/api/.secretsrc'));
    expect(stderr).toContain('error[MANIFEST_UNTRUSTED]');
    expect(stderr).toContain('secrets trust --manifest apps/web/.secretsrc.yaml');
  });

  it('leaves out manifests without the profile that is asked for', async () => {
    const at = await workspace();
    const { stdout, stderr, code } = await at.run(['list', '--workspace', '.', '-p', 'prod', '--json']);
    expect([code, listed(stdout).secrets.map(({ name, state }) => [name, state])]).toEqual([0, [['DATABASE', 'missing']]]);
    expect(stderr).toContain('without the profile prod: apps/api/.secretsrc');
  });

  it.each([
    [['list', 'DB_PASSWORD', '--workspace', '.'], '--where name=NAME'],
    [['list', '--workspace', '.', '-m', 'x'], 'leave one of them out'],
    [['list', '--workspace', 'nowhere'], 'check the path'],
    [['list', '--workspace', '.', '--where', ''], '--where owner=ana,state=overdue'],
    [['list', '--workspace', '.', '--sort', 'agee'], 'did you mean age?'],
    [['list', '--csv', '--json', '--workspace', '.'], 'secrets list --help'],
  ])('refuses %j', async (args, hint) => {
    const at = await workspace();
    const { stderr, code } = await at.run(args);
    expect([code, stderr.includes(hint), stderr]).toEqual([64, true, stderr]);
  });
});

describe('orphans', () => {
  it('are listed on either side, and what another profile needs is none', async () => {
    const at = await workspace();
    const web = { cwd: join(at.dir, 'apps', 'web') };
    expect((await at.run(['set', 'local://prod-password'], { ...web, input: canary() })).code).toBe(0);
    const { stdout, code } = await at.run(['list', '--workspace', '.', '--orphans']);
    expect(code).toBe(0);
    expect(
      rows(stdout)
        .slice(1)
        .map((row) => [row[0], row[1], row.at(-1)]),
    ).toEqual([
      ['local://stray', '-', 'no manifest refers to it'],
      ['local://api-key', 'apps/api/.secretsrc: API_KEY', 'nothing is stored'],
    ]);
    const json = JSON.parse((await at.run(['list', '--workspace', '.', '--orphans', '--json'])).stdout) as Record<string, unknown>;
    expect(json).toMatchObject({
      unreferenced: [{ provider: 'local', reference: 'local://stray' }],
      notStored: [{ name: 'API_KEY', reference: 'local://api-key', required: true }],
      notListed: [],
    });
  });
});

describe('the forms of a list', () => {
  it('has filters, an order, and CSV with every column', async () => {
    const at = await workspace();
    const csv = await at.run(['list', '--workspace', '.', '--where', 'owner=ana,tag!=web', '--sort', '-name', '--csv']);
    const [head = '', ...lines] = csv.stdout.split('\r\n');
    expect(head.split(',')).toEqual(
      expect.arrayContaining(['manifest', 'name', 'created', 'age', 'next', 'expires', 'consumers', 'state']),
    );
    expect(lines.map((line) => line.split(',')[2])).toEqual(['DB_PASSWORD', 'DATABASE', undefined]);
    const urgent = await at.run(['list', '--workspace', '.', '--sort', 'state', '--json']);
    expect(listed(urgent.stdout).secrets[0]?.name).toBe('API_KEY');
    const none = await at.run(['list', '--workspace', '.', '--where', 'owner=nobody']);
    expect([none.code, none.stdout, none.stderr]).toEqual([0, '', 'secrets: nothing matches\n']);
  });

  it.each([60, 220])('fits a terminal of %i columns', async (columns) => {
    const at = await workspace();
    const terminal = at.pty(['list', '--workspace', 'apps'], { columns });
    await terminal.waitFor('DATABASE');
    expect((await terminal.exit).code).toBe(0);
    const lines = fittingLines(terminal, columns);
    expect(lines.filter((line) => /\.secretsrc/.test(line))).toHaveLength(4);
    for (const title of ['MANIFEST', 'NAME', 'STATE']) expect(lines[0]).toContain(title);
    expect(lines[0]?.includes('CONSUMERS')).toBe(columns === 220);
    expect(lines[0]?.includes('SHARED')).toBe(columns === 220);
  });

  it('has the same columns in a pipe whatever is in it', async () => {
    const at = await workspace();
    const titles = async (...args: readonly string[]): Promise<string> =>
      rows((await at.run(['list', ...args])).stdout)[0]?.join(' ') ?? '';
    expect(await titles('-m', 'apps/api/.secretsrc')).toBe('NAME PROVIDER REFERENCE VERSION AGE DUE OWNER STATE');
    expect(await titles('--workspace', '.')).toBe('MANIFEST PROFILE NAME PROVIDER REFERENCE VERSION AGE DUE OWNER STATE');
  });
});

describe('check', () => {
  it('is a gate over a workspace, one line for each finding', async () => {
    const at = await workspace();
    const { stdout, code } = await at.run(['check', '--workspace', '.', '--require', 'owner,runbook']);
    expect(code).toBe(1);
    expect(stdout.trimEnd().split('\n')).toEqual([
      expect.stringMatching(/^API_KEY: it is absent; at apps\/api\/\.secretsrc:12:\d+; owner: ben; hint: secrets set API_KEY$/),
      expect.stringMatching(/^API_KEY: its entry has no runbook; at apps\/api\/\.secretsrc:12:\d+; owner: ben; hint: /),
      expect.stringMatching(/^DATABASE: its entry has no runbook; at apps\/web\/\.secretsrc\.yaml:5:\d+; owner: ana; hint: /),
    ]);
    const fine = await at.run(['check', '--workspace', '.', '--where', 'owner=ana', '--require', 'owner,consumers']);
    expect([fine.code, fine.stdout]).toEqual([0, '2 secrets are in order\n']);
  });

  it('gives SARIF and JUnit with places that a CI system can show', async () => {
    const at = await workspace();
    const sarif = await at.run(['check', '--workspace', '.', '--format', 'sarif']);
    expect(sarif.code).toBe(1);
    expect(JSON.parse(sarif.stdout)).toMatchObject({
      version: '2.1.0',
      runs: [
        {
          invocations: [{ executionSuccessful: true }],
          results: [
            {
              ruleId: 'absent',
              level: 'error',
              locations: [{ physicalLocation: { artifactLocation: { uri: 'apps/api/.secretsrc' }, region: { startLine: 12 } } }],
            },
          ],
        },
      ],
    });
    const junit = await at.run(['check', '--workspace', '.', '--format', 'junit']);
    expect(junit.code).toBe(1);
    expect(junit.stdout).toContain('<testsuites name="secrets check" tests="4" failures="1" errors="0">');
    expect(junit.stdout).toContain('<testcase classname="apps/api/.secretsrc" name="API_KEY" file="apps/api/.secretsrc" line="12">');
  });
});

describe('running programs', () => {
  it('are stale once a newer version is current', async () => {
    const at = await project({ manifest: 'version: 1\nproject: ps-7f3c\nsecrets: { A: local://a, B: local://b }\n' });
    await at.set('A', canary());
    await at.set('B', canary());
    const running = at.start(['run', '--', process.execPath, child('sleep-forever.mjs')]);
    await running.waitFor('ready');
    const freshness = async (...more: readonly string[]): Promise<readonly unknown[]> => {
      const { stdout } = await at.run(['ps', '--json', ...more]);
      const { runs } = JSON.parse(stdout) as { readonly runs: readonly { readonly stale: boolean; readonly secrets: readonly object[] }[] };
      return runs.map(({ stale, secrets }) => [stale, ...secrets.map((secret) => 'freshness' in secret && secret.freshness)]);
    };
    expect(await freshness()).toEqual([[false, 'current', 'current']]);
    await at.set('B', canary());
    expect(await freshness()).toEqual([[true, 'current', 'stale']]);
    expect(await freshness('--offline')).toEqual([[false, 'unknown', 'unknown']]);
    const table = await at.run(['ps']);
    expect(rows(table.stdout)[1]?.at(-1)).toBe('stale');
    expect(table.stderr).toContain('a newer version is current of B: restart the program to take it');
    const described = await at.run(['describe', 'B']);
    expect(described.stdout).toMatch(new RegExp(`running +node, process \\d+, since .*, version 1`));
    // Nobody agrees to a manifest here: what it would be asked is unknown.
    const untrusted = await at.run(['ps'], { env: { SECRETS_TRUST: undefined } });
    expect([untrusted.code, rows(untrusted.stdout)[1]?.at(-1)]).toEqual([0, 'unknown']);
    running.child.kill('SIGTERM');
    await running.result;
    const after = await at.run(['ps']);
    expect([after.stdout, after.stderr]).toEqual(['', 'secrets: nothing is running\n']);
  });
});

describe('history', () => {
  it.each([40, 120])('fits a terminal of %i columns', async (columns) => {
    const at = await project({ manifest: 'version: 1\nproject: history-7f3c\nsecrets: { A: local://a }\n' });
    await at.set('A', canary());
    await at.set('A', canary());
    const terminal = at.pty(['history', 'A'], { columns });
    await terminal.waitFor('VERSION');
    expect((await terminal.exit).code).toBe(0);
    const lines = fittingLines(terminal, columns);
    expect(lines.filter((line) => line.endsWith('enabled'))).toHaveLength(2);
  });
});
