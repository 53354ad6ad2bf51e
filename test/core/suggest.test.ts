import { describe, expect, it } from 'vitest';
import { didYouMean, shownWord, suggest } from '../../src/core/suggest.ts';

describe('suggest', () => {
  it.each([
    ['vualt', ['local', 'vault'], 'vault'],
    ['pord', ['dev', 'prod'], 'prod'],
    ['ref', ['ref'], 'ref'],
    ['REQUIRED', ['required'], 'required'],
    ['descripton', ['description', 'default'], 'description'],
    ['Z', ['A', 'B'], undefined],
    ['z', ['Z'], 'Z'],
    ['completely', ['other', 'words'], undefined],
    ['', ['a'], undefined],
    ['x'.repeat(61), ['x'.repeat(60)], undefined],
  ])('%s among %j is %s', (word, candidates, near) => {
    expect(suggest(word, candidates)).toBe(near);
  });

  it('looks at a bounded number of candidates', () => {
    const many = Array.from({ length: 100_000 }, (_, index) => `candidate_${index}`);
    const start = performance.now();
    for (let round = 0; round < 100; round += 1) suggest('candidate', many);
    expect(performance.now() - start).toBeLessThan(2000);
  });

  it('asks a question', () => {
    expect(didYouMean('vautl', ['vault'])).toBe('did you mean vault?');
    expect(didYouMean('zzzz', ['vault'])).toBeUndefined();
  });
});

describe('shownWord', () => {
  it.each(['ref', 'maxAge', 'aws-secrets-manager', 'a.b', 'ref+vault', 'k8s', 'prod-eu2', 'team2026'])('shows %s', (word) => {
    expect(shownWord(word)).toBe(word);
  });
  it.each(['', 'canary-0123456789abcdef', 'b7a5e2d8046', 'a b', 'x'.repeat(41), 'line\nbreak', '-dash', 'päss'])('hides %j', (word) => {
    expect(shownWord(word)).toBeUndefined();
  });
});
