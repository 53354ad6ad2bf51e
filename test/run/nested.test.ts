import fc from 'fast-check';
import { randomBytes, randomUUID } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { Fault } from '../../src/core/fault.ts';
import type { SecretSpec } from '../../src/core/model.ts';
import { SecretValue } from '../../src/core/secret-value.ts';
import { thisProcess } from '../../src/platform/lock-holder.ts';
import { defineProvider } from '../../src/provider-kit/contract.ts';
import { noOptions } from '../../src/provider-kit/standard-schema.ts';
import type { ConfiguredProvider } from '../../src/provider-kit/session.ts';
import type { Composed } from '../../src/run/compose.ts';
import { recordedSecrets, removedCredentials, signInHint, takeOver, type OuterRun } from '../../src/run/nested.ts';
import type { Plan, PlannedReference, PlannedSecret } from '../../src/run/plan.ts';
import type { Resolved, Resolution } from '../../src/run/resolve.ts';
import { manifest, reference, spec } from '../support/model.ts';

const providerOf = (scheme: string): ConfiguredProvider['provider'] =>
  defineProvider({
    contract: 1,
    scheme,
    title: scheme,
    options: noOptions(scheme),
    needs: { network: false },
    limits: {},
    capabilities: [],
    parseRef: ({ path }) => ({ key: path }),
    identity: () => scheme,
    open: () => Promise.reject(new Error('nothing is fetched here')),
  });

/** The place of a backend is its address, as far as these tests go. */
function planned(text: string, address = 'one'): PlannedReference {
  const placed = reference(text);
  const { provider, path, field } = placed.reference;
  const config = { name: provider, use: provider, options: { address }, positionOf: () => undefined, personal: false, baseDir: '/' };
  const configured: ConfiguredProvider = { config, provider: providerOf(provider), options: { address } };
  return { placed, configured, parsed: { key: path, ...(field === undefined ? {} : { field }) } };
}

const sessions = { identity: ({ config }: ConfiguredProvider) => JSON.stringify([config.use, config.options]) };

const secret = (name: string, references: readonly PlannedReference[], more: Partial<SecretSpec> = {}): PlannedSecret => ({
  spec: spec(name, more),
  injected: true,
  references,
});

const planOf = (...secrets: readonly PlannedSecret[]): Plan => ({ manifest: manifest([]), secrets, outOfProfile: [] });
const composedOf = (more: Partial<Composed>): Composed => ({
  env: {},
  injected: [],
  files: [],
  scrubbed: [],
  overridden: [],
  kept: [],
  ...more,
});

const found = (value: string, from: PlannedReference): Resolved => ({
  state: 'resolved',
  secret: { value: SecretValue.fromText(value), from: 'provider', reference: from, version: '7', createdAt: new Date(0) },
});

/** The outer run after it gave its child these results. */
function outerOf(secrets: readonly (readonly [PlannedSecret, Resolved])[], more: Partial<OuterRun['record']> = {}): OuterRun {
  const key = randomBytes(16).toString('base64url');
  const resolution: Resolution = {
    plan: planOf(...secrets.map(([one]) => one)),
    results: new Map(secrets.map(([one, result]) => [one.spec.name, result])),
  };
  const composed = composedOf({ injected: secrets.map(([one]) => one.spec.name) });
  return {
    key,
    record: {
      id: randomUUID(),
      run: thisProcess(),
      since: '2026-03-01T10:00:00.000Z',
      command: 'npm',
      secrets: recordedSecrets({ resolution, composed }, key, sessions),
      removed: [],
      ...more,
    },
  };
}

const taken = (outer: OuterRun, env: Record<string, string>, ...secrets: readonly PlannedSecret[]): readonly string[] => [
  ...takeOver(planOf(...secrets), outer, { sessions, surroundings: { env } }).keys(),
];

describe('takeOver', () => {
  const ref = planned('vault://secret/api#key');
  const outer = outerOf([[secret('KEY', [ref]), found('canary-1', ref)]]);

  it('takes the value of the environment with what is known about it', () => {
    const result = takeOver(planOf(secret('KEY', [planned('vault://secret/api#key')])), outer, {
      sessions,
      surroundings: { env: { KEY: 'canary-1' } },
    }).get('KEY');
    if (result?.state !== 'resolved') throw new Error('it was not taken');
    expect(result.secret.value.reveal().toString()).toBe('canary-1');
    expect(result.secret).toMatchObject({ from: 'provider', version: '7', createdAt: new Date(0), outerRun: outer.record.id });
  });

  it('takes nothing that means another secret, or that was changed', () => {
    const same = secret('KEY', [ref]);
    expect(taken(outer, { KEY: 'canary-1' }, same)).toEqual(['KEY']);
    expect(taken(outer, { KEY: 'canary-2' }, same)).toEqual([]);
    expect(taken(outer, {}, same)).toEqual([]);
    expect(taken(outer, { OTHER: 'canary-1' }, secret('OTHER', [ref]))).toEqual([]);
    expect(taken({ ...outer, key: randomBytes(16).toString('base64url') }, { KEY: 'canary-1' }, same)).toEqual([]);
    for (const other of [
      planned('vault://secret/api#other'),
      planned('vault://secret/api'),
      planned('vault://secret/ap#key'),
      planned('vault://secret/api#key', 'two'),
      planned('aws://secret/api#key'),
    ]) {
      expect(taken(outer, { KEY: 'canary-1' }, secret('KEY', [other]))).toEqual([]);
    }
  });

  it('takes no proof that was made for another name', () => {
    const renamed = { ...outer.record, secrets: outer.record.secrets.map((one) => ({ ...one, name: 'OTHER' })) };
    expect(taken({ ...outer, record: renamed }, { OTHER: 'canary-1' }, secret('OTHER', [ref]))).toEqual([]);
  });

  it('takes any value, and only that one', () => {
    const text = fc.string({ unit: 'grapheme' }).filter((one) => one.isWellFormed());
    fc.assert(
      fc.property(text, text, (given, now) => {
        const one = secret('KEY', [ref]);
        expect(taken(outerOf([[one, found(given, ref)]]), { KEY: now }, one)).toEqual(given === now ? ['KEY'] : []);
      }),
    );
  });

  it('knows which reference of a list it came from', () => {
    const [a, b] = [planned('vault://a'), planned('vault://b')];
    const fromSecond = outerOf([[secret('KEY', [a, b]), found('canary-1', b)]]);
    expect(taken(fromSecond, { KEY: 'canary-1' }, secret('KEY', [a, b, planned('vault://c')]))).toEqual(['KEY']);
    expect(taken(fromSecond, { KEY: 'canary-1' }, secret('KEY', [b]))).toEqual([]);
    expect(taken(fromSecond, { KEY: 'canary-1' }, secret('KEY', [b, a]))).toEqual([]);
  });

  it('asks the environment itself again', () => {
    const env = planned('env://X');
    const one = secret('KEY', [env]);
    expect(taken(outerOf([[one, found('canary-1', env)]]), { KEY: 'canary-1' }, one)).toEqual([]);
  });

  it('takes over that there is nothing where the run can do without', () => {
    const absent: Resolved = { state: 'absent', fault: new Fault('not-found', 'no'), reference: ref };
    const empty = outerOf([[secret('KEY', [ref], { required: false }), absent]]);
    const resultOf = (more: Partial<SecretSpec>, one = ref): Resolved | undefined =>
      takeOver(planOf(secret('KEY', [one], more)), empty, { sessions, surroundings: { env: {} } }).get('KEY');
    expect(resultOf({ required: false })).toMatchObject({ state: 'absent' });
    expect(resultOf({ default: 'plain' })).toMatchObject({ state: 'resolved', secret: { from: 'default' } });
    expect(resultOf({ required: true })).toBeUndefined();
    expect(resultOf({ required: false }, planned('vault://other'))).toBeUndefined();
  });
});

describe('what is recorded', () => {
  it('holds neither a value nor anything that can be computed from it alone', () => {
    const ref = planned('vault://secret/api');
    const one = secret('KEY', [ref]);
    const [first, second] = [outerOf([[one, found('canary-1', ref)]]), outerOf([[one, found('canary-1', ref)]])];
    expect(JSON.stringify(first.record)).not.toContain('canary-1');
    expect(JSON.stringify(first.record)).not.toContain(first.key);
    expect(first.record.secrets[0]?.proof).not.toBe(second.record.secrets[0]?.proof);
  });
});

describe('credentials that the child does not get', () => {
  const reported = {
    credentials: new Set(['VAULT_TOKEN', 'SECRETS_PASSPHRASE']),
    sensitive: [],
    signedIn: new Map([['VAULT_TOKEN', 'vault']]),
  };
  const parent = { VAULT_TOKEN: 'x', SECRETS_PASSPHRASE: 'x', HOME: 'x' };

  it('are told apart by whether they may be passed on', () => {
    expect(removedCredentials(composedOf({ env: { HOME: 'x' }, scrubbed: ['VAULT_TOKEN'] }), reported, parent)).toEqual([
      { name: 'VAULT_TOKEN', adapter: 'vault', passable: true },
      { name: 'SECRETS_PASSPHRASE', passable: false },
    ]);
    expect(removedCredentials(composedOf({ env: { HOME: 'x', VAULT_TOKEN: 'x' } }), reported, { VAULT_TOKEN: 'x' })).toEqual([]);
  });

  it('are named where a sign-in is missing, and only there', () => {
    const outer = outerOf([], { removed: [{ name: 'VAULT_TOKEN', adapter: 'vault', passable: true }] });
    const missing = new Fault('unauthenticated', 'no token');
    expect(signInHint(outer, 'KEY', missing, 'vault')).toMatch(/removed VAULT_TOKEN.*--pass-env VAULT_TOKEN/);
    expect(signInHint(outer, 'KEY', missing, 'aws')).toBeUndefined();
    expect(signInHint(outer, 'KEY', new Fault('denied', 'no'), 'vault')).toBeUndefined();
    const local = outerOf([], { removed: [{ name: 'SECRETS_PASSPHRASE', adapter: 'local', passable: false }] });
    expect(signInHint(local, 'KEY', new Fault('locked', 'no key'), 'local')).toMatch(/SECRETS_PASSPHRASE.*let it inject KEY/);
  });
});
