/** The log under everything that may happen to it: runs at once, killed runs, full parts, and people who change it. */
import { execFileSync } from 'node:child_process';
import { createSecretKey } from 'node:crypto';
import { appendFileSync, chmodSync, mkdirSync, readFileSync, renameSync, rmSync, symlinkSync, truncateSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { followsText, sign, type AuditKey } from '../../src/audit/chain.ts';
import { lastUses } from '../../src/audit/last-use.ts';
import { LogWriter } from '../../src/audit/log-writer.ts';
import { merged, recordsOf } from '../../src/audit/read.ts';
import { SinkFault } from '../../src/audit/sinks/sink.ts';
import { headOf, verifyLog, type Verdict } from '../../src/audit/verify.ts';
import { testLog, type TestLog } from './support.ts';

const verdictOf = ({ file, key }: TestLog, head?: string): Verdict => verifyLog(file, key, head);
const put = ({ file }: TestLog, lines: readonly string[]): void => writeFileSync(file, lines.map((line) => `${line}\n`).join(''));

/** A log in which several runs lie between each other; gives which run wrote how many lines, in order. */
async function interleaved(writes: readonly (readonly [run: number, count: number])[]): Promise<TestLog> {
  const log = await testLog();
  const runs = Array.from({ length: 4 }, () => log.run());
  for (const [run, count] of writes) await runs[run]?.write(count);
  return log;
}

const someWrites = fc.array(fc.tuple(fc.nat({ max: 3 }), fc.integer({ min: 1, max: 4 })), { minLength: 2, maxLength: 12 });

describe('a log of several runs', () => {
  it('is in order as it was written', async () => {
    await fc.assert(
      fc.asyncProperty(someWrites, async (writes) => {
        const log = await interleaved(writes);
        const records = writes.reduce((sum, [, count]) => sum + count, 0);
        expect(verdictOf(log)).toMatchObject({ ok: true, records, torn: 0, firstPart: 1 });
        expect(verdictOf(log, headOf(log.file))).toMatchObject({ ok: true });
      }),
      { numRuns: 30 },
    );
  });

  it('names the line that was edited, put in or exchanged, and misses each that was taken out', async () => {
    await fc.assert(
      fc.asyncProperty(someWrites, fc.nat(), fc.nat(), async (writes, place, other) => {
        const log = await interleaved(writes);
        const lines = log.lines();
        const head = headOf(log.file);
        const at = place % lines.length;
        const line = lines[at] ?? '';

        put(log, lines.with(at, line.replace('"DB"', '"DX"')));
        expect(verdictOf(log)).toMatchObject({ ok: false, line: at + 1 });

        put(log, lines.toSpliced(at, 1));
        // The end alone can be cut off unseen, except by somebody who kept a head.
        if (at < lines.length - 1) expect(verdictOf(log).ok).toBe(false);
        expect(verdictOf(log, head).ok).toBe(false);

        put(log, lines.toSpliced(at, 0, lines[other % lines.length] ?? ''));
        expect(verdictOf(log).ok).toBe(false);

        const next = lines[at + 1];
        if (next !== undefined) {
          put(log, lines.with(at, next).with(at + 1, line));
          expect(verdictOf(log)).toMatchObject({ ok: false });
        }
        put(log, lines.slice(0, at));
        expect(verdictOf(log, head).ok).toBe(false);
        put(log, lines.toSpliced(at, 0, ''));
        expect(verdictOf(log)).toMatchObject({ ok: false, line: at + 1 });
      }),
      { numRuns: 30 },
    );
  });

  it('is not in order when a line of another key is in it, and cannot be checked without one', async () => {
    const log = await interleaved([[0, 2]]);
    const other: AuditKey = { kid: 'aaaaaaaa', key: createSecretKey(Buffer.alloc(32, 1)) };
    expect(verifyLog(log.file, other)).toMatchObject({ ok: false, line: 1, problem: expect.stringContaining('aaaaaaaa') as string });
    expect(verifyLog(log.file, undefined)).toMatchObject({ ok: false, line: 1, problem: expect.stringContaining('no key') as string });
    const run = log.run();
    const foreign = sign({ ...run.draft(), seq: 0, prev: `@0` }, other).line;
    appendFileSync(log.file, `${foreign}\n`);
    expect(verdictOf(log)).toMatchObject({ ok: false, line: 3 });
  });

  it('does not begin in the middle', async () => {
    const log = await interleaved([
      [0, 2],
      [1, 1],
      [0, 1],
    ]);
    const lines = log.lines();
    for (const cut of [1, 2, 3]) {
      put(log, lines.slice(cut));
      expect(verdictOf(log)).toMatchObject({ ok: false, line: 1 });
    }
  });
});

describe('what a killed run leaves', () => {
  it('is closed by the next write, which says so', async () => {
    const log = await testLog();
    await log.run().write(2);
    const whole = readFileSync(log.file);
    for (const left of [2, 20, Math.floor(whole.length / 4)]) {
      writeFileSync(log.file, whole.subarray(0, whole.length - left));
      // Cut like that, the newline is gone as well: at the end it is a line that is not finished.
      expect(verdictOf(log)).toMatchObject({ ok: true, torn: 1 });
      await log.run().write();
      expect(verdictOf(log)).toMatchObject({ ok: true, torn: 1 });
      expect([...recordsOf(log.file)].map(({ record }) => record.event)).toContain('recovered');
      const lines = log.lines();
      put(log, lines.toSpliced(lines.length - 2, 1));
      expect(verdictOf(log)).toMatchObject({ ok: false });
    }
  });

  it('counts as it is where only its newline is missing', async () => {
    const log = await testLog();
    await log.run().write(2);
    truncateSync(log.file, readFileSync(log.file).length - 1);
    await log.run().write();
    expect(verdictOf(log)).toMatchObject({ ok: true, records: 4, torn: 0 });
  });

  it('is closed where nothing whole stands in front of it', async () => {
    const log = await testLog();
    writeFileSync(log.file, '{"v":1,"ts":"2026');
    await log.run().write();
    expect(verdictOf(log)).toMatchObject({ ok: true, records: 2, torn: 1 });
  });

  it('may be closed by two at once, the second with an empty line', async () => {
    const log = await testLog();
    const first = log.run();
    const [line = ''] = await first.write();
    const size = readFileSync(log.file).length;
    const tail = { mac: JSON.parse(line).mac as string, offset: size };
    const closing = (): string => sign({ ...log.run().draft({ event: 'recovered' }), seq: 0, prev: followsText({ tail }) }, log.key).line;
    appendFileSync(log.file, `{"v":1,"t\n${closing()}\n\n${closing()}\n`);
    await first.write();
    expect(verdictOf(log)).toMatchObject({ ok: true, records: 4, torn: 1 });
    put(log, log.lines().toSpliced(3, 0, ''));
    expect(verdictOf(log)).toMatchObject({ ok: false, line: 4 });
  });

  it('may have a record right behind it, whose run then says so', async () => {
    const log = await testLog();
    const run = log.run();
    const [line = ''] = await run.write();
    const before = readFileSync(log.file).length;
    const tail = { mac: JSON.parse(line).mac as string, offset: before };
    const glued = sign({ ...log.run().draft(), seq: 0, prev: followsText({ tail }) }, log.key);
    const id = (JSON.parse(glued.line) as { readonly run: string }).run;
    appendFileSync(log.file, `{"v":1,"ts":"20${glued.line}\n`);
    const without = readFileSync(log.file);
    const end = { mac: glued.mac, offset: without.length };
    const says = sign(
      { ...run.draft({ event: 'recovered' }), run: id, seq: 1, prev: followsText({ own: glued.mac, tail: end }) },
      log.key,
    ).line;
    appendFileSync(log.file, `${says}\n`);
    await run.write();
    expect(verdictOf(log)).toMatchObject({ ok: true, records: 4, torn: 1 });
    writeFileSync(log.file, without);
    expect(verdictOf(log)).toMatchObject({ ok: false, line: 2 });
    await log.run().write();
    expect(verdictOf(log)).toMatchObject({ ok: false, line: 2 });
  });
});

describe('a full log', () => {
  it('goes on in a new part, which follows the old one', async () => {
    const log = await testLog();
    const runs = [log.run(2_000), log.run(2_000)];
    for (let round = 0; round < 12; round++) await runs[round % 2]?.write(1 + (round % 3));
    const verdict = verdictOf(log);
    expect(verdict).toMatchObject({ ok: true, records: 24, runs: 2, firstPart: 1 });
    expect(readFileSync(join(log.dir, 'audit.3.jsonl'), 'utf8')).not.toBe('');
    expect([...recordsOf(log.file)]).toHaveLength(24);
  });

  it('is still checked when older parts were taken away, and misses one between others', async () => {
    const log = await testLog();
    const run = log.run(1_500);
    const heads: string[] = [];
    for (let round = 0; round < 20; round++) {
      await run.write();
      heads.push(headOf(log.file) ?? '');
    }
    expect(verdictOf(log, heads[5])).toMatchObject({ ok: true });
    rmSync(join(log.dir, 'audit.1.jsonl'));
    expect(verdictOf(log)).toMatchObject({ ok: true, firstPart: 2 });
    expect(verdictOf(log, heads[0])).toMatchObject({ ok: false, problem: expect.stringContaining('part 1') as string });
    expect(verdictOf(log, heads.at(-1))).toMatchObject({ ok: true });
    rmSync(join(log.dir, 'audit.3.jsonl'));
    expect(verdictOf(log)).toMatchObject({ ok: false });
  });

  it('keeps its number when all older parts were taken away', async () => {
    const log = await testLog();
    const run = log.run(1_500);
    for (let round = 0; round < 20; round++) await run.write();
    const before = headOf(log.file);
    for (const number of [1, 2, 3, 4, 5, 6, 7, 8]) rmSync(join(log.dir, `audit.${number}.jsonl`), { force: true });
    expect(headOf(log.file)).toBe(before);
    expect(verdictOf(log, before).ok).toBe(true);
  });

  it('misses what is cut off at the end of an old part', async () => {
    const log = await testLog();
    const run = log.run(1_500);
    for (let round = 0; round < 12; round++) await run.write();
    const old = join(log.dir, 'audit.1.jsonl');
    const lines = readFileSync(old, 'utf8').split('\n');
    writeFileSync(old, lines.toSpliced(-2, 1).join('\n'));
    expect(verdictOf(log).ok).toBe(false);
  });
});

describe('the file of the log', () => {
  const refused = async (log: TestLog, because: RegExp): Promise<void> => {
    const failing = log.run().write();
    await expect(failing).rejects.toBeInstanceOf(SinkFault);
    await expect(failing).rejects.toThrow(because);
  };

  it('is made for its user alone', async () => {
    const log = await testLog();
    await log.run().write();
    expect(execFileSync('stat', ['-c', '%a', log.file, join(log.dir, 'audit.key')], { encoding: 'utf8' })).toBe('600\n600\n');
  });

  it('is no link, also none that leads nowhere', async () => {
    const log = await testLog();
    for (const target of ['elsewhere', 'nowhere']) {
      rmSync(log.file, { force: true });
      if (target === 'elsewhere') writeFileSync(join(log.dir, target), '');
      symlinkSync(join(log.dir, target), log.file);
      await refused(log, /symbolic link/);
    }
  });

  it('is no pipe, folder or device', async () => {
    const log = await testLog();
    execFileSync('mkfifo', [log.file]);
    await refused(log, /not a plain file/);
    rmSync(log.file);
    mkdirSync(log.file);
    await refused(log, /not a plain file|EISDIR/);
    const device = new LogWriter({ file: '/dev/full', key: log.key, recovered: () => log.run().draft() });
    await expect(device.append([log.run().draft()], false)).rejects.toThrow(/not a plain file/);
  });

  it('is not for everybody to write', async () => {
    const log = await testLog();
    await log.run().write();
    chmodSync(log.file, 0o666);
    await refused(log, /every user/);
  });

  it('keeps the chain of a run that failed in between', async () => {
    const log = await testLog();
    const run = log.run();
    await run.write(2);
    renameSync(log.file, `${log.file}.away`);
    mkdirSync(log.file);
    await expect(run.write()).rejects.toBeInstanceOf(SinkFault);
    rmSync(log.file, { recursive: true });
    renameSync(`${log.file}.away`, log.file);
    await run.write();
    expect(verdictOf(log)).toMatchObject({ ok: true, records: 3 });
  });
});

describe('the last uses', () => {
  it('are the newest of each reference that was had', async () => {
    const log = await testLog();
    const run = log.run();
    await run.write(1, { reference: 'a://1', ts: '2026-01-01T00:00:00.000Z' } as never);
    await run.write(1, { reference: 'a://1', ts: '2026-03-01T00:00:00.000Z' } as never);
    await run.write(1, { reference: 'a://1', ts: '2026-04-01T00:00:00.000Z', result: 'denied' } as never);
    await run.write(1, { reference: 'b://2', event: 'write' });
    const uses = await lastUses(log.file);
    expect([...uses]).toEqual([['a://1', new Date('2026-03-01T00:00:00.000Z')]]);
    expect(await lastUses(log.file, { references: new Set(['b://2']) })).toEqual(new Map());
  });

  it('of a local reference are those of its own project', async () => {
    const log = await testLog();
    await log.run().write(1, { reference: 'local://k', project: 'one' } as never);
    expect((await lastUses(log.file, { project: 'two' })).size).toBe(0);
    expect((await lastUses(log.file, { project: 'one' })).size).toBe(1);
  });

  it('are looked for no further back than allowed, over any number of lines', async () => {
    const log = await testLog();
    const run = log.run();
    await run.write(1, { reference: 'old://1' });
    for (let count = 0; count < 12; count++) await run.write(100, { reference: 'new://1' });
    expect([...(await lastUses(log.file)).keys()].sort()).toEqual(['new://1', 'old://1']);
    expect([...(await lastUses(log.file, { bytes: 10_000 })).keys()]).toEqual(['new://1']);
  });

  it('are none without a log, or with something else in its place', async () => {
    const log = await testLog();
    expect((await lastUses(undefined)).size).toBe(0);
    expect((await lastUses(log.file)).size).toBe(0);
    writeFileSync(log.file, 'no log\n\0\n{"v":1}\n');
    expect((await lastUses(log.file)).size).toBe(0);
    truncateSync(log.file, 0);
    expect((await lastUses(log.file)).size).toBe(0);
  });
});

describe('reading records', () => {
  it('merges exports by time, and filters', async () => {
    const [one, two] = [await testLog(), await testLog()];
    const at = (minute: number): never => ({ ts: `2026-01-01T00:0${minute}:00.000Z` }) as never;
    await one.run().write(1, at(1));
    await two.run().write(1, at(2));
    await one.run().write(1, { ...(at(3) as object), result: 'denied', event: 'rotate.created' });
    const minutes = (found: Iterable<{ readonly record: { readonly ts: string } }>): string =>
      [...found].map(({ record }) => record.ts[15]).join('');
    expect(minutes(merged([one.file, two.file]))).toBe('123');
    expect(minutes(merged([one.file, two.file], { since: new Date('2026-01-01T00:02:00Z') }))).toBe('23');
    expect(minutes(merged([one.file, two.file], { until: new Date('2026-01-01T00:02:00Z') }))).toBe('12');
    expect(minutes(merged([one.file, two.file], { results: ['denied'] }))).toBe('3');
    expect(minutes(merged([one.file, two.file], { events: ['rotate'] }))).toBe('3');
    expect(minutes(merged([one.file, two.file], { names: ['DB'] }))).toBe('123');
    expect(minutes(merged([one.file, two.file], { names: ['D'] }))).toBe('');
  });
});
