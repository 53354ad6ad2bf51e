/** What starting costs, as a multiple of what starting Node itself costs. */
import { execFileSync } from 'node:child_process';
import { atMost, inTurns, ms, timed, type Row, type Figures } from './measure.ts';
import { SECRETS, type Machine, type Servers } from './project.ts';

const ROUNDS = 25;

export async function startUp(machine: Machine, servers: Servers): Promise<readonly Row[]> {
  const local = machine.project('local', { project: 'bench', secrets: { KEY: 'local://key' } });
  const [program = '', ...args] = SECRETS;
  execFileSync(program, [...args, 'set', 'KEY'], { ...local, input: 'canary-of-the-bench', stdio: ['pipe', 'ignore', 'ignore'] });
  const vault = machine.project('vault', {
    providers: { vault: { address: servers.quick } },
    secrets: { KEY: 'vault://kv/key#value' },
  });
  const run = [...SECRETS, 'run', '--', 'true'];
  const { bare, ...others } = await inTurns(ROUNDS, {
    bare: () => timed([process.execPath, '-e', '0'], local),
    version: () => timed([...SECRETS, '--version'], local),
    local: () => timed(run, local),
    vault: () => timed(run, vault),
    pipe: () => timed(run, local, 'pipe'),
  });
  await servers.requests();
  const row = (what: string, { cpuMs, wallMs }: Figures, limit?: number): Row => {
    const ratio = cpuMs.median / bare.cpuMs.median;
    const wall = wallMs.median / bare.wallMs.median;
    return {
      part: 'start-up',
      what,
      result: `${ratio.toFixed(2)}× CPU: ${ms(cpuMs)}; ${wall.toFixed(2)}× wall: ${ms(wallMs)}`,
      ...(limit === undefined ? { target: '' } : atMost(limit, ratio, '× CPU')),
    };
  };
  return [
    row('node -e 0', bare),
    row('secrets --version', others.version, 1.3),
    row('secrets run -- true, one local secret', others.local, 2.8),
    row('secrets run -- true, one vault secret', others.vault, 5),
    row('the same with one local secret, output masked into a pipe', others.pipe),
  ];
}
