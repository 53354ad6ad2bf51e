/** The operator's side of a wrapped secret id: makes one for a machine that has no credential yet. */
import { Fault } from '../../core/fault.ts';
import { SecretValue } from '../../core/secret-value.ts';
import type { Host, Operation } from '../../provider-kit/contract.ts';
import { VaultClient } from './client.ts';
import { objectAt, stringAt } from './json.ts';
import type { VaultOptions } from './options.ts';
import { settingsOf } from './settings.ts';

export interface WrapRequest {
  readonly role: string;
  /** Mount of the AppRole. */
  readonly mount: string;
  /** How long it can be exchanged, in milliseconds. */
  readonly lifetimeMs: number;
}

export interface Wrapped {
  readonly token: SecretValue;
  /** Names the token without being one: what revokes it. */
  readonly accessor: string | undefined;
  /** Public part of the sign-in, where the operator may read it. */
  readonly roleId: string | undefined;
}

/**
 * Makes a secret id for a role, which only the machine that exchanges the answer sees.
 * @throws Fault 'denied', 'not-found' where there is no such role, and as signing in does
 */
export async function wrapSecretId(options: VaultOptions, host: Host, request: WrapRequest, op: Operation): Promise<Wrapped> {
  const { role, mount, lifetimeMs } = request;
  const path = `auth/${mount}/role/${role}`;
  const client = new VaultClient(settingsOf(options, host), host);
  try {
    // Tells a role that is not there, before a secret id is made.
    const roleId = await client
      .call({ what: `read ${path}/role-id`, method: 'GET', path: `${path}/role-id` }, op)
      .catch((error: unknown) => {
        if (error instanceof Fault && error.kind === 'denied') return undefined;
        throw error;
      });
    const answer = await client.call(
      { what: `make a secret id at ${path}`, kind: 'write', method: 'POST', path: `${path}/secret-id`, body: '{}', wrapMs: lifetimeMs },
      op,
    );
    const info = objectAt(answer.json, 'wrap_info');
    const token = stringAt(info, 'token');
    if (token === undefined || token === '') {
      throw new Fault('protocol', { message: `${host.provider} did not wrap the secret id of ${path}`, hint: 'secrets doctor' });
    }
    return {
      token: SecretValue.fromText(token),
      accessor: stringAt(info, 'accessor'),
      roleId: stringAt(objectAt(roleId?.json, 'data'), 'role_id'),
    };
  } finally {
    await client.close();
  }
}
