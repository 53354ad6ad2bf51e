/** Times whole processes, and makes figures that bear a busy machine: cases take turns, and medians are compared. */
import { spawn, type ChildProcess } from 'node:child_process';
import { readFileSync } from 'node:fs';

export interface Place {
  readonly cwd: string;
  readonly env: Readonly<Record<string, string>>;
}

/** One run of a program and of all that it waited for, in milliseconds. */
export interface Sample {
  readonly wallMs: number;
  readonly cpuMs: number;
}

/** Many samples of one case, in milliseconds. */
export interface Figures {
  readonly wallMs: Spread;
  readonly cpuMs: Spread;
}

/** The middle sample, and the two between which half of them lie. */
export interface Spread {
  readonly median: number;
  readonly low: number;
  readonly high: number;
}

export interface Row {
  readonly part: string;
  readonly what: string;
  readonly result: string;
  /** Empty where nothing is promised. */
  readonly target: string;
  readonly met?: boolean;
}

// The runtime can't tell what its children took; bash's own timer can, to the millisecond.
const TIMERS = {
  null: 'TIMEFORMAT="%R %U %S"; { time "$@" >/dev/null 2>/dev/null; } 2>&1',
  pipe: 'TIMEFORMAT="%R %U %S"; { time "$@" 2>/dev/null | cat >/dev/null; } 2>&1',
};

/**
 * Runs a program to its end.
 * @param output where its standard output goes: the null device, or a pipe that `cat` reads (and is then timed too)
 * @throws Error when it does not end with 0
 */
export async function timed(command: readonly string[], place: Place, output: keyof typeof TIMERS = 'null'): Promise<Sample> {
  const bash = spawn('bash', ['-o', 'pipefail', '-c', TIMERS[output], 'bash', ...command], {
    cwd: place.cwd,
    env: { ...place.env, LC_ALL: 'C' },
    stdio: ['ignore', 'pipe', 'ignore'],
  });
  const text = await outputOf(bash, command);
  const [wall, user, system] = text.trim().split(' ').map(Number);
  if (wall === undefined || user === undefined || system === undefined) throw new Error(`no times of ${command.join(' ')}`);
  return { wallMs: wall * 1000, cpuMs: (user + system) * 1000 };
}

/** What a program prints. @throws Error when it does not end with 0 */
export async function outputOf(child: ChildProcess, command: readonly string[]): Promise<string> {
  const chunks: Buffer[] = [];
  child.stdout?.on('data', (chunk: Buffer) => chunks.push(chunk));
  const code = await new Promise((resolve, reject) => {
    child.once('error', reject);
    child.once('close', resolve);
  });
  if (code !== 0) throw new Error(`ended with ${String(code)}: ${command.join(' ')}`);
  return Buffer.concat(chunks).toString('utf8');
}

/**
 * Samples cases in turns, so that whatever else the machine does meets all of them. One round before the first warms
 * files and compiled code and is not counted.
 */
export async function inTurns<N extends string>(
  rounds: number,
  cases: Readonly<Record<N, () => Promise<Sample>>>,
): Promise<Readonly<Record<N, Figures>>> {
  const names = Object.keys(cases) as N[];
  const samples = new Map<N, Sample[]>(names.map((name) => [name, []]));
  for (let round = 0; round <= rounds; round++) {
    for (const name of round % 2 === 0 ? names : [...names].reverse()) {
      const sample = await cases[name]();
      if (round > 0) samples.get(name)?.push(sample);
    }
  }
  const figures = names.map((name) => [name, figuresOf(samples.get(name) ?? [])] as const);
  return Object.fromEntries(figures) as Record<N, Figures>;
}

function figuresOf(samples: readonly Sample[]): Figures {
  return { wallMs: spreadOf(samples.map(({ wallMs }) => wallMs)), cpuMs: spreadOf(samples.map(({ cpuMs }) => cpuMs)) };
}

export function spreadOf(numbers: readonly number[]): Spread {
  const sorted = [...numbers].sort((a, b) => a - b);
  const at = (part: number): number => {
    const position = part * (sorted.length - 1);
    const below = sorted[Math.floor(position)] ?? Number.NaN;
    const above = sorted[Math.ceil(position)] ?? Number.NaN;
    return below + (above - below) * (position - Math.floor(position));
  };
  return { median: at(0.5), low: at(0.25), high: at(0.75) };
}

/** The peak memory of a running process in MB, where the system tells it. */
export function peakMemory(pid: number): number | undefined {
  try {
    return peakIn(readFileSync(`/proc/${pid}/status`, 'utf8'));
  } catch {
    return undefined;
  }
}

/** The same from the text of its `/proc/PID/status`. */
export function peakIn(status: string): number | undefined {
  const kib = /^VmHWM:\s+(\d+) kB/m.exec(status)?.[1];
  return kib === undefined ? undefined : (Number(kib) * 1024) / 1e6;
}

export const ms = ({ median, low, high }: Spread): string => `${median.toFixed(0)} ms (${low.toFixed(0)}–${high.toFixed(0)})`;

export const atMost = (limit: number, value: number, unit: string): Pick<Row, 'target' | 'met'> => ({
  target: `≤ ${limit}${unit}`,
  met: value <= limit,
});

export const atLeast = (limit: number, value: number, unit: string): Pick<Row, 'target' | 'met'> => ({
  target: `≥ ${limit}${unit}`,
  met: value >= limit,
});
