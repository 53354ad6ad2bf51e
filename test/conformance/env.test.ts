import { describe, it } from 'vitest';
import { conformance } from '../../src/provider-kit/conformance/index.ts';
import env from '../../src/providers/env/index.ts';
import { testHost } from '../support/host.ts';

const variables: Record<string, string> = {};
const variable = (name: string): string => name.toUpperCase().replaceAll('-', '_');

conformance(
  env,
  { describe, it },
  {
    options: {},
    host: () => testHost({ provider: 'env', env: variables }),
    reference: (name, field) => `env://${variable(name)}${field === undefined ? '' : `#${field}`}`,
    seed: async (name, value) => {
      variables[variable(name)] = Buffer.from(value).toString('utf8');
    },
    seedFields: async (name, fields) => {
      variables[variable(name)] = JSON.stringify(fields);
    },
    remove: async (name) => {
      delete variables[variable(name)];
    },
    skip: [
      { test: 'denied', reason: 'nobody is refused their own environment' },
      { test: 'unreachable', reason: 'there is nothing to reach' },
      { test: 'no-value-read', reason: 'there are no requests to count' },
    ],
  },
);
