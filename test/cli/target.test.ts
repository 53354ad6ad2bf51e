import { describe, expect, it } from 'vitest';
import { SecretsError } from '../../src/core/errors.ts';
import { allTargets, isReference, partsOf, targetOf, targetsOf } from '../../src/cli/target.ts';
import { load } from '../manifest/folder.ts';

const MANIFEST = `
version: 1
project: test
defaultProfile: dev
providers:
  prodenv: { use: env, profiles: [prod] }
secrets:
  PASSWORD: { ref: "env://PASSWORD", as: file }
  HOST: env://HOST
  URL: { template: "x://\${PASSWORD}@\${HOST}" }
  LEVEL: { value: info }
  ONLY_PROD: { ref: "env://ONLY", profiles: [prod] }
profiles:
  dev: {}
  prod: {}
`;

const manifestOf = async (): Promise<Awaited<ReturnType<typeof load>>['manifest']> => (await load(MANIFEST)).manifest;

async function problem(texts: readonly string[]): Promise<string> {
  try {
    await targetsOf(texts, await manifestOf());
  } catch (error) {
    if (error instanceof SecretsError)
      return error.issues.map(({ code, message, hint }) => `${code}: ${message} (${hint ?? ''})`).join('\n');
    throw error;
  }
  return 'none';
}

describe('targetsOf', () => {
  it('takes names and references in their order, each once', async () => {
    const targets = await targetsOf(['env://X', 'URL', 'PASSWORD', 'URL', 'LEVEL'], await manifestOf());
    expect(targets.map(({ label, name }) => [label, name])).toEqual([
      ['env://X', undefined],
      ['URL', 'URL'],
      ['PASSWORD', 'PASSWORD'],
      ['LEVEL', 'LEVEL'],
    ]);
    expect(targets.map(({ references }) => references.map(({ parsed }) => parsed.key))).toEqual([['X'], [], ['PASSWORD'], []]);
  });

  it('takes a way of delivery that only run can refuse for no obstacle', async () => {
    expect((await targetOf('PASSWORD', await manifestOf())).spec.as).toBe('file');
  });

  it('names what is meant by a name or a provider that does not exist', async () => {
    expect(await problem(['PASWORD'])).toBe('USAGE: the manifest has no secret PASWORD (did you mean PASSWORD?)');
    expect(await problem(['lokal://x'])).toBe('PROVIDER_UNKNOWN: no provider is called lokal (did you mean local?)');
    expect(await problem(['gcp://x'])).toContain('its adapter is not available in this version');
    expect(await problem(['op://vault/item'])).toContain('REF_INVALID: this is a reference of 1Password');
  });

  it('tells all wrong references at once, and never quotes them', async () => {
    const secret = 'canary0123456789';
    const said = await problem([`env://${secret}/../x`, `local://-${secret}`, `nosuch${secret}://x`]);
    expect(said.split('\n').map((line) => line.split(':')[0])).toEqual(['REF_INVALID', 'REF_INVALID', 'PROVIDER_UNKNOWN']);
    expect(said).not.toContain(secret);
  });

  it('refuses what belongs to another profile', async () => {
    expect(await problem(['ONLY_PROD'])).toContain('limited to the profiles prod, and this is dev (add --profile prod)');
    expect(await problem(['prodenv://X'])).toContain('limited to the profiles prod, and this is dev (add --profile prod)');
  });
});

describe('allTargets and partsOf', () => {
  it('leave out other profiles, and find what templates need', async () => {
    const manifest = await manifestOf();
    expect((await allTargets(manifest)).map(({ label }) => label)).toEqual(['PASSWORD', 'HOST', 'URL', 'LEVEL']);
    const some = await targetsOf(['URL', 'HOST', 'env://X'], manifest);
    expect((await partsOf(some, manifest)).map(({ label }) => label)).toEqual(['PASSWORD']);
    expect(await partsOf(await targetsOf(['LEVEL'], manifest), manifest)).toEqual([]);
  });
});

describe('isReference', () => {
  it.each([
    ['API_KEY', false],
    ['local://x', true],
    ['Local://x', true],
    ['local:x', false],
    ['//x', false],
  ])('%s: %s', (text, expected) => {
    expect(isReference(text)).toBe(expected);
  });
});
