/** Sees what is written to any file, by the kernel's own word. */
import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { atEnd } from './at-end.ts';

const HELPER = join(import.meta.dirname, 'fanotify.py');

export interface WriteReport {
  /** How many written files were looked into. */
  readonly files: number;
  /** Path of each file in which a text was, and the text's index. */
  readonly hits: readonly (readonly [string, number])[];
}

export interface WriteWatch {
  /** Mount points of the file systems that are watched. */
  readonly watching: readonly string[];
  stop(): Promise<WriteReport>;
}

/** Why nothing can be watched on this machine; undefined where it can. */
export function fanotifyProblem(): string | undefined {
  const { error, status, stderr } = spawnSync('python3', [HELPER, '--probe'], { encoding: 'utf8', stdio: ['ignore', 'ignore', 'pipe'] });
  if (error !== undefined) return 'python3 is not installed';
  return status === 0 ? undefined : stderr.trim().split('\n').at(-1);
}

/** Starts to look for texts in every file that is written from now on, by whatever process, on every writable file system. */
export async function watchWrites(texts: readonly string[]): Promise<WriteWatch> {
  const helper = spawn('python3', [HELPER], { stdio: ['pipe', 'pipe', 'inherit'] });
  atEnd(() => void helper.kill('SIGKILL'));
  const lines = createInterface({ input: helper.stdout })[Symbol.asyncIterator]();
  const next = async <T>(): Promise<T> => {
    const { value } = await lines.next();
    if (typeof value !== 'string') throw new Error('the helper that watches files has ended');
    return JSON.parse(value) as T;
  };
  helper.stdin.write(`${JSON.stringify(texts)}\n`);
  const { watching } = await next<Pick<WriteWatch, 'watching'>>();
  return {
    watching,
    stop: async () => {
      helper.stdin.end();
      const report = await next<WriteReport & { readonly lost: boolean }>();
      await once(helper, 'close');
      if (report.lost) throw new Error('the kernel could not keep all events');
      return report;
    },
  };
}
