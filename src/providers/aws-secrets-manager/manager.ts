/** Requests about one secret, as every part of the adapter sends them. */
import type { SecretsManagerClient } from '@aws-sdk/client-secrets-manager';

import { SecretValue } from '../../core/secret-value.ts';
import type { Document, DocumentKey, Operation } from '../../provider-kit/contract.ts';
import type { AwsConnection, RegionalCall } from '../aws-common/connection.ts';
import { stateFault } from './faults.ts';
import { regionOfKey } from './reference.ts';

export type Manager = AwsConnection<SecretsManagerClient>;

/** A verb as messages say it, and the action that IAM knows. */
interface Verb {
  readonly verb: string;
  readonly action: string;
  readonly kind?: 'read' | 'write';
}

/** Describes a request about one secret. */
export function callFor(key: string, { verb, action, kind = 'read' }: Verb, pinned = ''): RegionalCall {
  const subject = `secret ${key}${pinned}`;
  return { what: `${verb} ${key}${pinned}`, subject, permission: `secretsmanager:${action}`, kind, region: regionOfKey(key) };
}

/** How a pinned version or stage is called in a message. */
export function pinOf({ version, stage }: DocumentKey): string {
  if (version !== undefined) return ` in version ${version}`;
  return stage === undefined ? '' : ` at stage ${stage}`;
}

/** Sends a request about one secret. Throws Fault. */
export async function sendFor<T>(
  manager: Manager,
  op: Operation,
  key: string,
  call: RegionalCall,
  run: (client: SecretsManagerClient, signal: AbortSignal) => Promise<T>,
): Promise<T> {
  return manager.send(op, call, async (client, signal) => {
    try {
      return await run(client, signal);
    } catch (error) {
      throw stateFault(error, key, call) ?? error;
    }
  });
}

interface ValueAnswer {
  readonly VersionId?: string | undefined;
  readonly SecretString?: string | undefined;
  readonly SecretBinary?: Uint8Array | undefined;
  readonly CreatedDate?: Date | undefined;
}

/** The document in an answer that carries a value; undefined if it carries none. */
export function documentOf(answer: ValueAnswer, requestId: string | undefined): Document | undefined {
  const { SecretString: text, SecretBinary: binary, VersionId: version, CreatedDate: createdAt } = answer;
  if (text === undefined && binary === undefined) return undefined;
  return {
    bytes: text === undefined ? SecretValue.fromBytes(binary ?? new Uint8Array()) : SecretValue.fromText(text),
    ...(version === undefined ? {} : { version }),
    ...(createdAt === undefined ? {} : { createdAt }),
    ...(requestId === undefined ? {} : { requestId }),
  };
}
