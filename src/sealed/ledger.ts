/**
 * What this host remembers of sealed files: how often each was used, and the latest time it has seen. Kept in
 * `sealed` of the state folder; whoever may delete that folder may use a file again.
 */
import { readdirSync } from 'node:fs';
import path from 'node:path';
import { SecretsError } from '../core/errors.ts';
import { Fault } from '../core/fault.ts';
import { dropFile, errorCode, makeFolders, readOwnFile, replaceFile } from '../platform/atomic-file.ts';
import { withLock } from '../platform/lock.ts';
import type { Bundle } from './bundle.ts';
import { CLOCK_SKEW_MS, refused } from './terms.ts';

const CLOCK = 'clock.json';
const MAX_BYTES = 4096;
/** Beyond its end a bundle is refused by that, so its count may go. */
const KEEP_MS = 24 * 3_600_000;

interface Count {
  readonly used: number;
  readonly expiresAt: string;
}

/**
 * Takes one use of a bundle, durable on return, so that a run that is killed has used it.
 * @param stateFolder undefined where there is none
 * @throws SecretsError where it is used up, where the clock went back, and where uses can't be counted
 */
export async function takeUse({ id, uses, expiresAt }: Bundle, stateFolder: string | undefined, now: Date): Promise<void> {
  if (stateFolder === undefined) {
    if (uses === undefined) return;
    throw uncountable('there is no folder to keep that in');
  }
  const folder = path.join(stateFolder, 'sealed');
  try {
    makeFolders(folder);
    await withLock(path.join(folder, 'lock'), { what: 'the count of sealed files' }, async () => {
      const latest = await read<{ readonly latest: string }>(path.join(folder, CLOCK));
      if (latest !== undefined && now.getTime() < Date.parse(latest.latest) - CLOCK_SKEW_MS) {
        throw refused(
          `the clock of this host went back: it was ${latest.latest} already, and is ${now.toISOString()}`,
          `set the clock of this host; if it was wrong before and is right now, delete ${path.join(folder, CLOCK)}`,
        );
      }
      if (uses !== undefined) {
        const file = path.join(folder, `${id}.json`);
        const used = (await read<Count>(file))?.used ?? 0;
        if (used >= uses)
          throw refused(`it was for ${uses === 1 ? 'one run' : `${uses} runs`}, and is used up`, 'ask for a new one: secrets seal');
        await write(file, { used: used + 1, expiresAt: expiresAt.toISOString() } satisfies Count);
      }
      if (latest === undefined || now.getTime() > Date.parse(latest.latest))
        await write(path.join(folder, CLOCK), { latest: now.toISOString() });
      await sweep(folder, now);
    });
  } catch (error) {
    if (error instanceof SecretsError) throw error;
    if (error instanceof Fault) throw new SecretsError({ code: error.code, message: error.detail.message, hint: error.detail.hint });
    if (uses !== undefined) throw uncountable(`the system says ${errorCode(error)}`);
  }
}

/** @throws SecretsError where a count is there and can't be read: to begin again at 0 would give uses away */
async function read<T extends object>(file: string): Promise<T | undefined> {
  const found = await readOwnFile(file, MAX_BYTES);
  if (found.state === 'absent') return undefined;
  const content = found.state === 'read' ? parse(found.bytes) : undefined;
  if (content === undefined) throw uncountable(`${file} cannot be read`);
  return content as T;
}

function parse(bytes: Buffer): object | undefined {
  try {
    const content = JSON.parse(bytes.toString('utf8')) as unknown;
    const { used, latest, expiresAt } = (content ?? {}) as Partial<Record<string, unknown>>;
    const isCount = Number.isInteger(used) && isTime(expiresAt);
    return isCount || isTime(latest) ? (content as object) : undefined;
  } catch {
    return undefined;
  }
}

const isTime = (value: unknown): boolean => typeof value === 'string' && !Number.isNaN(Date.parse(value));

const write = (file: string, content: object): Promise<void> => replaceFile(file, `${JSON.stringify(content)}\n`, 0o600);

async function sweep(folder: string, now: Date): Promise<void> {
  for (const name of readdirSync(folder)) {
    if (!/^[0-9a-f]{32}\.json$/.test(name)) continue;
    const count = await read<Count>(path.join(folder, name)).catch(() => undefined);
    if (count !== undefined && now.getTime() - Date.parse(count.expiresAt) > KEEP_MS) dropFile(path.join(folder, name));
  }
}

const uncountable = (why: string): SecretsError =>
  new SecretsError({
    code: 'IO',
    message: `the uses of the sealed file cannot be counted: ${why}`,
    hint: 'export SECRETS_STATE_DIR=FOLDER that you may write to',
  });
