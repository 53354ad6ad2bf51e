/**
 * A process that works on a store: `{ steps: [['put', NAME, VALUE] | ['rekey', KIND] |
 * ['pending', NAME, VALUE] | ['promote', NAME]], home, killAt }`; pending values are of the field `x`. With `killAt`
 * it kills itself, as by `kill -9`, right before the so-manieth operation that changes the disk. Prints a line for
 * each step that was done.
 */
import syncFs from 'node:fs';
import fs from 'node:fs/promises';
import { syncBuiltinESMExports } from 'node:module';
import path from 'node:path';
import { SecretValue } from '../../../src/core/secret-value.ts';
import { testHost } from '../../support/host.ts';
import { testOperation } from '../../support/operation.ts';

interface Task {
  readonly steps: readonly (readonly string[])[];
  readonly home: string;
  readonly killAt?: number;
}

const { steps, home, killAt } = JSON.parse(process.argv[2] ?? '{}') as Task;

let count = 0;
function countOperation(): void {
  if (++count === killAt) process.kill(process.pid, 'SIGKILL');
}

type AnyFunction = (...args: readonly unknown[]) => unknown;
function countCalls(of: object, names: readonly string[], counts: (args: readonly unknown[]) => boolean = () => true): void {
  const table = of as Record<string, AnyFunction>;
  for (const name of names) {
    const original = table[name];
    if (original === undefined) throw new Error(`no ${name}`);
    table[name] = (...args) => {
      if (counts(args)) countOperation();
      return original(...args);
    };
  }
}
countCalls(fs, ['link', 'unlink', 'rename', 'writeFile', 'mkdir']);
countCalls(syncFs, ['unlinkSync', 'renameSync', 'writeFileSync', 'mkdirSync']);
countCalls(syncFs, ['openSync'], ([, flags]) => flags === 'wx');
const originalOpen = fs.open;
fs.open = async (...args) => {
  if (args[1] === 'wx') countOperation();
  const handle = await originalOpen(...args);
  const write = handle.writeFile.bind(handle) as AnyFunction;
  return Object.assign(handle, {
    writeFile: (...rest: readonly unknown[]) => {
      countOperation();
      return write(...rest);
    },
  });
};
syncBuiltinESMExports();

// After the functions above were exchanged.
const { default: local } = await import('../../../src/providers/local/index.ts');
const { rekey } = await import('../../../src/providers/local/custody.ts');

const host = testHost({
  env: process.env,
  project: 'api',
  folders: { config: path.join(home, 'config'), data: path.join(home, 'data'), state: undefined },
  keychainState: 'no-service',
});
const session = await local.open({}, host);
for (const [what, name = '', value = ''] of steps) {
  const ref = { key: name, field: 'x' };
  if (what === 'pending') {
    const patch = { value: SecretValue.fromText(value), rotatedAt: new Date(), field: 'x' };
    await session.pending?.create(ref, patch, 'rotation', testOperation());
  } else if (what === 'promote') await session.pending?.promote(ref, 'rotation', { expect: '1' }, testOperation());
  else if (what === 'rekey') await rekey({}, host, name as 'passphrase' | 'identity');
  else {
    const result = await session.put?.({ key: name }, { value: SecretValue.fromText(value), rotatedAt: new Date() }, {}, testOperation());
    console.log(`${name} ${result?.version}`);
  }
}
console.log(`operations ${count}`);
