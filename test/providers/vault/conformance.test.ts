/** The conformance suite on both versions of KV, against OpenBao. */
import { beforeAll, describe, it } from 'vitest';
import { createHttpClient } from '../../../src/platform/http.ts';
import { conformance } from '../../../src/provider-kit/conformance/index.ts';
import type { ConformanceCase, ConformanceHarness } from '../../../src/provider-kit/conformance/index.ts';
import provider from '../../../src/providers/vault/index.ts';
import type { OpenBaoFacts } from '../../bed/facts.ts';
import { describeWith } from '../../bed/use.ts';
import { startServer } from '../../platform/http-server.ts';
import { testHost } from '../../support/host.ts';
import { baoAt, rule, unique } from './bao.ts';
import { afterwards } from './fake.ts';

const KV1_SKIPPED: readonly ConformanceCase[] = ['version-pin', 'two-versions', 'versions', 'versions-absent', 'stale-write'];

describeWith('openbao', 'on OpenBao', (facts) => {
  describe('KV version 2', () => {
    conformance(provider, { describe, it }, harness(facts, 2));
  });
  describe('KV version 1', () => {
    conformance(provider, { describe, it }, harness(facts, 1));
  });
});

function harness(facts: OpenBaoFacts, version: 1 | 2): ConformanceHarness {
  const bao = baoAt(facts);
  const mount = `conformance-${unique()}`;
  const data = (name: string): string => (version === 2 ? `${mount}/data/${name}` : `${mount}/${name}`);
  const everything = rule(`${mount}/*`, 'create', 'read', 'update', 'patch', 'delete', 'list');
  const policy = `conformance-${unique()}`;
  const denied: string[] = [];
  let token = '';
  let values = 0;

  beforeAll(async () => {
    await bao.mountKv(version, mount);
    await bao.must('POST', `sys/policies/acl/${policy}`, { policy: everything });
    token = (await bao.must('POST', 'auth/token/create', { policies: [policy] })).body.auth?.client_token ?? '';
  });

  const seedFields = async (name: string, fields: Readonly<Record<string, string>>): Promise<void> =>
    void (await bao.must('POST', data(name), version === 2 ? { data: fields } : fields));

  return {
    options: { address: facts.url },
    host: () => {
      const env = { VAULT_TOKEN: token };
      return testHost({
        provider: 'vault',
        env,
        http: (options) => {
          const client = createHttpClient(options, env);
          return {
            close: () => client.close(),
            request: (request) => {
              const isList = request.path.includes('list=true');
              if (request.path.startsWith(version === 2 ? `/v1/${mount}/data/` : `/v1/${mount}/`) && !isList) values += 1;
              return client.request(request);
            },
          };
        },
      });
    },
    reference: (name, field = 'value') => `vault://${mount}/${name}#${field}`,
    seed: (name, value) => seedFields(name, { value: Buffer.from(value).toString('utf8') }),
    seedFields,
    remove: async (name) => void (await bao.api('DELETE', version === 2 ? `${mount}/metadata/${name}` : `${mount}/${name}`)),
    deny: async (name) => {
      denied.push(rule(data(name), 'deny'));
      await bao.must('POST', `sys/policies/acl/${policy}`, { policy: everything + denied.join('') });
    },
    unreachable: () => ({ address: 'http://127.0.0.1:1' }),
    silent: async () => {
      const asked = Promise.withResolvers<void>();
      const server = await startServer(() => asked.resolve());
      afterwards(() => server.close());
      return { options: { address: server.url }, asked: asked.promise };
    },
    countRequests: () => ({ reset: () => void (values = 0), values: () => values }),
    sensitive: [facts.token],
    skip: version === 2 ? [] : KV1_SKIPPED.map((test) => ({ test, reason: 'KV version 1 keeps no versions' })),
  };
}
