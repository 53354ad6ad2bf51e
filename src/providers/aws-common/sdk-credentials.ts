/**
 * The SDK's credential providers, in one module that is imported only when the environment holds no access key.
 *
 * The chain reads process.env itself (web identity, containers, `AWS_CONFIG_FILE` of nested profiles); a host's `env` is
 * the process's own in practice, and the files of the profile are taken from it.
 */
import { fromNodeProviderChain, fromTemporaryCredentials } from '@aws-sdk/credential-providers';

import type { CredentialSource } from './sign-in.ts';
import type { Transport } from './transport.ts';

interface SdkSettings {
  readonly transport: Transport;
  /** Answers a request for the code of an MFA device. */
  readonly mfaCode: (serial: string) => Promise<string>;
}

/** Says nothing. The chain would print its advice on stderr with the SDK's own silent logger. */
const silent = { debug: () => undefined, info: () => undefined, warn: () => undefined, error: () => undefined, trace: () => undefined };

// Retries belong to the caller.
const clientSettings = ({ transport }: SdkSettings) => ({ requestHandler: transport, maxAttempts: 1 });

interface ChainOptions {
  readonly profile: string | undefined;
  readonly configFile: string | undefined;
  readonly credentialsFile: string | undefined;
}

/** The default chain: shared config files, SSO, web identity, processes, containers, instance metadata. */
export function chain({ profile, configFile, credentialsFile }: ChainOptions, settings: SdkSettings): CredentialSource {
  return fromNodeProviderChain({
    ...(profile === undefined ? {} : { profile }),
    ...(configFile === undefined ? {} : { configFilepath: configFile }),
    ...(credentialsFile === undefined ? {} : { filepath: credentialsFile }),
    clientConfig: clientSettings(settings),
    mfaCodeProvider: settings.mfaCode,
    logger: silent,
  });
}

interface RoleOptions {
  readonly roleArn: string;
  readonly externalId: string | undefined;
  readonly sessionName: string;
  readonly endpoint: string | undefined;
  /** The credentials that may assume it. */
  readonly base: CredentialSource;
}

/** A role that is assumed by way of STS. */
export function role({ roleArn, externalId, sessionName, endpoint, base }: RoleOptions, settings: SdkSettings): CredentialSource {
  return fromTemporaryCredentials({
    masterCredentials: base,
    params: { RoleArn: roleArn, RoleSessionName: sessionName, ...(externalId === undefined ? {} : { ExternalId: externalId }) },
    clientConfig: { ...clientSettings(settings), ...(endpoint === undefined ? {} : { endpoint }) },
    logger: silent,
  });
}
