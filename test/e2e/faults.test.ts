/** What a manager's failure does to `run`: one report, bounded time, nothing started. */
import { describe, expect, it } from 'vitest';
import { canary } from './support/canary.ts';
import type { RunningCli } from './support/cli.ts';
import type { Answer } from './support/fault-server.ts';
import { project, type Project } from './support/project.ts';
import { kv2, refusal, signedIn, vaultEntry, vaultServer } from './support/vault-server.ts';
import type { VaultRule, VaultServer } from './support/vault-server.ts';

const READ = 'GET secret/data/api';
/** What a busy machine may add to a time in milliseconds. */
const SLACK_MS = 500;

const onlyRead =
  (answer: Answer): VaultRule =>
  (asked) =>
    asked === READ ? answer : undefined;

interface Set {
  readonly one: Project;
  readonly server: VaultServer;
  readonly env: Readonly<Record<string, string>>;
}

/** A project with one secret of a vault that behaves as the rule says. */
async function withVault(rule: VaultRule): Promise<Set> {
  const server = await vaultServer(rule);
  const one = await project({
    manifest: `version: 1\nproviders:\n  ${vaultEntry(server)}\nsecrets:\n  API_KEY: vault://secret/api#value\n`,
  });
  return { one, server, env: { VAULT_TOKEN: canary() } };
}

const millisecondsUntil = async (running: Pick<RunningCli, 'result'>): Promise<number> => {
  const began = performance.now();
  await running.result;
  return performance.now() - began;
};

describe('several failures', () => {
  const value = canary();
  const manifest = (server: VaultServer): string => `version: 1
providers:
  ${vaultEntry(server)}
secrets:
  GOOD: vault://secret/good#value
  DENIED_ONE: { ref: vault://secret/denied#value, owner: ana, contact: "#ana" }
  ABSENT_ONE: { ref: vault://secret/absent#value, owner: ben, runbook: "https://runbook.example/absent" }
  SILENT_ONE: { ref: vault://secret/silent#value, owner: eve }
  OPTIONAL_ONE: { ref: vault://secret/absent#value, required: false }
`;
  const rule: VaultRule = (asked) => {
    if (asked === 'GET secret/data/good') return kv2({ value });
    if (asked === 'GET secret/data/denied') return refusal(403, `permission denied ${value}`);
    if (asked === 'GET secret/data/silent') return { instead: 'hang' };
    if (asked === 'GET secret/data/absent') return refusal(404);
    return undefined;
  };

  it('A4 starts nothing, names every failure with its place and owner, and shows no value', async () => {
    const server = await vaultServer(rule);
    const one = await project({ manifest: manifest(server) });
    const result = await one.environment(['--timeout', '2s'], { env: { VAULT_TOKEN: canary() } });
    expect(result).toMatchObject({ code: 125, stdout: '', env: undefined });
    const { stderr } = result;
    expect(stderr).not.toContain(value);
    expect(stderr).toMatch(
      /error\[DENIED\]: DENIED_ONE: vault answered 403 .*\n {2}at \.secretsrc:6:\d+\n {2}hint: .*\n {2}owner: ana \(#ana\)\n/,
    );
    expect(stderr).toMatch(
      /error\[REF_NOT_FOUND\]: ABSENT_ONE: .*\n {2}at \.secretsrc:7:\d+\n {2}hint: .*\n {2}owner: ben\n {2}runbook: https:/,
    );
    expect(stderr).toMatch(/error\[PROVIDER_TIMEOUT\]: SILENT_ONE: .*\n {2}at \.secretsrc:8:\d+\n {2}hint: .*\n {2}owner: eve\n/);
    expect(stderr).toContain('3 problems; nothing was started');
    expect(stderr).not.toContain('OPTIONAL_ONE');
  });

  it('A4 says the same as JSON', async () => {
    const server = await vaultServer(rule);
    const one = await project({ manifest: manifest(server) });
    const result = await one.environment(['--timeout', '2s', '--json'], { env: { VAULT_TOKEN: canary() } });
    expect(result).toMatchObject({ code: 125, env: undefined });
    const { error } = JSON.parse(result.stderr) as {
      error: { code: string; issues: readonly { name: string; code: string; owner: string }[] };
    };
    expect(error.code).toBe('DENIED');
    expect(error.issues.map(({ name, code, owner }) => [name, code, owner])).toEqual([
      ['DENIED_ONE', 'DENIED', 'ana'],
      ['ABSENT_ONE', 'REF_NOT_FOUND', 'ben'],
      ['SILENT_ONE', 'PROVIDER_TIMEOUT', 'eve'],
    ]);
    expect(result.stderr).not.toContain(value);
  });

  it('A4 names each of several secrets of a sealed vault', async () => {
    const server = await vaultServer((asked, request) =>
      asked.startsWith('GET sys/') ? refusal(503, 'Vault is sealed') : rule(asked, request),
    );
    const one = await project({ manifest: manifest(server) });
    const result = await one.environment(['--timeout', '2s'], { env: { VAULT_TOKEN: canary() } });
    expect(result).toMatchObject({ code: 125, env: undefined });
    for (const name of ['GOOD', 'DENIED_ONE', 'ABSENT_ONE', 'SILENT_ONE']) {
      expect(result.stderr).toMatch(new RegExp(`PROVIDER_UNAVAILABLE\\]: .*\\b${name}\\b.*: .*sealed`));
    }
  });
});

describe('throttling and outages', () => {
  it('A33 waits as long as Retry-After asks, then succeeds', async () => {
    const { one, server, env } = await withVault((asked) =>
      asked === READ && server.reads() === 1 ? { status: 429, headers: { 'retry-after': '1' } } : undefined,
    );
    const result = await one.environment([], { env });
    expect(result.code).toBe(0);
    const [first, second, ...more] = server.requests.filter(({ path }) => path.endsWith('/data/api'));
    expect(more).toEqual([]);
    expect((second?.at ?? 0) - (first?.at ?? 0)).toBeGreaterThanOrEqual(1_000);
  });

  it('A33 gives up at once where Retry-After is past the deadline', async () => {
    const { one, server, env } = await withVault(onlyRead({ status: 429, headers: { 'retry-after': '3600' } }));
    const running = one.start(['run', '--timeout', '5s', '--', 'true'], { env });
    await server.seen(2);
    expect(await millisecondsUntil(running)).toBeLessThan(5_000);
    const { code, stderr } = await running.result;
    expect(code).toBe(125);
    expect(stderr).toContain('PROVIDER_THROTTLED');
    expect(stderr).toContain('it asks to wait 3600 s');
    expect(server.reads()).toBe(1);
  });

  it('A34 tries again after a reset and two 503, with growing gaps', async () => {
    const failures: readonly Answer[] = [{ instead: 'reset' }, { status: 503 }, { status: 503 }];
    const { one, server, env } = await withVault((asked) => (asked === READ ? failures[server.reads() - 1] : undefined));
    const result = await one.environment([], { env });
    expect(result.code).toBe(0);
    expect(result.env?.get('API_KEY')?.toString()).toBe(`of ${READ}`);
    const times = server.requests.filter(({ path }) => path.endsWith('/data/api')).map(({ at }) => at);
    expect(times).toHaveLength(4);
    const gaps = times.slice(1).map((at, index) => at - (times[index] ?? 0));
    // Windows of 250, 500 and 1,000 ms, of which the upper half is used.
    expect(gaps[0]).toBeGreaterThanOrEqual(120);
    expect(gaps[1]).toBeGreaterThanOrEqual(245);
    expect(gaps[2]).toBeGreaterThanOrEqual(495);
  });

  it('A34 bounds its attempts at a server that stays away', async () => {
    const { one, server, env } = await withVault(onlyRead({ status: 503 }));
    const result = await one.environment([], { env });
    expect(result).toMatchObject({ code: 125, env: undefined });
    expect(result.stderr).toContain('PROVIDER_UNAVAILABLE');
    expect(result.stderr).toContain('given up after 5 tries');
    expect(server.reads()).toBe(5);
  });

  it('A34 stops trying at the deadline', async () => {
    const { one, server, env } = await withVault(onlyRead({ status: 503 }));
    const running = one.start(['run', '--timeout', '1s', '--', 'true'], { env });
    await server.seen(1);
    expect(await millisecondsUntil(running)).toBeLessThan(1_100 + SLACK_MS);
    expect(await running.result).toMatchObject({ code: 125 });
    expect(server.reads()).toBeLessThan(5);
  });
});

describe('what a status of vault means', () => {
  const cases: readonly (readonly [string, Answer, string, string])[] = [
    ['sealed', refusal(503, 'Vault is sealed'), 'PROVIDER_UNAVAILABLE', 'it is sealed'],
    ['overloaded', refusal(503), 'PROVIDER_UNAVAILABLE', 'overloaded or in maintenance'],
    ['behind', refusal(412), 'PROVIDER_UNAVAILABLE', 'not yet caught up'],
    ['a disaster recovery secondary', refusal(472), 'PROVIDER_UNAVAILABLE', 'disaster recovery secondary'],
    ['a performance standby', refusal(473), 'PROVIDER_UNAVAILABLE', 'performance standby'],
    ['not initialised', refusal(501), 'PROVIDER_UNAVAILABLE', 'not initialised'],
    ['throttling', refusal(429), 'PROVIDER_THROTTLED', 'too many requests'],
    ['denied', refusal(403), 'DENIED', 'permission denied'],
  ];
  it.each(cases)('A35 tells when it is %s', async (_, answer, code, words) => {
    const { one, env } = await withVault(onlyRead(answer));
    // Long enough for one more try, too short for all of them.
    const result = await one.environment(['--timeout', '1s'], { env });
    expect(result).toMatchObject({ code: 125, env: undefined });
    expect(result.stderr).toContain(`error[${code}]: API_KEY: vault answered ${answer.status} for secret/api: `);
    expect(result.stderr).toContain(words);
    expect(result.stderr).toMatch(/\n {2}hint: ./);
  });

  it('A35 calls a standby healthy, and a sealed server not', async () => {
    const standby = await withVault((asked) => (asked === 'GET sys/health' ? { status: 429, body: {} } : undefined));
    const healthy = await standby.one.run(['doctor'], { env: standby.env });
    expect(healthy.stdout + healthy.stderr).toContain('a standby, which passes requests on');
    const sealed = await withVault((asked) => (asked === 'GET sys/health' ? { status: 503, body: {} } : undefined));
    const failed = await sealed.one.run(['doctor'], { env: sealed.env });
    expect(failed.code).toBe(1);
    expect(failed.stdout + failed.stderr).toContain('sealed');
  });

  it('A35 does not sign in again for a token that was handed to it', async () => {
    const { one, server, env } = await withVault((asked) => (asked.startsWith('GET sys/health') ? undefined : refusal(403)));
    const result = await one.environment([], { env });
    expect(result).toMatchObject({ code: 125, env: undefined });
    expect(result.stderr).toContain('error[UNAUTHENTICATED]');
    expect(result.stderr).toContain('VAULT_TOKEN: it is wrong, expired or revoked');
    expect(server.asked().filter((asked) => asked.startsWith('POST'))).toEqual([]);
  });

  it('A35 signs in once more when its own token has ended, then fails', async () => {
    const server = await vaultServer((asked) => {
      if (asked === 'POST auth/approle/login') return signedIn(canary());
      return asked === READ || asked.includes('lookup-self') || asked === 'GET sys/internal/ui/mounts' ? refusal(403) : undefined;
    });
    const one = await project({ manifest: approle(server) });
    const result = await one.environment([], { env: APPROLE_ENV });
    expect(result).toMatchObject({ code: 125, env: undefined });
    expect(result.stderr).toContain('error[UNAUTHENTICATED]: API_KEY: vault no longer accepts the token it gave at auth/approle');
    expect(server.asked().filter((asked) => asked === 'POST auth/approle/login')).toHaveLength(2);
    expect(server.reads()).toBe(2);
  });
});

const APPROLE_ENV = { VAULT_ROLE_ID: 'api', VAULT_SECRET_ID: canary() };
const approle = (server: VaultServer): string =>
  `version: 1\nproviders:\n  vault: { address: "${server.url}", auth: { method: approle } }\nsecrets:\n  API_KEY: vault://secret/api#value\n`;

const SIGNALS = [
  ['SIGINT', 130],
  ['SIGTERM', 143],
  ['SIGHUP', 129],
] as const;

describe('a server that never answers', () => {
  it('A36 ends a run at its deadline', async () => {
    const { one, server, env } = await withVault(() => ({ instead: 'hang' }));
    const began = performance.now();
    const running = one.start(['run', '--timeout', '6s', '--', 'true'], { env });
    await server.seen(1);
    // The clock begins between the start of the program and its first request.
    const asked = performance.now();
    await running.result;
    const ended = performance.now();
    expect(ended - began).toBeGreaterThan(5_400);
    expect(ended - asked).toBeLessThan(6_600);
    const { code, stderr } = await running.result;
    expect(code).toBe(125);
    expect(stderr).toContain('PROVIDER_TIMEOUT');
  });

  it('A36 ends other commands at their deadline, with the code of the error', async () => {
    const { one, env } = await withVault(() => ({ instead: 'hang' }));
    expect(await one.run(['get', 'API_KEY', '--reveal', '--timeout', '1s'], { env, limitMs: 5_000 })).toMatchObject({
      code: 75,
      stdout: '',
    });
    expect(await one.run(['set', 'API_KEY', '--timeout', '1s'], { env, input: canary(), limitMs: 5_000 })).toMatchObject({ code: 75 });
    expect(await one.run(['doctor', '--timeout', '1s'], { env, limitMs: 5_000 })).toMatchObject({ code: 1 });
  });

  it.each(SIGNALS)('A36 ends at once on %s when nothing was created', async (signal, code) => {
    const { one, server, env } = await withVault(() => ({ instead: 'hang' }));
    for (const args of [
      ['run', '--', 'true'],
      ['get', 'API_KEY', '--reveal'],
    ]) {
      const running = one.start(args, { env });
      await server.seen(server.requests.length + 1);
      running.child.kill(signal);
      expect(await millisecondsUntil(running)).toBeLessThan(200 + SLACK_MS);
      expect(await running.result).toMatchObject({ code, stdout: '' });
    }
  });

  it.each(SIGNALS)('A36 takes two seconds at most on %s to give back the token it got', async (signal, code) => {
    const server = await vaultServer((asked) => (asked.includes('login') ? signedIn(canary()) : { instead: 'hang' }));
    const one = await project({ manifest: approle(server) });
    const running = one.start(['run', '--', 'true'], { env: APPROLE_ENV });
    await server.seen(2);
    running.child.kill(signal);
    expect(await millisecondsUntil(running)).toBeLessThan(2_000 + 2 * SLACK_MS);
    expect(await running.result).toMatchObject({ code });
    expect(server.asked().at(-1)).toBe('POST auth/token/revoke-self');
  });

  it('A36 gives back the token and ends early where the server takes it', async () => {
    const server = await vaultServer((asked) =>
      asked.includes('login') ? signedIn(canary()) : asked.startsWith('GET') ? { instead: 'hang' } : undefined,
    );
    const one = await project({ manifest: approle(server) });
    const running = one.start(['run', '--', 'true'], { env: APPROLE_ENV });
    await server.seen(2);
    running.child.kill('SIGTERM');
    expect(await millisecondsUntil(running)).toBeLessThan(200 + SLACK_MS);
    expect(await running.result).toMatchObject({ code: 143 });
    expect(server.asked().at(-1)).toBe('POST auth/token/revoke-self');
  });

  it('A36 ends at once on a second signal', async () => {
    const server = await vaultServer((asked) => (asked.includes('login') ? signedIn(canary()) : { instead: 'hang' }));
    const one = await project({ manifest: approle(server) });
    const running = one.start(['run', '--', 'true'], { env: APPROLE_ENV });
    await server.seen(2);
    running.child.kill('SIGTERM');
    // It is busy giving back the token.
    await server.seen(3);
    running.child.kill('SIGINT');
    expect(await millisecondsUntil(running)).toBeLessThan(200 + SLACK_MS);
    expect(await running.result).toMatchObject({ code: 130 });
  });
});
