/** A person's machine for one test: an empty home folder and an environment that holds nothing of ours. */
import { mkdirSync, mkdtempSync, realpathSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { atEnd } from './at-end.ts';

export type Environment = Readonly<Record<string, string>>;

export interface Home {
  readonly dir: string;
  /** PATH, HOME and LANG only, and trust, which tests of their own are about. */
  readonly env: Environment;
}

export const REPOSITORY = join(import.meta.dirname, '..', '..', '..');

/** A temporary folder, removed when the test file is over. */
export function tempDir(prefix: string): string {
  const dir = mkdtempSync(join(realpathSync(tmpdir()), `secrets-${prefix}-`));
  atEnd(() => rmSync(dir, { recursive: true, force: true, maxRetries: 5 }));
  return dir;
}

export function tempHome(): Home {
  const dir = join(tempDir('home'), 'me');
  mkdirSync(dir, { mode: 0o700 });
  const path = [dirname(process.execPath), '/usr/local/bin', '/usr/bin', '/bin'].join(':');
  return { dir, env: { PATH: path, HOME: dir, LANG: 'C.UTF-8', SECRETS_TRUST: '1' } };
}
