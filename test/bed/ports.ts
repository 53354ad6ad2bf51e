/** Free neighbouring ports, claimed for one bed, so that two beds at once never meet. */
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir, userInfo } from 'node:os';
import { join } from 'node:path';

/** One file for each claimed port, which holds the folder of the bed that has it. */
const CLAIMS = join(tmpdir(), `secrets-bed-ports-${userInfo().uid}`);

/** Below the kernel's own ephemeral range, so that no outgoing connection grabs a port in between. */
const FIRST = 20_000;
const LAST = 29_900;

const canBind = (port: number): Promise<boolean> =>
  new Promise((resolve) => {
    const server = createServer().once('error', () => resolve(false));
    server.listen(port, '127.0.0.1', () => server.close(() => resolve(true)));
  });

function claim(port: number, owner: string): boolean {
  try {
    writeFileSync(join(CLAIMS, String(port)), owner, { flag: 'wx' });
    return true;
  } catch {
    return false;
  }
}

export function releasePorts(ports: readonly number[]): void {
  for (const port of ports) rmSync(join(CLAIMS, String(port)), { force: true });
}

/** Claims `count` neighbouring free ports of 127.0.0.1 for the bed in folder `owner`. */
export async function claimPorts(owner: string, count: number): Promise<number[]> {
  mkdirSync(CLAIMS, { recursive: true, mode: 0o700 });
  for (let attempt = 0; attempt < 200; attempt++) {
    const base = FIRST + Math.floor(Math.random() * (LAST - FIRST));
    const mine: number[] = [];
    for (let port = base; port < base + count && claim(port, owner); port++) {
      mine.push(port);
      if (!(await canBind(port))) break;
      if (mine.length === count) return mine;
    }
    releasePorts(mine);
  }
  throw new Error(`no ${count} free neighbouring ports between ${FIRST} and ${LAST}`);
}

/** Gives back the ports of beds whose folder is gone. */
export function sweepPorts(): void {
  if (!existsSync(CLAIMS)) return;
  for (const port of readdirSync(CLAIMS)) {
    const file = join(CLAIMS, port);
    try {
      const owner = readFileSync(file, 'utf8');
      // An empty one is being written at this moment.
      if (owner !== '' && !existsSync(owner)) rmSync(file, { force: true });
    } catch {
      // Another bed swept it first.
    }
  }
}
