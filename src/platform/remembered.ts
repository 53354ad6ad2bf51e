/**
 * What earlier runs were told and no secret is: texts by key, in one small file of the user's cache folder. Whoever can
 * write there is this user, who could also replace the program; still nothing here is more than a guess.
 */
import path from 'node:path';
import * as z from 'zod/mini';
import { readOwnFile, replaceFile } from './atomic-file.ts';
import { privateCacheFolder } from './cache-folder.ts';

type Env = Readonly<Record<string, string | undefined>>;

const FILE = 'remembered.json';
/** Characters of a key and its text together; what is longer is not kept. */
const MAX_ENTRY = 4_000;
/** The one that was written longest ago goes first. */
const MAX_ENTRIES = 64;
const MAX_BYTES = 4 * MAX_ENTRIES * MAX_ENTRY;

const shape = z.object({ version: z.literal(1), entries: z.array(z.tuple([z.string(), z.string()])) });

/** What was remembered under a key; undefined also where no private file can be read. Never throws. */
export async function recall(env: Env, key: string): Promise<string | undefined> {
  const file = fileOf(env);
  return file === undefined ? undefined : (await read(file)).get(key);
}

/** Remembers a text for later runs, where there is a private folder. Never throws. */
export async function remember(env: Env, key: string, text: string): Promise<void> {
  const file = fileOf(env);
  if (file === undefined || key.length + text.length > MAX_ENTRY) return;
  const entries = await read(file);
  entries.delete(key);
  entries.set(key, text);
  const content = { version: 1, entries: [...entries].slice(-MAX_ENTRIES) } satisfies z.infer<typeof shape>;
  try {
    // What a crash takes is asked for again, so nothing waits for the disk.
    await replaceFile(file, JSON.stringify(content), 0o600, { lasting: false });
  } catch {
    // a folder that is read only, or a full disk
  }
}

function fileOf(env: Env): string | undefined {
  const folder = privateCacheFolder(env);
  return folder === undefined ? undefined : path.join(folder, FILE);
}

async function read(file: string): Promise<Map<string, string>> {
  const found = await readOwnFile(file, MAX_BYTES);
  if (found.state !== 'read' || found.uid !== process.geteuid?.() || ((found.mode ?? 0) & 0o077) !== 0) return new Map();
  try {
    return new Map(shape.parse(JSON.parse(found.bytes.toString('utf8'))).entries);
  } catch {
    return new Map();
  }
}
