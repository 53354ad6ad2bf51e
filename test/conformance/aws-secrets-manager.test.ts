import { CreateSecretCommand, DeleteSecretCommand, PutSecretValueCommand, SecretsManagerClient } from '@aws-sdk/client-secrets-manager';
import { isUtf8 } from 'node:buffer';
import { beforeAll, describe, it } from 'vitest';
import { conformance } from '../../src/provider-kit/conformance/index.ts';
import manager from '../../src/providers/aws-secrets-manager/index.ts';
import { describeWith } from '../bed/use.ts';
import { accessDenied, awsBackend, awsHost, clientSettings, counterOf, operationOf } from './support/aws.ts';
import type { AwsBackend } from './support/aws.ts';
import { closedPort, silentUrl } from './support/nobody.ts';
import type { Intercept } from './support/proxy.ts';

const VALUE_OPERATIONS = new Set(['GetSecretValue', 'BatchGetSecretValue']);

/** As AWS does: a denied secret fails by itself, in a batch as an error beside the others. */
const refuse =
  (denied: ReadonlySet<string>): Intercept =>
  async (request, forward) => {
    const operation = operationOf(request);
    if (operation === 'GetSecretValue') {
      const { SecretId } = JSON.parse(request.body) as { SecretId: string };
      return denied.has(SecretId) ? accessDenied : undefined;
    }
    if (operation !== 'BatchGetSecretValue') return undefined;
    const answer = await forward();
    const body = JSON.parse(answer.body) as { SecretValues?: { Name: string }[]; Errors?: object[] };
    const refused = (body.SecretValues ?? []).filter(({ Name }) => denied.has(Name));
    const errors = refused.map(({ Name }) => ({ SecretId: Name, ErrorCode: 'AccessDeniedException', Message: 'not authorized' }));
    const kept = (body.SecretValues ?? []).filter(({ Name }) => !denied.has(Name));
    return { ...answer, body: JSON.stringify({ ...body, SecretValues: kept, Errors: [...(body.Errors ?? []), ...errors] }) };
  };

for (const emulator of ['moto', 'ministack'] as const) {
  describeWith(emulator, `aws-secrets-manager on ${emulator}`, (facts) => {
    const client = new SecretsManagerClient(clientSettings(facts));
    let backend: AwsBackend;
    let nobody = 0;
    beforeAll(async () => {
      backend = await awsBackend(facts, refuse);
      nobody = await closedPort();
    });
    const at = (endpoint: string): object => ({ region: facts.region, endpoint });

    const seed = async (name: string, bytes: Uint8Array): Promise<void> => {
      const value = isUtf8(bytes) ? { SecretString: Buffer.from(bytes).toString('utf8') } : { SecretBinary: bytes };
      try {
        await client.send(new CreateSecretCommand({ Name: name, ...value }));
      } catch (error) {
        if ((error as Error).name !== 'ResourceExistsException') throw error;
        await client.send(new PutSecretValueCommand({ SecretId: name, ...value }));
      }
    };

    conformance(
      manager,
      { describe, it },
      {
        get options() {
          return at(backend.proxy.url);
        },
        host: () => awsHost(facts, backend.proxy.url),
        reference: (name, field) => `aws://${name}${field === undefined ? '' : `#${field}`}`,
        seed,
        seedFields: (name, fields) => seed(name, Buffer.from(JSON.stringify(fields))),
        foreignPending: async (name, value) => {
          await client.send(
            new PutSecretValueCommand({ SecretId: name, SecretString: Buffer.from(value).toString('utf8'), VersionStages: ['AWSPENDING'] }),
          );
        },
        remove: async (name) => {
          await client.send(new DeleteSecretCommand({ SecretId: name, ForceDeleteWithoutRecovery: true })).catch((error: Error) => {
            if (error.name !== 'ResourceNotFoundException') throw error;
          });
        },
        deny: async (name) => void backend.denied.add(name),
        unreachable: () => at(`http://127.0.0.1:${nobody}`),
        silent: async () => {
          const { url, asked } = await silentUrl();
          return { options: at(url), asked };
        },
        countRequests: () => counterOf(backend.proxy, VALUE_OPERATIONS),
        sensitive: [facts.secretAccessKey],
        skip:
          emulator === 'moto'
            ? [
                { test: 'versions-absent', reason: 'moto answers 500 to that, where AWS says ResourceNotFoundException' },
                { test: 'pending-first', reason: 'moto answers 500 to that, where AWS says ResourceNotFoundException' },
                { test: 'pending-race', reason: 'moto looks for a token and stores it in two steps, which AWS does in one' },
              ]
            : [{ test: 'pending-race', reason: 'ministack takes a second put with the same token and other data, which AWS refuses' }],
      },
    );
  });
}
