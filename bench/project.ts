/** A throw-away project and home for the built program, and the stand-ins for its managers. */
import { fork } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, mkdtempSync, realpathSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { generateIdentity } from 'age-encryption';
import type { Place } from './measure.ts';
import type { Message } from './servers.ts';

export const SECRETS: readonly string[] = [process.execPath, join(import.meta.dirname, '..', 'bin', 'secrets.js')];

/** A machine of its own: a folder with a home, where only what is measured is set. */
export class Machine {
  readonly folder: string = mkdtempSync(join(realpathSync(tmpdir()), 'secrets-bench-'));
  readonly env: Readonly<Record<string, string>>;

  constructor() {
    const home = join(this.folder, 'home');
    mkdirSync(home, { mode: 0o700 });
    this.env = {
      PATH: [dirname(process.execPath), '/usr/local/bin', '/usr/bin', '/bin'].join(':'),
      HOME: home,
      LANG: 'C.UTF-8',
      SECRETS_TRUST: '1',
      SECRETS_IDENTITY_FILE: join(home, 'identity.txt'),
      VAULT_TOKEN: 'bench-token',
      AWS_ACCESS_KEY_ID: 'bench',
      AWS_SECRET_ACCESS_KEY: 'bench',
    };
  }

  async makeIdentity(): Promise<void> {
    writeFileSync(join(this.folder, 'home', 'identity.txt'), `${await generateIdentity()}\n`, { mode: 0o600 });
  }

  /** A project with this manifest. */
  project(name: string, manifest: object): Place {
    const cwd = join(this.folder, name);
    mkdirSync(join(cwd, '.git'), { recursive: true });
    writeFileSync(join(cwd, '.secretsrc'), JSON.stringify({ version: 1, ...manifest }));
    return { cwd, env: this.env };
  }

  remove(): void {
    rmSync(this.folder, { recursive: true, force: true, maxRetries: 5 });
  }
}

export interface Servers {
  /** Address of the one that answers at once. */
  readonly quick: string;
  /** And of the one behind a delay. */
  readonly slow: string;
  /** How many requests there were since this was last asked. */
  requests(): Promise<number>;
  close(): void;
}

export async function startServers(): Promise<Servers> {
  const child = fork(join(import.meta.dirname, 'servers.ts'), { stdio: ['ignore', 'ignore', 'inherit', 'ipc'], execArgv: [] });
  const next = async (): Promise<Message> => {
    const [message] = (await once(child, 'message')) as [Message];
    return message;
  };
  const first = await next();
  if (first.at !== 'listening') throw new Error('the servers did not start');
  return {
    quick: first.quick,
    slow: first.slow,
    requests: async () => {
      const answer = next();
      child.send('requests');
      const message = await answer;
      return message.at === 'asked' ? message.requests : 0;
    },
    close: () => child.disconnect(),
  };
}
