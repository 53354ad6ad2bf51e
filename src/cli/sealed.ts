/** `run --sealed FILE`: the bundle opened with the user's own key, and its terms kept. */
import path from 'node:path';
import { SecretsError } from '../core/errors.ts';
import { readOwnFile } from '../platform/atomic-file.ts';
import { userFolders } from '../platform/folders.ts';
import type { Bundle } from '../sealed/bundle.ts';
import { parseBundle } from '../sealed/bundle.ts';
import { takeUse } from '../sealed/ledger.ts';
import { checkTerms, type Asked } from '../sealed/terms.ts';
import { unpack, type Unpacked } from '../sealed/unpack.ts';
import type { Context } from './context.ts';
import { ownStore, withStore } from './local-store.ts';

/** Values of 128 KiB fill a program's environment long before so many bytes. */
const MAX_BYTES = 64 * 1024 * 1024;

export interface Opened extends Unpacked {
  /** Takes one use; to be called when nothing but the start of the program is left. @throws SecretsError */
  readonly takeUse: () => Promise<void>;
}

/** @throws SecretsError for a file that can't be read or opened, or whose terms this command does not keep */
export async function openSealed(context: Context, name: string, asked: Asked): Promise<Opened> {
  const file = path.resolve(context.cwd, name);
  const bundle = await decrypt(context, file, await readBundle(file));
  checkTerms(bundle, asked);
  return {
    ...unpack(bundle, file, context.cwd),
    takeUse: () => takeUse(bundle, userFolders(context.env).state, new Date()),
  };
}

async function readBundle(file: string): Promise<Buffer> {
  const found = await readOwnFile(file, MAX_BYTES, { follow: true });
  if (found.state === 'read') return found.bytes;
  const why =
    found.state === 'absent'
      ? 'it is not there'
      : found.state === 'failed'
        ? `the system says ${found.code}`
        : `it is ${SAYS[found.state]}`;
  throw new SecretsError({
    code: 'IO',
    message: `the sealed file ${file} cannot be read: ${why}`,
    hint: 'secrets seal --to RECIPIENT --only NAME --out FILE makes one',
  });
}

const SAYS = { symlink: 'a symbolic link', 'not-a-file': 'no regular file', 'too-big': 'larger than a sealed file can be' } as const;

async function decrypt(context: Context, file: string, bytes: Buffer): Promise<Bundle> {
  const identities = await withStore(context, ownStore(context), 'workload', async (_options, host) =>
    (await import('../providers/local/own-key.ts')).ownIdentities(host),
  );
  const { decryptWith } = await import('../providers/local/age-read.ts');
  const opened = decryptWith(
    identities.map(({ identity }) => identity),
    bytes,
  );
  if (opened.state === 'no-key') {
    throw new SecretsError({
      code: 'STORE_LOCKED',
      message: `${file} is sealed to somebody else, or damaged`,
      hint: 'secrets whoami --recipient prints what it must be sealed to; SECRETS_IDENTITY_FILE names another key',
    });
  }
  const bundle = opened.state === 'open' ? parseBundle(opened.plaintext) : undefined;
  if (opened.state === 'open') opened.plaintext.fill(0);
  if (bundle !== undefined) return bundle;
  throw new SecretsError({
    code: 'VALUE_INVALID',
    message: `${file} is ${opened.state === 'open' ? 'no sealed file of this version of secrets' : 'damaged'}`,
    hint: 'ask for a new one: secrets seal',
  });
}
