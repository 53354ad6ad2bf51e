/** Why signing in failed, from the numbers of Entra ID. Its texts are never shown: they quote what was sent. */
import { Fault, type FaultKind } from '../../core/fault.ts';
import type { Answer } from './exchange.ts';
import type { SignIn } from './sign-in-method.ts';

interface Known {
  readonly message: string;
  readonly hint: string;
  readonly kind?: FaultKind;
}

const federated = 'az ad app federated-credential list --id CLIENT_ID shows what is accepted';

/** By AADSTS number. */
const KNOWN: Readonly<Record<string, Known>> = {
  AADSTS7000215: {
    message: 'Entra ID refused the client secret',
    hint: 'check AZURE_CLIENT_SECRET: it is the value of the secret, not its id',
  },
  AADSTS7000222: { message: 'the client secret has expired', hint: 'az ad app credential reset --id CLIENT_ID' },
  AADSTS7000216: { message: 'Entra ID got no client secret or assertion', hint: 'check AZURE_CLIENT_SECRET' },
  AADSTS700016: { message: 'the tenant has no such application', hint: 'check AZURE_CLIENT_ID and AZURE_TENANT_ID' },
  AADSTS700038: { message: 'the client id is not one', hint: 'check AZURE_CLIENT_ID' },
  AADSTS7000112: { message: 'the application is disabled', hint: 'ask an administrator of the tenant to enable it' },
  AADSTS7000229: { message: 'the application has no service principal in the tenant', hint: 'az ad sp create --id CLIENT_ID' },
  AADSTS90002: { message: 'there is no such tenant', hint: 'check AZURE_TENANT_ID, and authorityHost for another cloud' },
  AADSTS900023: { message: 'the tenant id is neither an id nor a domain', hint: 'check AZURE_TENANT_ID' },
  AADSTS900382: { message: 'the tenant is in another cloud', hint: 'set authorityHost and vaultDomain for that cloud' },
  AADSTS500011: { message: 'the tenant does not know Key Vault', hint: 'check AZURE_TENANT_ID: it must be the tenant of the vault' },
  AADSTS700027: {
    message: 'Entra ID could not check the signature of the certificate or token',
    hint: 'check that this certificate or issuer is registered for the app',
  },
  AADSTS700030: { message: 'Entra ID does not accept the certificate', hint: 'az ad app credential list --id CLIENT_ID --cert' },
  AADSTS700211: { message: 'the app trusts no federated token of this issuer', hint: federated },
  AADSTS700212: { message: 'the app trusts no federated token for this audience', hint: 'the audience must be api://AzureADTokenExchange' },
  AADSTS700213: { message: 'the app trusts no federated token of this subject', hint: federated },
  AADSTS7002138: { message: 'the subject of the federated token differs in upper or lower case', hint: federated },
  AADSTS70021: { message: 'the app trusts no such federated token', hint: federated },
  AADSTS700024: {
    message: 'the federated token is not valid now',
    hint: 'check the clock of this machine, and that the token file is renewed',
  },
  AADSTS50027: { message: 'the federated token is not a token', hint: 'check AZURE_FEDERATED_TOKEN_FILE' },
  AADSTS50166: {
    message: 'Entra ID could not fetch the keys of the federated issuer',
    hint: 'check that the issuer can be reached from the internet',
  },
  AADSTS53003: { message: 'a conditional access policy blocks signing in', hint: 'ask an administrator of the tenant', kind: 'denied' },
  AADSTS65001: { message: 'nobody has consented to this application', hint: 'ask an administrator of the tenant', kind: 'denied' },
  AADSTS50196: { message: 'Entra ID asks for fewer requests', hint: 'wait, then run it again', kind: 'throttled' },
  AADSTS90055: { message: 'Entra ID asks for fewer requests', hint: 'wait, then run it again', kind: 'throttled' },
  AADSTS90033: { message: 'Entra ID has a passing problem', hint: 'run it again', kind: 'unavailable' },
};
/** Sign-ins of a person that have ended or need one more step. */
const LOG_IN_AGAIN = new Set(
  ['50076', '50079', '50078', '50173', '50058', '70008', '70043', '700082', '700084', '50132', '50133'].map((n) => `AADSTS${n}`),
);

const SOURCE: Readonly<Record<SignIn['method'], string>> = {
  'client-secret': 'a client secret',
  'client-certificate': 'a client certificate',
  'workload-identity': 'a federated token',
  'managed-identity': 'the managed identity',
  cli: 'the Azure CLI',
};

/** How the sign-in is called in messages. */
export const sourceOf = (signIn: SignIn): string => SOURCE[signIn.method];

/** The fault for an answer of Entra ID or of a managed identity's endpoint. */
export function entraFault(signIn: SignIn, answer: Answer | undefined, thrown?: unknown): Fault {
  if (signIn.method === 'cli') return cliFault(thrown);
  const codes = {
    ...(answer === undefined ? {} : { status: answer.status }),
    ...(answer?.requestId === undefined ? {} : { requestId: answer.requestId }),
    ...(answer?.retryAfterMs === undefined ? {} : { retryAfterMs: answer.retryAfterMs }),
    ...((answer?.number ?? answer?.code) === undefined ? {} : { backendCode: answer?.number ?? answer?.code ?? '' }),
  };
  const source = sourceOf(signIn);
  const known = answer?.number === undefined ? undefined : KNOWN[answer.number];
  if (known !== undefined) {
    return new Fault(known.kind ?? 'unauthenticated', {
      ...codes,
      message: `${known.message} (${answer?.number ?? ''})`,
      hint: known.hint,
    });
  }
  if (answer?.status === 429) return new Fault('throttled', { ...codes, message: 'Entra ID asks for fewer requests' });
  if (answer !== undefined && answer.status >= 500) {
    return new Fault('unavailable', { ...codes, message: `Entra ID answered ${answer.status} when signing in with ${source}` });
  }
  if (answer !== undefined && answer.status >= 400) {
    const number = answer.number === undefined ? '' : ` (${answer.number})`;
    return new Fault('unauthenticated', {
      ...codes,
      message: `signing in with ${source} was refused with ${answer.status}${number}`,
      hint:
        signIn.method === 'managed-identity'
          ? 'check that an identity is assigned to this machine or app, and its clientId'
          : 'secrets doctor',
    });
  }
  if (answer === undefined) {
    return new Fault('unauthenticated', {
      message: `${source} could not be used`,
      hint:
        signIn.method === 'client-certificate'
          ? 'the file must hold the certificate and its private key as PEM'
          : signIn.method === 'workload-identity'
            ? 'check that the token file is there and can be read'
            : 'secrets doctor',
    });
  }
  return new Fault('protocol', {
    ...codes,
    message: 'the answer to signing in cannot be understood',
    hint: 'check authorityHost; a test server needs disableInstanceDiscovery',
  });
}

/** The vault belongs to a tenant that may not get a token of ours. `tenant` is the vault's, if it is safe to print. */
export const otherTenant = (tenant: string | undefined): Fault =>
  new Fault('unauthenticated', {
    message: `the vault belongs to ${tenant === undefined ? 'another tenant' : `tenant ${tenant}`}, not to the one signed in to`,
    hint: 'set tenantId to the tenant of the vault, or name it in additionallyAllowedTenants',
  });

/** The Azure CLI says what is wrong in words only; they choose one of ours and go nowhere. */
function cliFault(thrown: unknown): Fault {
  const said = thrown instanceof Error ? thrown.message : '';
  const number = /\bAADSTS\d{4,9}\b/.exec(said)?.[0];
  const code = number === undefined ? {} : { backendCode: number };
  if (/could not be found/.test(said)) {
    return new Fault('unauthenticated', {
      message: 'the Azure CLI cannot be started',
      hint: 'install the Azure CLI, then az login',
      code: 'DEPENDENCY_MISSING',
    });
  }
  if (/az login/.test(said) || (number !== undefined && LOG_IN_AGAIN.has(number))) {
    return new Fault('unauthenticated', { ...code, message: 'the Azure CLI is not signed in', hint: 'az login' });
  }
  const known = number === undefined ? undefined : KNOWN[number];
  if (known !== undefined) {
    return new Fault(known.kind ?? 'unauthenticated', { ...code, message: `${known.message} (${number ?? ''})`, hint: known.hint });
  }
  return new Fault('unauthenticated', {
    ...code,
    message: `the Azure CLI gave no token${number === undefined ? '' : ` (${number})`}`,
    hint: 'az account get-access-token --resource https://vault.azure.net --output none',
  });
}
