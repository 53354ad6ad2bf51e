import { describe, expect, it } from 'vitest';
import { SecretsError } from '../../src/core/errors.ts';
import { select, type SelectOptions } from '../../src/run/select.ts';
import { manifest, spec } from '../support/model.ts';

const specs = [
  spec('A', { tags: ['db'] }),
  spec('B', { profiles: ['prod'] }),
  spec('C', { as: 'none' }),
  spec('URL', {
    source: { kind: 'template', parts: [{ text: 'x' }, { name: 'PASSWORD', filters: [] }], at: { file: 'f', line: 1, column: 1 } },
  }),
  spec('PASSWORD', { tags: ['db'] }),
];
const names = (options: SelectOptions, profile?: string): { injected: string[]; support: string[]; outOfProfile: string[] } => {
  const selection = select(manifest(specs, profile === undefined ? {} : { profile }), options);
  return {
    injected: selection.injected.map((one) => one.name),
    support: selection.support.map((one) => one.name),
    outOfProfile: selection.outOfProfile.map((one) => one.name),
  };
};
const codes = (options: SelectOptions): string[] => {
  try {
    names(options);
    return [];
  } catch (error) {
    return error instanceof SecretsError ? error.issues.map((issue) => issue.code) : ['?'];
  }
};

describe('select', () => {
  it('takes all that the profile allows; as: none is resolved and not injected', () => {
    expect(names({})).toEqual({ injected: ['A', 'URL', 'PASSWORD'], support: ['C'], outOfProfile: ['B'] });
    expect(names({}, 'prod').injected).toEqual(['A', 'B', 'URL', 'PASSWORD']);
  });

  it('pulls in what a template needs without injecting it', () => {
    expect(names({ only: ['URL'] })).toEqual({ injected: ['URL'], support: ['PASSWORD'], outOfProfile: [] });
    expect(names({ except: ['PASSWORD'] })).toMatchObject({ injected: ['A', 'URL'], support: ['C', 'PASSWORD'] });
  });

  it('selects by tag', () => {
    expect(names({ tags: ['db'] })).toEqual({ injected: ['A', 'PASSWORD'], support: [], outOfProfile: [] });
    expect(codes({ tags: ['nope'] })).toEqual(['USAGE']);
  });

  it('A56 refuses to select by name what the profile excludes, and names that are not there', () => {
    expect(codes({ only: ['B'] })).toEqual(['USAGE']);
    expect(codes({ only: ['A', 'X', 'Y'] })).toEqual(['USAGE', 'USAGE']);
  });
});
