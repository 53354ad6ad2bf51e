/** How long many secrets take behind a network, counted in round trips, and how much memory the program needs for it. */
import { spawn } from 'node:child_process';
import { mkdirSync, rmSync } from 'node:fs';
import { Agent, get } from 'node:http';
import { join } from 'node:path';
import { atMost, inTurns, ms, outputOf, peakIn, spreadOf, timed, type Figures, type Place, type Row, type Sample } from './measure.ts';
import { SECRETS, type Machine, type Servers } from './project.ts';

const ROUNDS = 11;
const COUNTS = [1, 10, 50, 200] as const;

interface Manager {
  readonly title: string;
  readonly use: string;
  readonly reference: (index: number) => string;
  readonly options: (address: string) => object;
  /** Round trips promised, by number of secrets. */
  readonly limits: Readonly<Partial<Record<number, number>>>;
  /** Number of secrets that are also fetched without what earlier runs remember of the manager. */
  readonly first?: number;
}

const aws = (endpoint: string): object => ({ endpoint, region: 'eu-west-1' });

const MANAGERS: readonly Manager[] = [
  {
    title: 'vault',
    use: 'vault',
    reference: (index) => `vault://kv/app/s${index}#value`,
    options: (address) => ({ address }),
    limits: { 50: 4, 200: 9 },
    first: 50,
  },
  {
    title: 'AWS Secrets Manager',
    use: 'aws-secrets-manager',
    reference: (index) => `aws://app/s${index}`,
    options: aws,
    limits: { 50: 2, 200: 3 },
  },
  {
    title: 'Parameter Store',
    use: 'aws-parameter-store',
    reference: (index) => `ssm:///app/s${index}`,
    options: aws,
    limits: { 200: 3 },
  },
];

export async function roundTrips(machine: Machine, servers: Servers): Promise<readonly Row[]> {
  const trip = await roundTrip(servers.slow);
  const rows: Row[] = [{ part: 'round trips', what: 'one round trip', result: `${trip.toFixed(1)} ms`, target: '' }];
  for (const manager of MANAGERS) rows.push(...(await measure(manager, trip, machine, servers)));
  return rows;
}

async function measure(manager: Manager, trip: number, machine: Machine, servers: Servers): Promise<readonly Row[]> {
  const place = (count: number, address: string): Place =>
    machine.project(`${manager.use}-${count}-${address === servers.slow ? 'slow' : 'quick'}`, {
      providers: { [schemeOf(manager)]: { use: manager.use, ...manager.options(address) } },
      secrets: Object.fromEntries(Array.from({ length: count }, (_, index) => [`S${index}`, manager.reference(index)])),
    });
  const run = [...SECRETS, 'run', '--', 'true'];
  const quick = place(1, servers.quick);
  const slow = new Map(COUNTS.map((count) => [String(count), place(count, servers.slow)]));
  const cases: Record<string, () => Promise<Sample>> = {
    start: () => timed(run, quick),
    ...Object.fromEntries([...slow].map(([count, at]) => [count, () => timed(run, at)])),
    ...(manager.first === undefined ? {} : { first: firstRun(run, place(manager.first, servers.slow)) }),
  };
  const times: Readonly<Record<string, Figures>> = await inTurns(ROUNDS, cases);
  const beyondStart = ({ wallMs }: Figures): number => wallMs.median - (times['start']?.wallMs.median ?? Number.NaN);
  const rows: Row[] = [];
  for (const [count, at] of slow) {
    const figures = times[count];
    if (figures === undefined) continue;
    const beyond = beyondStart(figures);
    await servers.requests();
    const peak = await peakOfRun(at);
    const requests = await servers.requests();
    const limit = manager.limits[Number(count)];
    rows.push({
      part: 'round trips',
      what: `${count} from ${manager.title}`,
      result: `${(beyond / trip).toFixed(1)} beyond start-up, ${requests} requests, ${ms(figures.wallMs)}${peak === undefined ? '' : `, peak ${peak.toFixed(0)} MB`}`,
      ...(limit === undefined ? { target: '' } : atMost(limit, beyond / trip, ' round trips')),
    });
  }
  const { first } = times;
  if (first !== undefined && manager.first !== undefined) {
    rows.push({
      part: 'round trips',
      what: `${manager.first} from ${manager.title}, the first run that meets it`,
      result: `${(beyondStart(first) / trip).toFixed(1)} beyond start-up, ${ms(first.wallMs)}`,
      target: '',
    });
  }
  return rows;
}

/** A run that remembers nothing of the manager; its compiled code is kept all the same. */
function firstRun(run: readonly string[], { cwd, env }: Place): () => Promise<Sample> {
  const cache = join(cwd, 'cache');
  mkdirSync(cache, { mode: 0o700 });
  return () => {
    rmSync(join(cache, 'secrets', 'remembered.json'), { force: true });
    return timed(run, { cwd, env: { ...env, XDG_CACHE_HOME: cache } });
  };
}

const schemeOf = ({ reference }: Manager): string => reference(0).slice(0, reference(0).indexOf(':'));

/** The program's peak memory in MB at the time that its child runs, told by the child. */
async function peakOfRun(place: Place): Promise<number | undefined> {
  const [program, ...args] = [...SECRETS, 'run', '--', 'sh', '-c', 'cat /proc/$PPID/status 2>/dev/null || true'];
  const child = spawn(program, args, { ...place, stdio: ['ignore', 'pipe', 'ignore'] });
  return peakIn(await outputOf(child, args));
}

/** One request on a connection that is there already, in milliseconds. */
async function roundTrip(address: string): Promise<number> {
  const agent = new Agent({ keepAlive: true, maxSockets: 1 });
  const samples: number[] = [];
  for (let index = 0; index <= 15; index++) {
    const from = performance.now();
    await new Promise<void>((resolve, reject) => {
      get(`${address}/v1/kv/data/trip`, { agent }, (response) => response.resume().once('end', resolve)).once('error', reject);
    });
    if (index > 0) samples.push(performance.now() - from);
  }
  agent.destroy();
  return spreadOf(samples).median;
}
