import { randomBytes } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { Fault } from '../../src/core/fault.ts';
import { parseReference } from '../../src/core/reference.ts';
import type { AnySession, ParsedRef } from '../../src/provider-kit/contract.ts';
import env from '../../src/providers/env/index.ts';
import { testHost } from '../support/host.ts';
import { testOperation } from '../support/operation.ts';
import { conformance } from '../../src/provider-kit/conformance/index.ts';

const op = testOperation();

function ref(text: string): ParsedRef {
  const parsed = parseReference(text);
  if (!parsed.ok) throw new Error(parsed.message);
  return env.parseRef(parsed.reference, {});
}

const open = (variables: Record<string, string | undefined>): Promise<AnySession> => env.open({}, testHost({ env: variables }));

describe('env', () => {
  it('gives the exact value, and tells empty from absent', async () => {
    const value = `canary-${randomBytes(8).toString('hex')} ü\n"'$\t`;
    const session = await open({ VALUE: value, EMPTY: '', UNSET: undefined });
    const outcomes = await session.resolve(
      ['VALUE', 'EMPTY', 'UNSET', 'constructor'].map((name) => ref(`env://${name}`)),
      op,
    );
    expect(outcomes.map((outcome) => (outcome.ok ? outcome.value.bytes.reveal().toString() : outcome.fault.code))).toEqual([
      value,
      '',
      'REF_NOT_FOUND',
      'REF_NOT_FOUND',
    ]);
    expect(outcomes[2]).toMatchObject({ fault: { message: 'the variable UNSET is not set' } });
  });

  it('describes presence without a field, and lists names by their beginning', async () => {
    const session = await open({ APP_B: '1', APP_A: '', OTHER: '3', SECRETS_PASSPHRASE: 'x', APP_UNSET: undefined });
    const described = await session.describe?.(
      ['APP_A', 'NONE', 'APP_B#field', 'NONE#field'].map((name) => ref(`env://${name}`)),
      op,
    );
    expect(described?.map((outcome) => outcome.ok && outcome.value.presence)).toEqual(['present', 'absent', 'unknown', 'absent']);
    expect(await session.list?.('APP_', op)).toEqual([{ key: 'APP_A' }, { key: 'APP_B' }]);
    expect((await session.list?.('', op))?.map(({ key }) => key)).not.toContain('SECRETS_PASSPHRASE');
  });

  it('signs in with nothing', async () => {
    const host = testHost({ env: { VALUE: 'x' } });
    await (await env.open({}, host)).resolve([ref('env://VALUE')], op);
    expect(host.credentials).toEqual([]);
  });

  it.each(['env://A=B', 'env://A/B', 'env://A?version=1', 'env://A#/~2', 'env://SECRETS_PASSPHRASE', 'env://secrets_identity_file'])(
    'refuses %s',
    (text) => {
      expect(() => ref(text)).toThrow(Fault);
    },
  );

  it('has no options', async () => {
    expect(await env.options['~standard'].validate({ path: 'x' })).toMatchObject({ issues: [{ message: 'env has no options' }] });
  });
});

const parent: Record<string, string> = {};
const write = async (name: string, value: Uint8Array): Promise<void> => void (parent[name] = Buffer.from(value).toString('utf8'));
conformance(
  env,
  { describe, it },
  {
    options: {},
    host: () => testHost({ env: parent }),
    reference: (name, field) => `env://${name}${field === undefined ? '' : `#${field}`}`,
    seed: write,
    seedFields: (name, fields) => write(name, Buffer.from(JSON.stringify(fields))),
    remove: async (name) => void delete parent[name],
    skip: [
      { test: 'denied', reason: 'the environment is ours' },
      { test: 'unreachable', reason: 'there is no server' },
      { test: 'no-value-read', reason: 'the values are in our own memory' },
    ],
  },
);
