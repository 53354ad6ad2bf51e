import { describe, expect, it } from 'vitest';
import { adapterOf, BUILT_IN, isNotAvailable } from '../../src/core/builtin.ts';

describe('adapterOf', () => {
  it.each([
    ['local', 'local'],
    ['aws', 'aws-secrets-manager'],
    ['ssm', 'aws-parameter-store'],
    ['azure', 'azure-key-vault'],
    ['gcp', undefined],
    ['constructor', undefined],
    ['__proto__', undefined],
  ])('of %s is %s', (name, adapter) => {
    expect(adapterOf(name)).toBe(adapter);
  });

  it('knows every adapter by its own id', () => {
    for (const id of Object.values(BUILT_IN)) expect(adapterOf(id)).toBe(id);
  });
});

describe('isNotAvailable', () => {
  it.each(['gcp', 'gcp-secret-manager', 'exec', 'npm:some-adapter'])('%s', (name) => {
    expect(isNotAvailable(name)).toBe(true);
  });
  it.each(['local', 'gcp2', 'npm'])('not %s', (name) => {
    expect(isNotAvailable(name)).toBe(false);
  });
});
