import { DeleteParameterCommand, PutParameterCommand, SSMClient } from '@aws-sdk/client-ssm';
import { beforeAll, describe, it } from 'vitest';
import { conformance } from '../../src/provider-kit/conformance/index.ts';
import store from '../../src/providers/aws-parameter-store/index.ts';
import { describeWith } from '../bed/use.ts';
import { accessDenied, awsBackend, awsHost, clientSettings, counterOf } from './support/aws.ts';
import type { AwsBackend } from './support/aws.ts';
import { closedPort, silentUrl } from './support/nobody.ts';
import type { Intercept } from './support/proxy.ts';

const VALUE_OPERATIONS = new Set(['GetParameter', 'GetParameters', 'GetParametersByPath', 'GetParameterHistory']);
const FOLDER = '/conformance/';

/** As AWS does: a request that names one denied parameter fails as a whole. */
const refuse =
  (denied: ReadonlySet<string>): Intercept =>
  async ({ body }) => {
    const { Name, Names = [] } = JSON.parse(body === '' ? '{}' : body) as { Name?: string; Names?: string[] };
    return [Name, ...Names].some((name) => name !== undefined && denied.has(name)) ? accessDenied : undefined;
  };

for (const emulator of ['moto', 'ministack'] as const) {
  describeWith(emulator, `aws-parameter-store on ${emulator}`, (facts) => {
    const client = new SSMClient(clientSettings(facts));
    let backend: AwsBackend;
    let nobody = 0;
    beforeAll(async () => {
      backend = await awsBackend(facts, refuse);
      nobody = await closedPort();
    });
    const at = (endpoint: string): object => ({ region: facts.region, endpoint });

    const seed = async (name: string, value: string): Promise<void> => {
      await client.send(
        new PutParameterCommand({ Name: FOLDER + name, Value: value, Type: 'SecureString', Overwrite: true, Tier: 'Advanced' }),
      );
    };

    conformance(
      store,
      { describe, it },
      {
        get options() {
          return at(backend.proxy.url);
        },
        host: () => awsHost(facts, backend.proxy.url),
        reference: (name, field) => `ssm://${FOLDER}${name}${field === undefined ? '' : `#${field}`}`,
        seed: (name, value) => seed(name, Buffer.from(value).toString('utf8')),
        seedFields: (name, fields) => seed(name, JSON.stringify(fields)),
        foreignPending: (name, value) => seed(`${name}.pending`, Buffer.from(value).toString('utf8')),
        remove: async (name) => {
          for (const one of [name, `${name}.pending`]) {
            await client.send(new DeleteParameterCommand({ Name: FOLDER + one })).catch((error: Error) => {
              if (error.name !== 'ParameterNotFound') throw error;
            });
          }
        },
        deny: async (name) => void backend.denied.add(FOLDER + name),
        unreachable: () => at(`http://127.0.0.1:${nobody}`),
        silent: async () => {
          const { url, asked } = await silentUrl();
          return { options: at(url), asked };
        },
        countRequests: () => counterOf(backend.proxy, VALUE_OPERATIONS),
        sensitive: [facts.secretAccessKey],
        skip: [],
      },
    );
  });
}
