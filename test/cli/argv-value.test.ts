import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { refuseArgvValue } from '../../src/cli/argv-value.ts';
import { SecretsError } from '../../src/core/errors.ts';

const OPTIONS = ['--from-file', '--generate', '--length', '--allow-empty'];

function refusal(name: string, rest: readonly string[] = []): SecretsError | undefined {
  try {
    refuseArgvValue(name, rest, OPTIONS);
    return undefined;
  } catch (error) {
    if (error instanceof SecretsError) return error;
    throw error;
  }
}

describe('refuseArgvValue', () => {
  it('lets a name and a reference pass', () => {
    expect(refusal('API_KEY')).toBeUndefined();
    expect(refusal('vault://secret/api?version=3#key')).toBeUndefined();
  });

  it('names the safe ways', () => {
    for (const error of [refusal('API_KEY', ['canary']), refusal('API_KEY=canary')]) {
      expect(error?.code).toBe('USAGE');
      expect(error?.primary.message).toContain('history');
      for (const way of ['secrets set API_KEY asks', '| secrets set API_KEY', 'secrets set API_KEY --from-file'])
        expect(error?.primary.hint).toContain(way);
    }
  });

  it('knows a misspelled option', () => {
    expect(refusal('API_KEY', ['--fromfile'])?.primary.hint).toBe('did you mean --from-file?');
    expect(refusal('API_KEY', ['--genrate=canary'])?.primary.hint).toBe('did you mean --generate?');
  });

  it('never repeats what may be a value', () => {
    const value = fc.stringMatching(/^[ -~]{6,40}$/).map((noise) => `canary-${noise}`);
    fc.assert(
      fc.property(value, fc.constantFrom('', '--', '--from-file=', '-x'), (canary, before) => {
        for (const error of [
          refusal('A', [before + canary]),
          refusal(`A=${canary}`),
          refusal(`${canary}=`),
          refusal('A', [`--token=${canary}`, canary]),
        ]) {
          expect(JSON.stringify(error?.issues)).not.toContain(canary);
        }
      }),
    );
  });
});
