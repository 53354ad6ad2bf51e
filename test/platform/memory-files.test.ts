import fc from 'fast-check';
import { spawn, spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { processOf, thisProcess, type Holder } from '../../src/platform/lock-holder.ts';
import { memoryPlace, memoryRoots, ownedName, ownerOf, sweepMemory } from '../../src/platform/memory-files.ts';

let root = '';
beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), 'secrets-memory-'));
});
afterEach(() => rmSync(root, { recursive: true, force: true }));

describe('memoryRoots', () => {
  it('are those of Linux, and a runtime folder only with a whole path', () => {
    expect(memoryRoots({ XDG_RUNTIME_DIR: '/run/user/7' }, 'linux')).toEqual(['/dev/shm', '/run/user/7']);
    for (const folder of [undefined, '', 'run']) expect(memoryRoots({ XDG_RUNTIME_DIR: folder }, 'linux')).toEqual(['/dev/shm']);
    for (const platform of ['darwin', 'win32'] as const) expect(memoryRoots({ XDG_RUNTIME_DIR: '/run' }, platform)).toEqual([]);
  });
});

describe.runIf(process.platform === 'linux')('memoryPlace', () => {
  it('takes the first folder that is in memory, and nothing else', () => {
    expect(memoryPlace(['/proc', join(root, 'none'), '/dev/shm'])).toBe('/dev/shm');
    expect(memoryPlace(['/proc', '/sys', join(root, 'none')])).toBeUndefined();
    expect(memoryPlace([])).toBeUndefined();
  });
});

describe('the name of a folder', () => {
  it('says whose it is', () => {
    const holder = fc.record({
      pid: fc.integer({ min: 1, max: 4_194_304 }),
      start: fc.oneof(fc.constant(''), fc.integer({ min: 1 }).map(String)),
      namespace: fc.oneof(
        fc.constant(''),
        fc.integer({ min: 1 }).map((number) => `pid:[${number}]`),
      ),
    });
    fc.assert(
      fc.property(holder, (part) => {
        const whole: Holder = { ...thisProcess(), ...part };
        expect(ownerOf(ownedName(whole))).toEqual(whole);
      }),
    );
  });

  it('is not mistaken for another', () => {
    const name = ownedName();
    expect(ownedName()).not.toBe(name);
    for (const other of ['secrets-aB3dEf', `${name}x`, `x${name}`, name.replace('run', 'ran'), '']) expect(ownerOf(other)).toBeUndefined();
  });
});

describe.runIf(process.platform === 'linux')('sweepMemory', () => {
  const make = (name: string): string => {
    mkdirSync(join(root, name));
    writeFileSync(join(root, name, 'KEY'), 'canary');
    return name;
  };

  it('removes what dead processes left, and nothing of living ones, of other places, or of others', () => {
    const living = spawn('sleep', ['60']);
    const dead = processOf(spawnSync('true').pid);
    const kept = [
      make(ownedName()),
      make(ownedName(processOf(living.pid ?? 0))),
      make(ownedName({ ...dead, namespace: 'pid:[1]' })),
      make('secrets-run-of-somebody'),
    ];
    make(ownedName(dead));
    // The same number, but a process that began at another time.
    make(ownedName({ ...processOf(living.pid ?? 0), start: '1' }));
    sweepMemory([join(root, 'none'), root]);
    living.kill('SIGKILL');
    expect(readdirSync(root).sort()).toEqual([...kept].sort());
    expect(kept.every((name) => existsSync(join(root, name, 'KEY')))).toBe(true);
  });
});
