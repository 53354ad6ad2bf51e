/** The keys that this user reads with: that of a personal store, or their own for a team store. */
import { Fault } from '../../core/fault.ts';
import type { SecretValue } from '../../core/secret-value.ts';
import type { Host } from '../../provider-kit/contract.ts';
import { fetchIdentity, givenIdentityFile } from './holders.ts';
import { readIdentityFile, type OwnIdentity } from './identity-file.ts';
import type { Custody, StoreIndex } from './index-file.ts';
import { ownLocation, type Location } from './location.ts';
import { readIndex } from './store.ts';

/**
 * The keys that this user reads a store with.
 * @throws Fault 'locked', and as `fetchIdentity`
 */
export async function unlock(location: Location, index: StoreIndex, host: Host): Promise<readonly SecretValue[]> {
  const [recipient] = index.recipients;
  if (index.custody !== undefined && recipient !== undefined) {
    return [(await fetchIdentity(index.custody, recipient, location, host)).identity];
  }
  return (await ownIdentities(host)).map(({ identity }) => identity);
}

/** The user's own keys, for team stores: those of `SECRETS_IDENTITY_FILE`, else that of the user's own store. */
export async function ownIdentities(host: Host): Promise<readonly OwnIdentity[]> {
  const file = givenIdentityFile(host);
  if (file !== undefined) {
    const found = await readIdentityFile(file);
    if (found === undefined)
      throw new Fault('locked', { message: `the identity file ${file} is not there`, hint: 'point SECRETS_IDENTITY_FILE to yours' });
    for (const { identity } of found) host.sensitive(identity);
    return found;
  }
  const own = await ownStore(host);
  if (own !== undefined) return [await fetchIdentity(own.custody, own.recipient, own.location, host)];
  throw new Fault('locked', {
    message: 'you have no key of your own to open this with',
    hint: 'secrets whoami --recipient makes one and prints what the others need; on a machine, export SECRETS_IDENTITY_FILE',
  });
}

interface OwnStore {
  readonly location: Location;
  readonly custody: Custody;
  readonly recipient: string;
}

async function ownStore(host: Host): Promise<OwnStore | undefined> {
  const location = ownLocation(host);
  const index = location === undefined ? undefined : await readIndex(location);
  const recipient = index?.recipients[0];
  return location === undefined || index?.custody === undefined || recipient === undefined
    ? undefined
    : { location, custody: index.custody, recipient };
}
