import { spawn, spawnSync } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync, utimesSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { processOf, thisProcess } from '../../src/platform/lock-holder.ts';
import { KeptRecord, readLiveRecord, stateOf, sweepRecords, type RunRecord } from '../../src/run/records.ts';

let folder = '';
beforeEach(() => {
  folder = join(mkdtempSync(join(tmpdir(), 'secrets-records-')), 'deep', 'runs');
});
afterEach(() => rmSync(join(folder, '..', '..'), { recursive: true, force: true }));

const content = (id: string = randomUUID()): Omit<RunRecord, 'run'> => ({
  id,
  since: '2026-03-01T10:00:00.000Z',
  profile: 'dev',
  command: 'node',
  secrets: [{ name: 'KEY', state: 'injected', as: 'env', reference: 'local://key', version: '3' }],
  removed: [{ name: 'VAULT_TOKEN', adapter: 'vault', passable: true }],
});

/** Writes a record of another process. */
function leave(run: RunRecord['run'], more: Partial<RunRecord> = {}): string {
  const one = { version: 1, ...content(), run, ...more };
  writeFileSync(join(folder, `${one.id}.json`), JSON.stringify(one));
  return one.id;
}

describe.runIf(process.platform === 'linux')('a record', () => {
  it('is private, tells who the child is, and goes', () => {
    const one = content();
    const kept = new KeptRecord(folder, one);
    const file = join(folder, `${one.id}.json`);
    expect(statSync(file).mode & 0o777).toBe(0o600);
    expect(statSync(folder).mode & 0o777).toBe(0o700);
    expect(readLiveRecord(folder, one.id)).toEqual({ ...one, run: thisProcess() });
    kept.started(process.pid);
    expect(readLiveRecord(folder, one.id)).toEqual({ ...one, run: thisProcess(), program: thisProcess() });
    expect(statSync(file).mode & 0o777).toBe(0o600);
    kept.remove();
    expect(readdirSync(folder)).toEqual([]);
    kept.remove();
  });

  it('lives as long as its run or its child', () => {
    const dead = processOf(spawnSync('true').pid);
    const me = thisProcess();
    expect(stateOf({ run: dead })).toBe('dead');
    expect(stateOf({ run: dead, program: dead })).toBe('dead');
    expect(stateOf({ run: dead, program: me })).toBe('alive');
    expect(stateOf({ run: me, program: dead })).toBe('alive');
    expect(stateOf({ run: { ...me, namespace: 'pid:[1]' } })).toBe('unknown');
  });

  it('is read by its id only, and as what it is only', () => {
    const { id } = content();
    new KeptRecord(folder, content(id)).started(process.pid);
    expect(readLiveRecord(folder, `../runs/${id}`)).toBeUndefined();
    expect(readLiveRecord(folder, randomUUID())).toBeUndefined();
    for (const wrong of [
      'nothing',
      '[]',
      'null',
      '{"version":1}',
      readFileSync(join(folder, `${id}.json`), 'utf8').replace('"version":1', '"version":2'),
      readFileSync(join(folder, `${id}.json`), 'utf8').replace('"KEY"', '"K\\u001bEY"'),
      readFileSync(join(folder, `${id}.json`), 'utf8').replace('"passable":true', '"passable":1'),
    ]) {
      writeFileSync(join(folder, `${id}.json`), wrong);
      expect(readLiveRecord(folder, id)).toBeUndefined();
    }
  });
});

describe.runIf(process.platform === 'linux')('sweepRecords', () => {
  it('gives the living and removes the dead', () => {
    const kept = new KeptRecord(folder, content());
    const living = spawn('sleep', ['60']);
    const dead = processOf(spawnSync('true').pid);
    const other = leave(processOf(living.pid ?? 0));
    const orphan = leave(dead, { program: processOf(living.pid ?? 0) });
    const gone = leave(dead);
    const found = sweepRecords(folder).map(({ id }) => id);
    living.kill('SIGKILL');
    expect(found).toHaveLength(3);
    expect(found).toEqual(expect.arrayContaining([other, orphan]));
    expect(existsSync(join(folder, `${gone}.json`))).toBe(false);
    kept.remove();
  });

  it('leaves one that is being written alone, and removes it when nobody finished it', () => {
    new KeptRecord(folder, content()).remove();
    const names = [`${randomUUID()}.json`, `${randomUUID()}.json.tmp`];
    for (const name of names) writeFileSync(join(folder, name), '{"versi');
    expect(sweepRecords(folder)).toEqual([]);
    expect(readdirSync(folder).sort()).toEqual([...names].sort());
    for (const name of names) utimesSync(join(folder, name), 1, 1);
    sweepRecords(folder);
    expect(readdirSync(folder)).toEqual([]);
  });

  it('finds nothing where there is no folder', () => {
    expect(sweepRecords(folder)).toEqual([]);
  });
});
