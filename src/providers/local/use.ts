/** What reading a store takes: where it is, whose names, and the keys, which are fetched once. */
import { MAX_FILE_BYTES, openDocument } from './document.ts';
import path from 'node:path';
import { Fault } from '../../core/fault.ts';
import type { SecretValue } from '../../core/secret-value.ts';
import { readOwnFile } from '../../platform/atomic-file.ts';
import type { DocumentKey, Host } from '../../provider-kit/contract.ts';
import { unreadable } from './faults.ts';
import type { StoreIndex, Version } from './index-file.ts';
import { locate, nowhere, projectOf, type Location } from './location.ts';
import type { Options } from './options.ts';

/** A session's store, and what reading it needs. */
export interface Use {
  readonly options: Options;
  readonly host: Host;
  readonly project: string;
  /** Undefined where no store can be. */
  readonly location: Location | undefined;
  /** The keys that open the store; a person is asked once. Throws Fault. */
  identities(index: StoreIndex): Promise<readonly SecretValue[]>;
}

export function useOf(options: Options, host: Host): Use {
  const location = locate(options, host);
  let unlocked: Promise<readonly SecretValue[]> | undefined;
  return {
    options,
    host,
    project: projectOf(host),
    location,
    identities: async (index) => {
      if (location === undefined) throw nowhere();
      const { unlock } = await import('./own-key.ts');
      unlocked ??= unlock(location, index, host);
      return unlocked.catch((error: unknown) => {
        unlocked = undefined;
        throw error;
      });
    },
  };
}

/** The value of a version; undefined if its file is not there. Throws Fault. */
export async function readVersion(use: Use, location: Location, index: StoreIndex, version: Version): Promise<SecretValue | undefined> {
  const file = path.join(location.folder, version.file);
  const bytes = await readOwnFile(file, MAX_FILE_BYTES);
  if (bytes.state === 'absent') return undefined;
  if (bytes.state !== 'read') throw unreadable(bytes, file);
  return openDocument(bytes.bytes, version, await use.identities(index), index.custody === undefined);
}

/** The name, or the version that was asked for, is not in the store. */
export function absent(use: Use, { key, version }: DocumentKey, why?: string): Fault {
  const what = version === undefined ? `no secret ${key}` : `no version ${version} of ${key}`;
  const of = why ?? `the local store has ${what} in the project ${use.project}`;
  // What to type is the caller's to say: it knows the secret's name in the manifest.
  return new Fault('not-found', of);
}
