/** The state of single versions, and passwords that the server rotates itself. */
import { Fault } from '../../core/fault.ts';
import type { PutResult } from '../../provider-kit/contract.ts';
import { versions } from './listing.ts';
import { withRule, type Target } from './kv.ts';
import { apiPath, type Kv2Part } from './paths.ts';

type State = 'enabled' | 'disabled' | 'destroyed';

const REQUESTS: Readonly<Record<State, { readonly part: Kv2Part; readonly verb: string }>> = {
  enabled: { part: 'undelete', verb: 'bring back' },
  disabled: { part: 'delete', verb: 'delete' },
  destroyed: { part: 'destroy', verb: 'destroy' },
};

/**
 * Disabled is the server's soft delete, which can be taken back; destroyed can't.
 * @throws Fault 'unsupported' for a mount that keeps no versions, or to enable what is destroyed; 'not-found'
 */
export async function setState(target: Target, version: string, state: State): Promise<void> {
  const { client, mount, key, op } = target;
  const found = (await versions(client, mount, { key }, op)).find((one) => one.version === version);
  if (found === undefined) throw new Fault('not-found', { message: `${key} has no version ${version}`, hint: 'secrets history NAME' });
  if (found.state === 'destroyed') {
    if (state === 'destroyed') return;
    throw new Fault('unsupported', `version ${version} of ${key} is destroyed, which can't be taken back`);
  }
  const { part, verb } = REQUESTS[state];
  const path = apiPath(mount, key, part);
  const body = JSON.stringify({ versions: [Number(version)] });
  await client
    .call({ what: `${verb} version ${version} of ${key}`, kind: 'write', method: 'POST', path, body, about: key }, op)
    .catch((error: unknown) => {
      throw withRule(error, path, '"update"');
    });
}

const STATIC_ROLE = /^static-creds\/(.+)$/s;

/**
 * Has the server change the password of a static role of a database engine now. It makes the new one itself.
 * @throws Fault 'unsupported' for every other path
 */
export async function rotateStaticRole({ client, mount, key, op }: Target): Promise<PutResult> {
  const role = mount.engine === 'other' ? STATIC_ROLE.exec(key.slice(mount.path.length))?.[1] : undefined;
  if (role === undefined) {
    throw new Fault('unsupported', {
      message: `${key} is nothing that the server rotates itself: that is MOUNT/static-creds/ROLE of a database engine`,
      hint: 'write rotate: generate, or another rotator, for this secret',
    });
  }
  const path = `${mount.path}rotate-role/${role}`;
  await client.call({ what: `rotate ${key}`, kind: 'write', method: 'POST', path, about: key }, op).catch((error: unknown) => {
    throw withRule(error, path, '"update"');
  });
  return {};
}
