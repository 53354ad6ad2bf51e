import { describe, expect, it } from 'vitest';
import { repeatOptions } from '../../src/cli/repeat-options.ts';

describe('a hint repeats the options that this call was given', () => {
  it.each([
    ['secrets set API_KEY', { profile: 'prod' }, 'secrets set --profile prod API_KEY'],
    [
      'secrets run -- npm start',
      { manifest: 'ops/my file', profile: 'prod' },
      "secrets run --manifest 'ops/my file' --profile prod -- npm start",
    ],
    ['secrets set A makes one; secrets doctor', { profile: 'p' }, 'secrets set --profile p A makes one; secrets doctor --profile p'],
    ['secrets run --profile dev', { profile: 'prod' }, 'secrets run --profile dev'],
    ['secrets trust --manifest x; secrets list', { manifest: 'y' }, 'secrets trust --manifest x; secrets list'],
    ['secrets trust', { manifest: 'm', profile: 'prod' }, 'secrets trust --manifest m'],
    ['secrets init', { manifest: 'm', profile: 'prod' }, 'secrets init'],
    ['check the secrets in the file, ./secrets set', { profile: 'prod' }, 'check the secrets in the file, ./secrets set'],
    ['secrets setup', {}, 'secrets setup'],
    // Something pasted in the wrong place is not said again.
    ['secrets setup', { profile: 'x8f3k2j9d7s6a5f4' }, 'secrets setup'],
  ] as const)('%s with %o', (hint, given, typed) => {
    expect(repeatOptions(hint, given)).toBe(typed);
  });
});
