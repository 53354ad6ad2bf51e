import { describe, expect, it } from 'vitest';
import { bySameCause } from '../../src/cli/output.ts';
import type { Issue } from '../../src/core/errors.ts';

const locked = (name: string, more: Partial<Issue> = {}): Issue => ({ code: 'STORE_LOCKED', name, message: 'it is locked', ...more });

describe('problems with one cause', () => {
  it('are said once, with the names', () => {
    const issues = [
      locked('A', { at: { file: '.secretsrc', line: 3, column: 1 } }),
      locked('B', { at: { file: '.secretsrc', line: 4, column: 1 } }),
    ];
    expect(bySameCause(issues)).toEqual([{ ...issues[0], name: 'A, B' }]);
  });

  it('stay apart where owner, hint or message differ, or a name is missing', () => {
    const issues = [locked('A'), locked('B', { owner: 'ana' }), locked('C', { hint: 'ask' }), { ...locked('D'), message: 'it is broken' }];
    expect(bySameCause(issues)).toEqual(issues);
    const unnamed: Issue = { code: 'STORE_LOCKED', message: 'it is locked' };
    expect(bySameCause([locked('A'), unnamed])).toEqual([locked('A'), unnamed]);
  });
});
