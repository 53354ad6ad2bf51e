/**
 * Stand-ins for Entra ID, the managed identity endpoints and one Key Vault, written from the public REST documentation:
 * they are as right as that reading. State is in memory. Controls, on the identity port:
 *
 *   POST /_bed/deny         {name}                         nobody may use this one secret any more
 *   POST /_bed/faults       {target: "vault"|"entra"|"identity", count, status?, retryAfter?, delayMs?}
 *   POST /_bed/federated    {issuer, subject, audience?}   adds a federated credential to the application
 *   POST /_bed/permissions  {secrets: ["get", …]}          what any caller may do; all of it at first
 *   POST /_bed/tokens       {lifetime?: seconds, audience?} of the tokens issued from now on (negative: expired)
 *   POST /_bed/advance      {seconds}                      moves the clock that token checks use
 *   POST /_bed/reset        back to the start
 *   GET  /_bed/requests     what was asked since the reset
 *
 * All but `deny` and `federated` change the service for everybody: a test that uses them starts a bed of its own.
 */
import { randomUUID } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { createServer } from 'node:http';
import type { RequestListener } from 'node:http';
import { createServer as createTlsServer } from 'node:https';
import { setTimeout as sleep } from 'node:timers/promises';
import { jsonOf, listener } from '../http.ts';
import type { Reply, Request } from '../http.ts';
import { entra, entraFault } from './entra.ts';
import { identity } from './identity.ts';
import { ALL_PERMISSIONS, reset, settings, state, vaultError } from './state.ts';
import type { Federated, InjectedFault, Target } from './state.ts';
import { vault } from './vault.ts';

interface ControlBody {
  readonly name: string;
  readonly secrets: readonly string[];
  readonly lifetime: number;
  readonly audience: string;
  readonly seconds: number;
}

function control(request: Request): Reply {
  const body = jsonOf<ControlBody>(request);
  const done: Reply = { status: 200, body: {} };
  switch (request.url.pathname) {
    case '/health':
      return done;
    case '/_bed/deny':
      state.denied.add(String(body.name).toLowerCase());
      return done;
    case '/_bed/reset':
      reset();
      return done;
    case '/_bed/faults':
      state.faults.push(jsonOf<InjectedFault>(request) as InjectedFault);
      return done;
    case '/_bed/federated':
      state.federated.push(jsonOf<Federated>(request) as Federated);
      return done;
    case '/_bed/permissions':
      state.permissions = body.secrets ?? ALL_PERMISSIONS;
      return done;
    case '/_bed/tokens':
      state.lifetime = body.lifetime ?? 3_599;
      state.audience = body.audience;
      return done;
    case '/_bed/advance':
      state.skew += body.seconds ?? 0;
      return done;
    case '/_bed/requests':
      return { status: 200, body: state.requests };
    default:
      return { status: 404, body: {} };
  }
}

function faultReply(target: Target, status: number, fault: InjectedFault): Reply {
  const code = status === 429 ? 'Throttled' : 'InternalServerError';
  const reply = target === 'entra' ? entraFault(status) : vaultError(status, code, 'Injected fault.');
  return { ...reply, ...(fault.retryAfter === undefined ? {} : { headers: { 'retry-after': String(fault.retryAfter) } }) };
}

function handler(target: Target, serve: (request: Request) => Reply | Promise<Reply>): RequestListener {
  return listener(async (request) => {
    const path = request.url.pathname;
    if (target === 'identity' && (path === '/health' || path.startsWith('/_bed/'))) return control(request);
    const fault = state.faults.find((one) => one.target === target && one.count > 0);
    if (fault !== undefined) fault.count--;
    if (fault?.delayMs !== undefined) await sleep(fault.delayMs);
    const reply = fault?.status === undefined ? await serve(request) : faultReply(target, fault.status, fault);
    state.requests.push({ target, method: request.method, path: path + request.url.search, status: reply.status });
    return { ...reply, headers: { 'x-ms-request-id': randomUUID(), ...reply.headers } };
  });
}

const tls = { cert: readFileSync(settings.certFile), key: readFileSync(settings.keyFile) };
createTlsServer(tls, handler('entra', entra)).listen(settings.entraPort, '127.0.0.1');
createTlsServer(tls, handler('vault', vault)).listen(settings.vaultPort, '127.0.0.1');
createServer(handler('identity', identity)).listen(settings.identityPort, '127.0.0.1');
