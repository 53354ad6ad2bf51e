/** What the audit log adds to a run, and whether that grows with the log. */
import { randomUUID } from 'node:crypto';
import { mkdirSync, statSync, truncateSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { keyFileOf, keyFor } from '../src/audit/key.ts';
import { LogWriter, type Draft } from '../src/audit/log-writer.ts';
import { logIn, partFile } from '../src/audit/parts.ts';
import { verifyLog } from '../src/audit/verify.ts';
import { atLeast, atMost, inTurns, timed, type Row } from './measure.ts';
import { SECRETS, type Machine } from './project.ts';

const ROUNDS = 25;
const PART_BYTES = 64 * 1024 * 1024;
const FULL_PARTS = 15;

export async function audit(machine: Machine): Promise<readonly Row[]> {
  const place = machine.project('audit', {
    secrets: Object.fromEntries(Array.from({ length: 10 }, (_, index) => [`K${index}`, 'env://HOME'])),
  });
  const states = { empty: join(machine.folder, 'empty'), full: join(machine.folder, 'full') };
  const log = logIn(states.full);
  mkdirSync(states.full, { mode: 0o700 });
  await fill(log);
  const run = (env: Readonly<Record<string, string>>) => () =>
    timed([...SECRETS, 'run', '--', 'true'], { ...place, env: { ...place.env, ...env } });
  const { off, ...on } = await inTurns(ROUNDS, {
    off: run({ SECRETS_AUDIT: 'off', SECRETS_STATE_DIR: states.empty }),
    empty: run({ SECRETS_STATE_DIR: states.empty }),
    full: run({ SECRETS_STATE_DIR: states.full }),
  });
  const rows = Object.entries(on).map(([name, { wallMs, cpuMs }]): Row => {
    const [wall, cpu] = [wallMs.median - off.wallMs.median, cpuMs.median - off.cpuMs.median];
    return {
      part: 'audit',
      what: `20 records of a run into ${name === 'full' ? 'a log of 1 GB' : 'a new log'}`,
      result: `${wall.toFixed(1)} ms more than without, ${cpu.toFixed(1)} ms of them CPU`,
      ...atMost(5, wall, ' ms'),
    };
  });
  const key = await keyFor(keyOf(log));
  // The parts in front of it are only as large as real ones, so the last one is looked at alone.
  const alone = join(machine.folder, 'alone', 'audit.jsonl');
  mkdirSync(join(machine.folder, 'alone'), { mode: 0o700 });
  await fill(alone, 0, key);
  const begun = performance.now();
  const verdict = verifyLog(alone, key);
  if (!verdict.ok) throw new Error(`the log is not in order: ${verdict.problem}`);
  const rate = statSync(alone).size / 1e3 / (performance.now() - begun);
  return [
    ...rows,
    { part: 'audit', what: `audit verify of ${verdict.records} records`, result: `${rate.toFixed(0)} MB/s`, ...atLeast(20, rate, ' MB/s') },
  ];
}

const keyOf = (log: string) => ({
  file: keyFileOf(log),
  custody: 'file' as const,
  keychain: async () => {
    throw new Error('no keychain');
  },
});

/** A log just before it is full, behind so many full parts. */
async function fill(log: string, parts = FULL_PARTS, key = undefined as Awaited<ReturnType<typeof keyFor>> | undefined): Promise<void> {
  for (let number = 1; number <= parts; number++) {
    writeFileSync(partFile(log, number), '');
    truncateSync(partFile(log, number), PART_BYTES);
  }
  const run = randomUUID();
  const draft: Draft = {
    v: 1,
    ts: new Date().toISOString(),
    run,
    actor: 'bench',
    host: 'bench',
    event: 'resolve',
    name: 'DB_PASSWORD',
    reference: 'vault://secret/api#password',
    version: '7',
    result: 'ok',
    source: 'provider',
    ms: 12,
  };
  const writer = new LogWriter({ file: log, key: key ?? (await keyFor(keyOf(log))), recovered: () => draft });
  const batch = Array.from({ length: 1_000 }, () => draft);
  do await writer.append(batch, false);
  while (statSync(log).size < PART_BYTES - 2_000_000);
}
