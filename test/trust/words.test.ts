import { describe, expect, it } from 'vitest';
import { canonical, lineOf, word } from '../../src/trust/text.ts';
import { inShort, inWords } from '../../src/trust/words.ts';

const provider = (name: string, options: object, use = 'vault', dir?: string): string =>
  lineOf('provider', word(name), word(use), canonical(options), ...(dir === undefined ? [] : [word(dir)]));
const texts = (lines: readonly string[], former?: readonly string[]): readonly string[] =>
  inWords(lines, former).flatMap(({ entries }) => entries);

describe('inWords', () => {
  it('puts every kind of line into words, under its title', () => {
    const lines = [
      'audit.sink {"otlp":"https://log"}',
      'audit.without file',
      'env.allowDangerous NODE_OPTIONS',
      'env.keep API_KEY',
      'env.pass VAULT_TOKEN',
      'extends ../../.secretsrc',
      'mask.minLength 12',
      'mask.mode never',
      'prefix vault://secret/',
      'project api',
      provider('vault', { address: 'https://vault.example.com' }),
      provider('mine', { command: ['./provider'] }, 'exec'),
      'reference env://AWS_REGION',
      'rotate exec {"command":["./x"]}',
      'rotate postgres {"role":"app"}',
      'unmasked REGION',
    ];
    const groups = inWords(lines);
    expect(groups.map(({ title }) => title.split(' ')[0])).toEqual(['The', 'Reads', 'Signs', 'Starts', 'Takes', 'Rotates', 'Weakens']);
    expect(groups.flatMap(({ entries }) => entries)).toHaveLength(lines.length);
    expect(groups[3]?.entries).toEqual(['mine (exec): command ["./provider"]', 'for rotation: command ["./x"]']);
    expect(groups[1]?.entries).toEqual(['all under vault://secret/', 'env://AWS_REGION']);
  });

  it('tells only what changed of a provider that was trusted', () => {
    const before = [provider('vault', { address: 'https://good', auth: [{ method: 'token' }], namespace: 'a' })];
    const now = [provider('vault', { address: 'https://evil', auth: [{ method: 'token' }], insecureHttp: true })];
    expect(texts(now, before)).toEqual([
      'vault: address https://evil (was https://good), insecureHttp true (new), namespace removed (was a)',
    ]);
    expect(texts([provider('vault', { address: 'https://x' }, 'azure-key-vault')], before)).toEqual([
      'vault (azure-key-vault): address https://x',
    ]);
    expect(texts([provider('vault', { address: 'https://x' }, 'vault', '../..')], before)).toEqual([
      'vault: address https://x, paths from ../..',
    ]);
    expect(texts([provider('vault', {}, 'vault')], [])).toEqual(['vault: no options']);
  });

  it('shows look-alikes and control characters as what they are', () => {
    const lines = [
      provider('vault', { address: 'https://v\u0430ult.example.com', 'a\u001b[2J': '\u202e' }),
      `extends ${word('x\u001b[2J')}`,
    ];
    expect(texts(lines).join('')).toMatch(/^[ -~]*$/);
    expect(texts(lines).join('')).toContain('v\\u0430ult');
  });

  it('shows what it has no words for as it is', () => {
    expect(texts(['later thing'])).toEqual(['later thing']);
    expect(texts(['provider a vault {"n":Infinity}'])).toEqual(['a (vault): {"n":Infinity}']);
  });
});

describe('inShort', () => {
  it('begins with what weighs most and counts the rest', () => {
    const lines = [
      'project api',
      'prefix vault://secret/',
      'mask.mode never',
      provider('vault', { address: 'https://v' }),
      provider('x', { command: ['./x'] }, 'exec'),
    ];
    expect(inShort(lines)).toBe(
      'starts x (exec): command ["./x"]; provider vault: address https://v; masks nothing in the output (mask.mode); and 2 more',
    );
    expect(inShort([provider('vault', { address: 'https://'.padEnd(400, 'x') })]).length).toBeLessThan(200);
  });
});
