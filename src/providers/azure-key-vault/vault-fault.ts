/** What an answer of a vault means. Its texts are never shown: they may quote what was sent. */
import { Fault, type FaultDetail } from '../../core/fault.ts';
import type { Answer } from './exchange.ts';

/** What a message may say about the call. */
export interface Target {
  /** The vault's host name. */
  readonly host: string;
  /** The vault's short name, as `az` takes it; its host where that is no vault of the cloud. */
  readonly vault: string;
  /** The secret's name, where the call concerns one. */
  readonly name?: string | undefined;
  /** The version, where the call asks for one. */
  readonly version?: string | undefined;
}

const PERMISSIONS: Readonly<Record<string, (target: Target) => FaultDetail>> = {
  SecretDisabled: ({ vault, name = 'NAME' }) => ({
    message: `${name} is disabled in ${vault}`,
    hint: `az keyvault secret set-attributes --vault-name ${vault} --name ${name} --enabled true`,
  }),
  ForbiddenByFirewall: ({ vault }) => ({
    message: `the firewall of ${vault} does not let this machine in`,
    hint: `az keyvault network-rule add --name ${vault} --ip-address ADDRESS`,
  }),
  ForbiddenByConnection: ({ vault }) => ({
    message: `${vault} can only be reached through its private endpoint`,
    hint: 'run it from a network that has the private endpoint',
  }),
  ForbiddenByRbac: ({ vault }) => ({
    message: `no role gives this identity that right in ${vault}`,
    hint: 'az role assignment create --role "Key Vault Secrets User" --assignee CLIENT_ID --scope VAULT_ID; writing needs "Key Vault Secrets Officer"',
  }),
  AccessDenied: ({ vault }) => ({
    message: `the access policy of ${vault} does not give this identity that right`,
    hint: `az keyvault set-policy --name ${vault} --spn CLIENT_ID --secret-permissions get list; writing needs set and delete`,
  }),
};

const TOKENS: Readonly<Record<string, string>> = {
  AKV10032: 'set tenantId to the tenant of the vault',
  AKV10022: 'set vaultDomain to the domain of your cloud',
};

/** The fault for an answer that is no success. */
export function vaultFault(target: Target, answer: Answer): Fault {
  const { vault, name } = target;
  const subject = name === undefined ? vault : `${name} in ${vault}`;
  const codes = {
    status: answer.status,
    ...((answer.inner ?? answer.code) === undefined ? {} : { backendCode: answer.inner ?? answer.code ?? '' }),
    ...(answer.requestId === undefined ? {} : { requestId: answer.requestId }),
    ...(answer.retryAfterMs === undefined ? {} : { retryAfterMs: answer.retryAfterMs }),
  };
  const { status } = answer;
  if (status === 401) {
    return new Fault('unauthenticated', {
      ...codes,
      ...(answer.number === undefined ? {} : { backendCode: answer.number }),
      message: `${vault} does not accept the token that signing in gave${answer.number === undefined ? '' : ` (${answer.number})`}`,
      hint: TOKENS[answer.number ?? ''] ?? 'check the clock of this machine, then secrets doctor',
    });
  }
  if (status === 403) {
    const known = PERMISSIONS[answer.inner ?? ''];
    const detail = known?.(target) ?? {
      message: `${vault} refused access${name === undefined ? '' : ` to ${name}`}`,
      hint: 'secrets doctor',
    };
    return new Fault('denied', { ...codes, ...detail });
  }
  if (status === 404 && answer.code === 'SecretNotFound') return absent(target, codes);
  if (status === 404) {
    return new Fault('protocol', {
      ...codes,
      message: `what answers at ${target.host} is not a vault`,
      hint: 'check vaultUrl and vaultDomain',
    });
  }
  if (status === 409 && answer.inner === 'ObjectIsDeletedButRecoverable') {
    return new Fault('conflict', {
      ...codes,
      message: `${subject} was deleted and still holds its name`,
      hint: `az keyvault secret recover --vault-name ${vault} --name ${name ?? 'NAME'}, or purge in place of recover to end it for good`,
    });
  }
  if (status === 409) {
    return new Fault('conflict', {
      ...codes,
      message: `${subject} is being changed or deleted right now`,
      hint: 'wait a few seconds, then run it again',
    });
  }
  if (status === 429) return new Fault('throttled', { ...codes, message: `${vault} asks for fewer requests` });
  if (status === 408 || status >= 500)
    return new Fault('unavailable', { ...codes, message: `${vault} answered ${status} for ${name ?? 'a list'}` });
  if (status >= 300 && status < 400) {
    return new Fault('protocol', { ...codes, message: `${target.host} redirects, which is not followed`, hint: 'check vaultUrl' });
  }
  return new Fault('protocol', {
    ...codes,
    message: `${vault} refused the request as malformed (${status})`,
    hint: 'check the name, and serviceVersion for an older service',
  });
}

/** There is no such secret, or no such version of it. */
export const absent = ({ vault, name = '', version }: Target, codes: Partial<FaultDetail> = {}): Fault =>
  new Fault('not-found', {
    ...codes,
    ...(version === undefined
      ? {
          message: `${vault} has no secret ${name}`.trimEnd(),
          hint: `secrets set NAME; az keyvault secret list-deleted --vault-name ${vault} shows what was deleted`,
        }
      : { message: `${vault} has no version ${version} of ${name}`, hint: 'secrets history NAME lists the versions' }),
  });

/** A success whose content makes no sense. */
export const malformed = ({ vault }: Target): Fault =>
  new Fault('protocol', { message: `${vault} answered something that is not a secret of Key Vault`, hint: 'check vaultUrl' });

/** The vault asked for a token that is not for it. */
export const wrongChallenge = ({ host }: Target): Fault =>
  new Fault('protocol', {
    message: `${host} asks for a token of another service, so it gets none`,
    hint: 'check vaultUrl and vaultDomain; only a test server needs disableChallengeResourceVerification',
  });
