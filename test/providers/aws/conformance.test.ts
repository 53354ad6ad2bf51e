/** The conformance suite on both adapters, against each emulator that the test bed runs. */
import { DeleteSecretCommand, CreateSecretCommand, PutSecretValueCommand, SecretsManagerClient } from '@aws-sdk/client-secrets-manager';
import { DeleteParameterCommand, PutParameterCommand, SSMClient } from '@aws-sdk/client-ssm';
import { describe, it } from 'vitest';

import { createHttpClient } from '../../../src/platform/http.ts';
import { conformance } from '../../../src/provider-kit/conformance/index.ts';
import type { ConformanceHarness } from '../../../src/provider-kit/conformance/index.ts';
import type { HttpClient, HttpRequest, HttpResponse } from '../../../src/provider-kit/http.ts';
import { emulator, isMissing, whySkipped } from './bed.ts';
import { fakeAws } from './fake-aws.ts';
import { awsHost, CREDENTIALS, manager, store } from './session.ts';

/** Between an adapter and an emulator, which checks no rights: refuses some names, and counts requests for values. */
class Front {
  readonly #denied = new Set<string>();
  #values = 0;

  deny(name: string): void {
    this.#denied.add(name);
  }

  reset(): void {
    this.#values = 0;
  }

  get values(): number {
    return this.#values;
  }

  /** Refuses as AWS does: an item of a batch of secrets, but a batch of parameters as a whole. */
  async send(client: HttpClient, request: HttpRequest): Promise<HttpResponse> {
    const action = request.headers?.['x-amz-target']?.split('.').at(-1) ?? '';
    if (/^(?:Batch)?GetSecretValue$|^GetParameter/.test(action)) this.#values += 1;
    const input = JSON.parse(Buffer.from(request.body ?? '{}').toString('utf8')) as Record<string, unknown>;
    const ids = [input['SecretIdList'] ?? input['Names'] ?? input['SecretId'] ?? []].flat() as string[];
    const denied = ids.filter((id) => this.#denied.has(id));
    if (denied.length === 0) return client.request(request);
    if (action !== 'BatchGetSecretValue') return answer(400, { __type: 'AccessDeniedException', message: 'no' });
    const body = JSON.stringify({ ...input, SecretIdList: ids.filter((id) => !denied.includes(id)) });
    const { Errors = [], ...rest } = JSON.parse((await client.request({ ...request, body })).body.toString('utf8')) as {
      Errors?: object[];
    };
    return answer(200, {
      ...rest,
      Errors: [...Errors, ...denied.map((id) => ({ SecretId: id, ErrorCode: 'AccessDeniedException', Message: 'no' }))],
    });
  }
}

const answer = (status: number, body: object): HttpResponse => ({ status, headers: {}, body: Buffer.from(JSON.stringify(body)) });

type Own = Pick<ConformanceHarness, 'reference' | 'seed' | 'remove' | 'skip'>;

function harness(url: string, front: Front, own: Own): ConformanceHarness {
  const options = { region: 'us-east-1', endpoint: url };
  return {
    ...own,
    options,
    host: () =>
      awsHost(CREDENTIALS, {
        http: (given) => {
          const client = createHttpClient(given, CREDENTIALS);
          return { request: (request) => front.send(client, request), close: () => client.close() };
        },
      }),
    seedFields: (name, fields) => own.seed(name, Buffer.from(JSON.stringify(fields))),
    deny: (name) => Promise.resolve(front.deny(name)),
    unreachable: () => ({ ...options, endpoint: 'http://127.0.0.1:1' }),
    silent: async () => {
      const asked = Promise.withResolvers<void>();
      const silent = await fakeAws(() => {
        asked.resolve();
        return undefined;
      });
      return { options: { ...options, endpoint: silent.url }, asked: asked.promise };
    },
    countRequests: () => ({ reset: () => front.reset(), values: () => front.values }),
    sensitive: Object.values(CREDENTIALS),
  };
}

const sdk = (url: string) => ({ endpoint: url, region: 'us-east-1', credentials: { accessKeyId: 'canary', secretAccessKey: 'canary' } });

function secrets(url: string, skip: ConformanceHarness['skip']): ConformanceHarness {
  const client = new SecretsManagerClient(sdk(url));
  return harness(url, new Front(), {
    reference: (name, field) => `aws://${name}${field === undefined ? '' : `#${field}`}`,
    seed: async (name, value) => {
      const created = client.send(new CreateSecretCommand({ Name: name, SecretBinary: value }));
      await created.catch(() => client.send(new PutSecretValueCommand({ SecretId: name, SecretBinary: value })));
    },
    remove: async (name) => {
      await client.send(new DeleteSecretCommand({ SecretId: name, ForceDeleteWithoutRecovery: true })).catch(() => undefined);
    },
    skip,
  });
}

function parameters(url: string): ConformanceHarness {
  const client = new SSMClient(sdk(url));
  return harness(url, new Front(), {
    reference: (name, field) => `ssm://${name}${field === undefined ? '' : `#${field}`}`,
    seed: async (name, value) => {
      const text = Buffer.from(value).toString('utf8');
      await client.send(new PutParameterCommand({ Name: name, Value: text, Type: 'SecureString', Tier: 'Advanced', Overwrite: true }));
    },
    remove: async (name) => {
      await client.send(new DeleteParameterCommand({ Name: name })).catch(() => undefined);
    },
    skip: [],
  });
}

describe.each(['moto', 'ministack'] as const)('%s', (name) => {
  describe.skipIf(isMissing(name))(`conformance${whySkipped(name)}`, () => {
    // Without the emulator the suite is only named, so that its tests show as skipped.
    const url = isMissing(name) ? 'http://127.0.0.1:1' : emulator(name).url;
    const skip =
      name === 'moto' ? [{ test: 'versions-absent', reason: 'moto answers 500 for the versions of an absent secret' } as const] : [];
    conformance(manager, { describe, it }, secrets(url, skip));
    conformance(store, { describe, it }, parameters(url));
  });
});
