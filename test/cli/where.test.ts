/** `--where`: how it is read, and whom it means. */
import { describe, expect, it } from 'vitest';
import type { Target } from '../../src/cli/target.ts';
import { isWhere, whereOption } from '../../src/cli/where.ts';
import { spec } from '../support/model.ts';

const target: Target = {
  label: 'DB',
  name: 'DB',
  spec: spec('DB', { owner: 'ana', tags: ['db', 'prod'], consumers: ['api'] }),
  references: [],
};
const is = (text: string, state = 'present'): boolean => isWhere(whereOption(text), target, () => state);

describe('--where', () => {
  it('means all keys, and one of the values of a key', () => {
    expect([is('owner=ana'), is('owner=bob'), is('owner=ana,tag=db'), is('owner=ana,tag=web'), is('tag=web,tag=db')]).toEqual([
      true,
      false,
      true,
      false,
      true,
    ]);
    expect([is('consumer=api'), is('name=DB'), is('provider=vault'), is('state=due', 'present due overdue')]).toEqual([
      true,
      true,
      false,
      true,
    ]);
    expect(isWhere(whereOption('owner=bob', whereOption('owner=ana')), target, undefined)).toBe(true);
  });

  it('refuses what it can not read, without repeating it', () => {
    for (const text of ['', ',', 'owner', 'owner=', '=ana', 'canary-0123456789abcdef=x']) {
      expect(() => whereOption(text)).toThrow(expect.objectContaining({ code: 'USAGE' }) as Error);
      try {
        whereOption(text);
      } catch (error) {
        expect((error as Error).message).not.toContain('canary');
      }
    }
  });
});
