/** `run --watch`: a program gets new values soon after they are stored, and is left alone otherwise. */
import { spawnSync } from 'node:child_process';
import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { canary } from './support/canary.ts';
import { tempDir } from './support/home.ts';
import { child, project, type Project } from './support/project.ts';

const MANIFEST = `version: 1
project: shop
secrets:
  TOKEN: local://token
  CERT: { ref: "local://cert", as: file }
`;

async function stored(): Promise<Project> {
  const one = await project({ manifest: MANIFEST });
  await one.set('TOKEN', canary());
  await one.set('CERT', canary());
  return one;
}

const sum = (text: string): string => spawnSync('cksum', { input: text, encoding: 'utf8' }).stdout.trim();

const SERVER = ['--', 'sh', child('server.sh')];
const watching = (one: Project, ...options: readonly string[]) =>
  one.start(['run', '--watch', '--watch-interval', '1s', ...options, ...SERVER], { limitMs: 40_000 });

describe.concurrent('run --watch', () => {
  it('starts the program anew with a new value, when the old one has gone', async () => {
    const one = await stored();
    const running = watching(one);
    const [, first = ''] = await running.waitFor(/^(\d+) started .*\n/m);
    const value = canary();
    await one.set('TOKEN', value);
    const [, second = ''] = await running.waitFor(new RegExp(`^${first} term\\n(\\d+) started ${sum(value)}\\n`, 'm'));
    // The record is that of the program that runs now.
    const ps = JSON.parse((await one.run(['ps', '--json'])).stdout) as { readonly runs: readonly { readonly pid: number }[] };
    expect(ps.runs.map(({ pid }) => pid)).toEqual([Number(second)]);
    running.child.kill('SIGTERM');
    const result = await running.result;
    expect(result).toMatchObject({ code: 0, stdout: expect.stringMatching(new RegExp(`\\n${second} term\\n$`)) as unknown });
    expect(result.stderr).toContain('secrets: TOKEN changed, so the program is started anew\n');
    expect(readdirSync(join(one.home.dir, '.local/state/secrets/runs'))).toEqual([]);
  });

  it('does nothing for a new version with the same value', async () => {
    const one = await stored();
    const value = canary();
    await one.set('TOKEN', value);
    const running = watching(one, '-v');
    await running.waitFor('started');
    await one.set('TOKEN', value);
    await running.waitFor('TOKEN: a new version with the same value', 'stderr');
    running.child.kill('SIGTERM');
    expect((await running.result).stdout.match(/started/g)).toHaveLength(1);
  });

  it('does nothing for a secret that this program does not get', async () => {
    const one = await stored();
    const running = watching(one, '--only', 'TOKEN');
    await running.waitFor('started');
    await one.set('CERT', canary());
    const value = canary();
    await one.set('TOKEN', value);
    await running.waitFor(`started ${sum(value)}`);
    running.child.kill('SIGTERM');
    expect((await running.result).stderr).toContain('secrets: TOKEN changed');
  });

  it('puts new values into files and tells the program by a signal', async () => {
    const one = await stored();
    const running = watching(one, '--on-change', 'signal:HUP');
    const [, pid = ''] = await running.waitFor(/^(\d+) started/m);
    const value = canary();
    await one.set('CERT', value);
    await running.waitFor(new RegExp(`^${pid} hup ${sum(value)}`, 'm'));
    running.child.kill('SIGTERM');
    expect((await running.result).stdout.match(/started/g)).toHaveLength(1);
  });

  it('asks the program to end where something else starts it again', async () => {
    const one = await stored();
    const running = watching(one, '--on-change', 'exit');
    await running.waitFor('started');
    await one.set('TOKEN', canary());
    const result = await running.result;
    expect(result).toMatchObject({ code: 0 });
    expect(result.stdout.match(/started/g)).toHaveLength(1);
    expect(result.stderr).toContain('TOKEN changed, so the program is asked to end');
  });

  it('lets the new program begin before the old one is asked to end, with --overlap', async () => {
    const one = await stored();
    const folder = tempDir('overlap');
    // The old one ends when it sees the new one, so that both must have run together.
    const script = `cd "$0"; mkdir first 2>/dev/null || mkdir second
trap 'until [ -d second ]; do sleep 0.05; done; echo "$$ saw"; exit 0' TERM
echo "$$ started"; while :; do sleep 0.05; done`;
    const running = one.start(['run', '--watch', '--watch-interval', '1s', '--overlap', '--', 'sh', '-c', script, folder]);
    const [, first = ''] = await running.waitFor(/^(\d+) started/m);
    await one.set('TOKEN', canary());
    await running.waitFor(`${first} saw`);
    await running.waitFor(/(?:started[^]*){2}/);
    running.child.kill('SIGTERM');
    const result = await running.result;
    expect(result).toMatchObject({ code: 0 });
    expect(result.stdout.match(/saw/g)).toHaveLength(2);
    expect(readdirSync(join(one.home.dir, '.local/state/secrets/runs'))).toEqual([]);
  });

  it('leaves the program as it is when the new set is not whole, and goes on looking', async () => {
    const one = await stored();
    const running = watching(one);
    await running.waitFor('started');
    await one.run(['remove', 'CERT', '--yes', '--keep-entry']);
    await running.waitFor('the program goes on as it is', 'stderr');
    const value = canary();
    await one.set('TOKEN', value);
    await one.set('CERT', canary());
    await running.waitFor(`started ${sum(value)}`);
    running.child.kill('SIGTERM');
    expect(await running.result).toMatchObject({ code: 0 });
  });

  it('ends as the program does, and starts none in the place of one that was asked to end', async () => {
    const one = await stored();
    const script = 'trap "sleep 0.3; exit 9" TERM INT; echo started; while :; do sleep 0.05; done';
    const running = one.start(['run', '--watch', '--watch-interval', '1s', '--', 'sh', '-c', script]);
    await running.waitFor('started');
    running.child.kill('SIGINT');
    await one.set('TOKEN', canary());
    expect(await running.result).toMatchObject({ code: 9, stdout: 'started\n' });
    expect(await one.run(['run', '--watch', '--', 'sh', '-c', 'exit 7'])).toMatchObject({ code: 7 });
  });

  it.each([
    [['--on-change', 'exit'], '--on-change is about --watch'],
    [['--watch', '--on-change', 'nothing'], '--on-change takes'],
    [['--watch', '--on-change', 'signal:STOP'], '--on-change takes'],
    [['--watch', '--watch-interval', '10ms'], '--watch-interval takes'],
    [['--watch', '--on-change', 'exit', '--overlap'], '--overlap is about'],
    [['--watch', '--sealed', 'x'], 'does not go with --sealed'],
    [['--watch', '--replace'], '--watch'],
  ])('refuses %j', async (options, message) => {
    const one = await stored();
    const result = await one.run(['run', ...options, '--', 'true']);
    expect(result).toMatchObject({ code: 125 });
    expect(result.stderr).toContain(message);
  });

  it('says so where nothing can be watched', async () => {
    const one = await project({ manifest: 'version: 1\nsecrets:\n  A: env://SRC\n' });
    const result = await one.run(['run', '--watch', '--', 'true'], { env: { SRC: canary() } });
    expect(result).toMatchObject({ code: 125 });
    expect(result.stderr).toContain('there is nothing to watch');
  });
});
