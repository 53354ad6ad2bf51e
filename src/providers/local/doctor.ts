/** The health of a store, without its key and without reading a value. */
import { lstat, readdir } from 'node:fs/promises';
import path from 'node:path';
import { readOwnFile } from '../../platform/atomic-file.ts';
import type { Check, DoctorReport, Host } from '../../provider-kit/contract.ts';
import { failedCheck } from '../../provider-kit/failed-check.ts';
import { checkPrivate, octal, quoted } from './faults.ts';
import { identityPath, keychainAccount, placeOf } from './holders.ts';
import { MAX_IDENTITY_BYTES } from './identity-file.ts';
import { pickVersion, type Custody, type StoreIndex } from './index-file.ts';
import { nowhere, ownLocation, type Location } from './location.ts';
import type { Use } from './use.ts';
import { readIndex } from './store.ts';

const STORE = 'Local store';
const KEY = 'Key of the local store';

export async function examine(use: Use): Promise<DoctorReport> {
  const { location, host } = use;
  if (location === undefined) return { checks: [failedCheck(STORE, nowhere())] };
  let index: StoreIndex | undefined;
  try {
    index = await readIndex(location);
  } catch (error) {
    return { checks: [failedCheck(STORE, error)] };
  }
  if (index === undefined) {
    return {
      checks: [{ title: STORE, status: 'warn', message: `there is no store yet at ${location.folder}`, hint: 'secrets set NAME makes it' }],
    };
  }
  const [recipient] = index.recipients;
  const checks = [await contents(use, location, index), ...(await folder(location)), ...ambiguous(use, index)];
  if (index.custody === undefined) {
    return { checks: [...checks, ...list(location, index, host.provider), await ownKey(index, host)] };
  }
  return {
    ...(recipient === undefined ? {} : { identity: recipient }),
    checks: [...checks, ...(await custody(index.custody, recipient ?? '', location, host)), ...unfinished(index, host)],
  };
}

async function contents(use: Use, location: Location, index: StoreIndex): Promise<Check> {
  const names = new Set(await readdir(location.folder).catch(() => []));
  const missing = index.versions.filter(({ file }) => !names.has(file)).length;
  const mine = index.versions.filter(({ project }) => project === use.project);
  if (missing === 0) {
    const held = `${some(new Set(mine.map(({ name }) => name)).size, 'secret')} of ${use.project} in ${some(mine.length, 'version')}`;
    return { title: STORE, status: 'ok', message: `${location.folder} has ${held}` };
  }
  return {
    title: STORE,
    status: 'fail',
    message: `${some(missing, 'file')} missing from ${location.folder}`,
    hint: 'restore them from a backup',
  };
}

async function folder({ folder: store, team }: Location): Promise<readonly Check[]> {
  if (team || process.platform === 'win32') return [];
  const mode = (await lstat(store)).mode & 0o777;
  if ((mode & 0o077) === 0) return [];
  const message = `${store} has mode ${octal(mode)}, so others can see the names of its files`;
  return [{ title: 'Folder of the local store', status: 'warn', message, hint: `chmod 700 ${quoted(store)}` }];
}

function ambiguous(use: Use, index: StoreIndex): readonly Check[] {
  const names = new Set(index.versions.filter(({ project }) => project === use.project).map(({ name }) => name));
  return [...names].flatMap((name) => {
    try {
      pickVersion(index, use.project, name);
      return [];
    } catch (error) {
      return [failedCheck('Versions of the local store', error)];
    }
  });
}

async function custody(kept: Custody, recipient: string, location: Location, host: Host): Promise<readonly Check[]> {
  const message = `in ${placeOf(kept, recipient, host)}`;
  switch (kept.kind) {
    case 'keychain': {
      const probe = await (await host.keychain()).probe();
      if (probe.state === 'open') return [{ title: KEY, status: 'ok', message: `${message} (${keychainAccount(recipient)})` }];
      return [{ title: KEY, status: 'fail', message: `${message}, and ${probe.message}`, hint: probe.hint }];
    }
    case 'passphrase': {
      const file = await readOwnFile(path.join(location.folder, kept.file), MAX_IDENTITY_BYTES);
      if (file.state !== 'read')
        return [{ title: KEY, status: 'fail', message: `${kept.file} with the key is missing`, hint: 'restore it from a backup' }];
      return [{ title: KEY, status: 'ok', message }];
    }
    case 'identity':
      return identityFile(kept, recipient, host);
  }
}

async function identityFile(kept: Extract<Custody, { kind: 'identity' }>, recipient: string, host: Host): Promise<readonly Check[]> {
  const given = host.env.SECRETS_IDENTITY_FILE;
  const file = given === undefined ? identityPath(kept, recipient, host) : path.resolve(given);
  const read = file === undefined ? undefined : await readOwnFile(file, MAX_IDENTITY_BYTES, { follow: true });
  if (file === undefined || read?.state !== 'read') {
    const where = file === undefined ? 'no identity file can be found' : `the identity file ${file} cannot be read`;
    return [{ title: KEY, status: 'fail', message: where, hint: 'restore it, or export SECRETS_IDENTITY_FILE' }];
  }
  try {
    checkPrivate(file, read);
  } catch (error) {
    return [failedCheck(KEY, error)];
  }
  const message = `in the identity file ${file}: whoever can read that file can read the store, so it protects less than a keychain`;
  return [{ title: KEY, status: 'warn', message, hint: 'secrets providers rekey local --to keychain, or --to passphrase' }];
}

function unfinished({ retired, recipients }: StoreIndex, host: Host): readonly Check[] {
  if (retired === undefined) return [];
  const message = `a change of custody was interrupted, so the key may also be in ${placeOf(retired, recipients[0] ?? '', host)}`;
  return [{ title: KEY, status: 'warn', message, hint: 'the next secrets set removes it there' }];
}

function list({ recipients = [] }: Location, index: StoreIndex, provider: string): readonly Check[] {
  const title = 'Recipients of the team store';
  const added = recipients.filter((recipient) => !index.recipients.includes(recipient)).length;
  const removed = index.recipients.filter((recipient) => !recipients.includes(recipient)).length;
  if (added + removed === 0) return [{ title, status: 'ok', message: `${some(recipients.length, 'recipient')}, as in the manifest` }];
  const message = `the manifest adds ${some(added, 'recipient')} and drops ${removed} since the store was encrypted`;
  return [{ title, status: 'warn', message, hint: `secrets providers reencrypt ${provider}` }];
}

/** Whether this user has a key for team stores, and whether it is on the list. */
async function ownKey(index: StoreIndex, host: Host): Promise<Check> {
  const title = 'Your own key';
  if (host.env.SECRETS_IDENTITY_FILE !== undefined) return { title, status: 'ok', message: 'in the file that SECRETS_IDENTITY_FILE names' };
  const location = ownLocation(host);
  try {
    const recipient = location === undefined ? undefined : (await readIndex(location))?.recipients[0];
    if (recipient === undefined) return { title, status: 'fail', message: 'you have none', hint: 'secrets whoami --recipient makes one' };
    if (index.recipients.includes(recipient)) return { title, status: 'ok', message: `${recipient} can read the store` };
    return {
      title,
      status: 'fail',
      message: `${recipient} is not a recipient of the store`,
      hint: 'add it to the recipients, and let somebody who can read re-encrypt',
    };
  } catch (error) {
    return failedCheck(title, error);
  }
}

const some = (count: number, what: string): string => `${count} ${what}${count === 1 ? '' : 's'}`;
