import { readdirSync, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { canary } from './support/canary.ts';
import { project } from './support/project.ts';

describe('compiled code that is kept', () => {
  it('is code only: no value is in it, whatever the program did', async () => {
    const value = canary();
    const at = await project({ manifest: 'version: 1\nproject: api\nsecrets: { KEY: local://key }\n' });
    await at.set('KEY', value);
    // At once: each replaces the file as a whole.
    const starts = await Promise.all(Array.from({ length: 4 }, () => at.run(['run', '--', 'sh', '-c', 'echo "$KEY"'])));
    for (const started of starts) expect(started).toMatchObject({ code: 0, stdout: '***\n' });
    expect(await at.run(['get', 'KEY', '--reveal'])).toMatchObject({ code: 0 });
    const folder = join(at.home.dir, '.cache', 'secrets');
    const names = readdirSync(folder);
    expect(names.map((name) => name.replace(/-.*/, '')).sort()).toEqual(['other', 'run']);
    for (const name of names) {
      const bytes = readFileSync(join(folder, name));
      expect(bytes.length).toBeGreaterThan(100_000);
      expect(bytes.includes(value)).toBe(false);
      expect(bytes.includes(Buffer.from(value, 'utf16le'))).toBe(false);
      expect(statSync(join(folder, name)).mode & 0o777).toBe(0o600);
    }
    expect(await at.run(['run', '--', 'sh', '-c', 'echo "$KEY"'])).toMatchObject({ code: 0, stdout: '***\n' });
  });
});
