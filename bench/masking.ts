/** What masking costs: throughput of the masker, wall time of the whole program, and memory behind a slow reader. */
import { spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { Masker, MaskPlan } from '../src/mask/masker.ts';
import { needlesFor, type Needles } from '../src/mask/needles.ts';
import { logLines } from './log-lines.ts';
import { atLeast, atMost, inTurns, ms, peakMemory, spreadOf, timed, type Row } from './measure.ts';
import { SECRETS, type Machine, type Servers } from './project.ts';

const NEEDLES = 600;
const WRITE_BYTES = 65_536;
const LOG_BYTES = 16e6;
const PRINTED_BYTES = 256e6;
const SLOWLY_READ_BYTES = 400e6;

export async function masking(machine: Machine, servers: Servers): Promise<readonly Row[]> {
  const place = machine.project('masking', {
    providers: { vault: { address: servers.quick } },
    secrets: Object.fromEntries(Array.from({ length: 50 }, (_, index) => [`S${index}`, `vault://kv/app/s${index}#value`])),
  });
  const printer = (bytes: number): readonly string[] => [process.execPath, join(import.meta.dirname, 'log-lines.ts'), String(bytes)];
  const run = (bytes: number, ...options: readonly string[]): readonly string[] => [...SECRETS, 'run', ...options, '--', ...printer(bytes)];
  const through = ['sh', '-c', '"$@" | "$0" -e "process.stdin.pipe(process.stdout)"', process.execPath, ...printer(PRINTED_BYTES)];
  const times = await inTurns(5, {
    masked: () => timed(run(PRINTED_BYTES), place, 'pipe'),
    through: () => timed(through, place, 'pipe'),
    never: () => timed(run(PRINTED_BYTES, '--mask', 'never'), place, 'pipe'),
  });
  const ratio = times.masked.wallMs.median / times.through.wallMs.median;
  const printed: Row = {
    part: 'masking',
    what: '256 MB of log lines through run, 50 secrets',
    result: `${ratio.toFixed(2)}× a pass-through: ${ms(times.masked.wallMs)} against ${ms(times.through.wallMs)}; ${ms(times.never.wallMs)} with --mask never`,
    ...atMost(2, ratio, '×'),
  };
  return [...throughput(), printed, await behindSlowReader(run(SLOWLY_READ_BYTES), place)];
}

function throughput(): readonly Row[] {
  const log = logLines(LOG_BYTES);
  const plan = new MaskPlan(needles());
  const large: number[] = [];
  const single: number[] = [];
  for (let round = 0; round <= 5; round++) {
    const figures = [
      speed(
        plan,
        piecesOf(log, (at) => at + WRITE_BYTES),
      ),
      speed(
        plan,
        piecesOf(log, (at) => log.indexOf(10, at) + 1),
      ),
    ];
    if (round === 0) continue;
    large.push(figures[0] ?? 0);
    single.push(figures[1] ?? 0);
  }
  const row = (what: string, speeds: readonly number[], limit: number): Row => {
    const { median, low, high } = spreadOf(speeds);
    return {
      part: 'masking',
      what: `log lines, ${plan.automaton.fail.length} states for ${NEEDLES} needles, ${what}`,
      result: `${median.toFixed(0)} MB/s (${low.toFixed(0)}–${high.toFixed(0)})`,
      ...atLeast(limit, median, ' MB/s'),
    };
  };
  return [row('64 KiB a write', large, 150), row('one write a line', single, 40)];
}

/** Exactly so many needles of as many random values as they need. */
function needles(): Needles {
  const values = Array.from({ length: NEEDLES }, (_, index) => ({
    name: `S${index}`,
    bytes: Buffer.from(randomBytes(24).toString('base64')),
  }));
  const found = needlesFor(values, { minLength: 6 });
  return { ...found, needles: found.needles.slice(0, NEEDLES) };
}

function piecesOf(log: Buffer, endAfter: (at: number) => number): readonly Buffer[] {
  const pieces: Buffer[] = [];
  for (let at = 0; at < log.length;) {
    const end = endAfter(at);
    pieces.push(log.subarray(at, end));
    at = end;
  }
  return pieces;
}

/** In 10⁶ bytes a second. */
function speed(plan: MaskPlan, pieces: readonly Buffer[]): number {
  const masker = new Masker(plan);
  const from = performance.now();
  let passed = 0;
  for (const piece of pieces) for (const part of masker.push(piece)) passed += part.length;
  for (const part of masker.end()) passed += part.length;
  return passed / 1000 / (performance.now() - from);
}

/** A reader that takes a rest after each piece, so that output piles up wherever it is not held back. */
async function behindSlowReader(
  command: readonly string[],
  { cwd, env }: { cwd: string; env: Readonly<Record<string, string>> },
): Promise<Row> {
  const [program = '', ...args] = command;
  const child = spawn(program, args, { cwd, env, stdio: ['ignore', 'pipe', 'ignore'] });
  let read = 0;
  let peak: number | undefined;
  for await (const piece of child.stdout) {
    read += (piece as Buffer).length;
    peak = peakMemory(child.pid ?? 0) ?? peak;
    await sleep(1);
  }
  const what = `400 MB of log lines through run to a slow reader`;
  if (read < SLOWLY_READ_BYTES) throw new Error(`only ${read} bytes came`);
  if (peak === undefined) return { part: 'masking', what, result: 'this system does not tell', target: '< 150 MB' };
  return { part: 'masking', what, result: `peak ${peak.toFixed(0)} MB`, target: '< 150 MB', met: peak < 150 };
}
