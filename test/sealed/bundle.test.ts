import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { SecretValue } from '../../src/core/secret-value.ts';
import { bundleText, parseBundle, type Bundle } from '../../src/sealed/bundle.ts';

const BUNDLE: Bundle = {
  id: '0123456789abcdef0123456789abcdef',
  protected: false,
  createdAt: new Date('2026-01-02T03:04:05.678Z'),
  expiresAt: new Date('2026-01-02T07:04:05.678Z'),
  mask: { mode: 'auto', minLength: 6, requirePty: false },
  secrets: [{ name: 'A', as: 'env', sensitive: true, yields: false, value: SecretValue.fromText('canary-1f') }],
};

const plain = (bundle: Bundle | undefined): unknown =>
  bundle && { ...bundle, secrets: bundle.secrets.map(({ value, ...secret }) => ({ ...secret, bytes: value.reveal().toString('hex') })) };

const changed = (change: (content: Record<string, unknown>) => void): Buffer => {
  const content = JSON.parse(bundleText(BUNDLE).reveal().toString('utf8')) as Record<string, unknown>;
  change(content);
  return Buffer.from(JSON.stringify(content));
};

describe('a bundle', () => {
  it('gives back every byte of every value', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 60 }), fc.option(fc.integer({ min: 1, max: 99 }), { nil: undefined }), (bytes, uses) => {
        const value = SecretValue.fromBytes(bytes);
        const bundle: Bundle = { ...BUNDLE, uses, secrets: [{ name: 'A', as: 'file', sensitive: true, yields: true, value }] };
        expect(plain(parseBundle(bundleText(bundle).reveal()))).toEqual(plain(bundle));
      }),
    );
  });

  it.each([
    ['another kind', (content) => (content['kind'] = 'x')],
    ['a later version', (content) => (content['version'] = 2)],
    ['a key that is not known', (content) => (content['command2'] = ['x'])],
    ['no end', (content) => delete content['expiresAt']],
    ['a date that is none', (content) => (content['expiresAt'] = 'tomorrow')],
    ['no uses at all', (content) => (content['uses'] = 0)],
    ['an id that is a path', (content) => (content['id'] = '../../../../../../etc/cron.d/x123')],
    ['a name with a control character', (content) => ((content['secrets'] as { name: string }[])[0]!.name = 'A\u001b[2J')],
    ['a value twice', (content) => ((content['secrets'] as { base64?: string }[])[0]!.base64 = 'AAAA')],
    ['no value', (content) => delete (content['secrets'] as { utf8?: string }[])[0]!.utf8],
    ['a name twice', (content) => (content['secrets'] = [...(content['secrets'] as object[]), ...(content['secrets'] as object[])])],
  ] satisfies readonly [string, (content: Record<string, unknown>) => unknown][])('with %s is refused', (_, change) => {
    expect(parseBundle(changed(() => undefined))).toBeDefined();
    expect(parseBundle(changed(change))).toBeUndefined();
  });

  it('that is no JSON is refused', () => {
    expect(parseBundle(Buffer.from([0xff, 0x00, 0x7b]))).toBeUndefined();
  });
});
