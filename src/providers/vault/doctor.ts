/** Health of the server and of the sign-in, without reading a secret. */
import { Fault } from '../../core/fault.ts';
import type { Check, DoctorReport, Operation } from '../../provider-kit/contract.ts';
import { failedCheck } from '../../provider-kit/failed-check.ts';
import type { VaultClient } from './client.ts';
import { numberAt, objectAt, stringAt, stringsAt, type JsonObject } from './json.ts';
import type { Token } from './sign-in.ts';

/** Seconds above which a token that was handed to us is called long-lived. */
const LONG_LIVED_S = 7 * 24 * 3_600;
/** Seconds below which a run may outlive its token. */
const SHORT_S = 300;

export async function doctor(client: VaultClient, op: Operation): Promise<DoctorReport> {
  const server = await checkServer(client, op);
  const { address } = client;
  if (server.status === 'fail') return { address, checks: [server] };
  const { identity, checks } = await checkSignIn(client, op);
  return { address, ...(identity === undefined ? {} : { identity }), checks: [server, ...checks] };
}

/** What the status of sys/health says; 429 means something else there than anywhere. */
const HEALTH: Readonly<Record<number, Omit<Check, 'title'>>> = {
  200: { status: 'ok', message: 'active and unsealed' },
  429: { status: 'ok', message: 'a standby, which passes requests on to the active node' },
  472: { status: 'fail', message: 'a disaster recovery secondary, which serves no secrets', hint: 'set address to the primary cluster' },
  473: { status: 'ok', message: 'a performance standby' },
  501: { status: 'fail', message: 'not initialised', hint: 'an operator must run: bao operator init (or vault operator init)' },
  503: { status: 'fail', message: 'sealed', hint: 'an operator must unseal it: bao operator unseal (or vault operator unseal)' },
};

async function checkServer(client: VaultClient, op: Operation): Promise<Check> {
  try {
    const request = { what: 'check the health of the server', method: 'GET', path: 'sys/health', inNamespace: false } as const;
    const { status } = await client.callWithoutToken({ ...request, accept: Object.keys(HEALTH).map(Number) }, op);
    const health = HEALTH[status];
    if (health !== undefined) return { title: 'server', ...health };
    return { title: 'server', status: 'warn', message: `its health answers ${status}`, hint: 'check the address' };
  } catch (error) {
    return failedCheck('server', error);
  }
}

async function checkSignIn(client: VaultClient, op: Operation): Promise<DoctorReport> {
  let token: Token;
  try {
    token = await client.token(op);
  } catch (error) {
    return { checks: [failedCheck('sign-in', error)] };
  }
  try {
    const answer = await client.call({ what: 'look up the token', method: 'GET', path: 'auth/token/lookup-self' }, op);
    return report(token, objectAt(answer.json, 'data'));
  } catch (error) {
    // The token is good: the client checked that before it let the refusal through.
    if (!(error instanceof Fault) || error.kind !== 'denied') return { checks: [failedCheck('sign-in', error)] };
    const message = `signed in by ${token.from}; the token may not look itself up, so its lifetime and policies are unknown`;
    return { checks: [{ title: 'sign-in', status: 'ok', message }] };
  }
}

function report({ from, isOurs }: Token, data: JsonObject | undefined): DoctorReport {
  const identity = shown(stringAt(data, 'display_name')) ?? shown(stringAt(data, 'entity_id'));
  const policies = [...stringsAt(data, 'policies'), ...stringsAt(data, 'identity_policies')];
  const ttl = numberAt(data, 'ttl') ?? 0;
  const lifetime = ttl === 0 ? 'no end' : `${duration(ttl)} left${data?.['renewable'] === true ? ', renewable' : ''}`;
  const named = policies.flatMap((policy) => shown(policy) ?? []).join(', ');
  const checks: Check[] = [
    { title: 'sign-in', status: 'ok', message: `signed in by ${from}; token with ${lifetime}; policies: ${named || 'none'}` },
  ];
  if (policies.includes('root')) {
    checks.push({
      title: 'rights',
      status: 'warn',
      message: 'this is a root token, which may do everything',
      hint: 'sign in with a role that may only read what is needed',
    });
  } else if (!isOurs && (ttl === 0 || ttl > LONG_LIVED_S)) {
    checks.push({
      title: 'lifetime',
      status: 'warn',
      message: `the token of ${from} is long-lived`,
      hint: 'sign in by kubernetes, jwt or approle, which give short-lived tokens',
    });
  } else if (!isOurs && ttl < SHORT_S) {
    checks.push({ title: 'lifetime', status: 'warn', message: `the token of ${from} ends in ${duration(ttl)}`, hint: 'sign in again' });
  }
  return { ...(identity === undefined ? {} : { identity }), checks };
}

/** A name that the server gave, if it is safe to print. */
const shown = (name: string | undefined): string | undefined =>
  name !== undefined && /^[\w.:@/+=*-]{1,120}$/.test(name) ? name : undefined;

function duration(seconds: number): string {
  if (seconds < 120) return `${seconds} s`;
  if (seconds < 7_200) return `${Math.round(seconds / 60)} min`;
  return seconds < 172_800 ? `${Math.round(seconds / 3_600)} h` : `${Math.round(seconds / 86_400)} days`;
}
