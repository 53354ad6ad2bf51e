/** Response-wrapped secret ids of an AppRole: a token that gives the secret id out once, so that a theft is noticed. */
import { Fault } from '../../core/fault.ts';
import { SecretValue } from '../../core/secret-value.ts';
import type { Host, Operation } from '../../provider-kit/contract.ts';
import { objectAt, stringAt } from './json.ts';
import type { Transport } from './transport.ts';

/**
 * Exchanges a wrapping token for the secret id in it. Asks first where the token comes from: one of another role or
 * endpoint was put in its place.
 * @param mount of the AppRole
 * @throws Fault 'unauthenticated' for a token that is used, expired, or no wrapped secret id of this mount
 */
export async function unwrapSecretId(
  token: SecretValue,
  mount: string,
  transport: Transport,
  host: Host,
  op: Operation,
): Promise<SecretValue> {
  const body = JSON.stringify({ token: token.reveal().toString('latin1') });
  const looked = await op
    .call({ what: 'look up the wrapped secret id' }, (signal) =>
      transport.send({ method: 'POST', path: 'sys/wrapping/lookup', body, about: 'sys/wrapping/lookup' }, undefined, signal),
    )
    .catch((error: unknown) => {
      throw asTheft(error, host);
    });
  const path = stringAt(objectAt(looked.json, 'data'), 'creation_path') ?? '';
  if (!isSecretIdOf(path, mount)) {
    throw new Fault('unauthenticated', {
      message: `the wrapped secret id for ${host.provider} was not made by auth/${mount}: somebody may have put another token in its place`,
      hint: `tell whoever made it, and ask for a new one: secrets bootstrap ${host.provider}`,
    });
  }
  const unwrap = { method: 'POST', path: 'sys/wrapping/unwrap', body: '{}', about: 'sys/wrapping/unwrap' } as const;
  // Sent once: the first time is the only one that can succeed.
  const answer = await op
    .call({ what: 'unwrap the secret id', kind: 'write' }, (signal) => transport.send(unwrap, token, signal))
    .catch((error: unknown) => {
      throw asTheft(error, host);
    });
  const secretId = stringAt(objectAt(answer.json, 'data'), 'secret_id');
  if (secretId === undefined || secretId === '')
    throw new Fault('protocol', `${host.provider} unwrapped something that holds no secret id`);
  const value = SecretValue.fromText(secretId);
  host.sensitive(value);
  return value;
}

const isSecretIdOf = (path: string, mount: string): boolean =>
  path.startsWith(`auth/${mount}/role/`) && /^[^/]+\/(?:secret-id|custom-secret-id)$/.test(path.slice(`auth/${mount}/role/`.length));

/** The server says the same of a token that was used, has expired, or never was. */
function asTheft(error: unknown, { provider }: Host): unknown {
  if (!(error instanceof Fault)) return error;
  const { status } = error.detail;
  if (status !== 400 && status !== 403 && status !== 404) return error;
  return new Fault('unauthenticated', {
    message: `the wrapped secret id for ${provider} is no longer valid: it has expired, or it was used already`,
    hint: `if nobody here has used it, treat it as stolen and tell whoever made it; ask for a new one: secrets bootstrap ${provider}`,
    status,
  });
}
