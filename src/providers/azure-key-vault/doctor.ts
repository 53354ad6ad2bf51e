/** Health and identity of a provider, without reading a secret. */
import { Fault } from '../../core/fault.ts';
import type { Check, DoctorReport, Operation } from '../../provider-kit/contract.ts';
import { failedCheck } from '../../provider-kit/failed-check.ts';
import { sourceOf } from './entra-fault.ts';
import type { Options } from './options.ts';
import { DEFAULT_VAULT_DOMAIN } from './reference.ts';
import type { SignIn } from './sign-in-method.ts';
import { identityOf } from './token-identity.ts';
import type { TokenSource } from './token-source.ts';
import type { Vault } from './vault.ts';

/** @param vault the provider's own vault; without one only signing in can be tried */
export async function examine(options: Options, tokens: TokenSource, vault: Vault | undefined, op: Operation): Promise<DoctorReport> {
  const reached = vault === undefined ? undefined : await attempt(vault.probe(op));
  if (reached?.kind === 'unauthenticated') return { checks: [failedCheck('sign-in', reached)] };
  const listing = vault === undefined ? [] : [listingCheck(vault.name, reached)];
  const scope = `https://${options.vaultDomain ?? DEFAULT_VAULT_DOMAIN}/.default`;
  let signIn: SignIn | undefined;
  let identity: string | undefined;
  const refused = await attempt(
    op.call({ what: 'sign in to Azure' }, async (signal) => {
      signIn = await tokens.signIn(signal);
      identity = identityOf(tokens.latest() ?? (await tokens.get({ scope }, signal)));
    }),
  );
  if (refused !== undefined || signIn === undefined)
    return { checks: [...(refused === undefined ? [] : [failedCheck('sign-in', refused)]), ...listing] };
  const message = `signed in with ${sourceOf(signIn)}${identity === undefined ? '' : ` as ${identity}`}`;
  return {
    ...(identity === undefined ? {} : { identity }),
    checks: [{ title: 'sign-in', status: 'ok', message }, ...longLived(signIn), ...listing],
  };
}

/** The fault of some work, undefined when it went well. */
async function attempt(work: Promise<void>): Promise<Fault | undefined> {
  try {
    await work;
    return undefined;
  } catch (error) {
    if (error instanceof Fault) return error;
    throw error;
  }
}

function listingCheck(vault: string, fault: Fault | undefined): Check {
  if (fault === undefined) return { title: 'vault', status: 'ok', message: `${vault} answers, and its secrets may be listed` };
  if (fault.kind !== 'denied') return failedCheck('vault', fault);
  return {
    ...failedCheck('vault', fault),
    status: 'warn',
    message: `${vault} answers, but its secrets may not be listed: list, check and describe need that (${fault.message})`,
  };
}

const longLived = (signIn: SignIn): readonly Check[] =>
  signIn.method === 'client-secret'
    ? [
        {
          title: 'credential',
          status: 'warn',
          message: 'a client secret is long-lived and works from anywhere',
          hint: 'use workload identity or a managed identity where it runs, and az login for people',
        },
      ]
    : [];
