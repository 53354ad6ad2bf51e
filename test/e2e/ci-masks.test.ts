import { openSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { canary } from './support/canary.ts';
import { cli } from './support/cli.ts';
import { tempHome } from './support/home.ts';

const value = `${canary()}-first\n${canary()}-100%`;
const args = ['run', '--ref', 'TOKEN=env://SOURCE', '--', 'true'];

describe('mask commands for CI systems', () => {
  it('A28 are percent-encoded, whole and by line, on stderr, under GitHub Actions', async () => {
    const { stderr, stdout, code } = await cli(args, { env: { GITHUB_ACTIONS: 'true', SOURCE: value } });
    const [first = '', second = ''] = value.split('\n');
    expect(code).toBe(0);
    expect(stdout).toBe('');
    const encoded = (text: string): string => `::add-mask::${text.replaceAll('%', '%25').replaceAll('\n', '%0A')}`;
    expect(stderr.split('\n')).toEqual(expect.arrayContaining([encoded(value), encoded(first), encoded(second)]));
  });

  it('A28 are not written elsewhere, when switched off, or into a file', async () => {
    const home = tempHome();
    const file = join(home.dir, 'stderr');
    for (const [options, env] of [
      [[], {}],
      [['--ci-mask', 'off'], { GITHUB_ACTIONS: 'true' }],
    ] as const) {
      const { stderr } = await cli(['run', ...options, ...args.slice(1)], { env: { ...env, SOURCE: value } });
      expect(stderr).not.toContain('add-mask');
      expect(stderr).not.toContain(value.split('\n')[0]);
    }
    await cli(args, { home, env: { GITHUB_ACTIONS: 'true', SOURCE: value }, stdio: ['ignore', 'ignore', openSync(file, 'w')] });
    expect(readFileSync(file, 'utf8')).not.toContain('add-mask');
  });
});
