/** Files that are no manifest: each is one clear issue, soon, and nothing of it is shown. */
import * as fc from 'fast-check';
import { execFileSync } from 'node:child_process';
import { chmodSync, mkdirSync, symlinkSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { CODES, SecretsError } from '../../src/core/errors.ts';
import { checkWholeManifest, findManifest, loadManifest } from '../../src/manifest/index.ts';
import { folder, issuesOf, load, shown } from './folder.ts';

const CANARY = 'canary-3f9c1b7a5e2d8046';

describe('findManifest', () => {
  it('goes up to the root of the repository and no further', async () => {
    const dir = folder({
      '.secretsrc': 'version: 1\n',
      'a/b/file': '',
      'inner/.git/HEAD': '',
      'inner/src/file': '',
      'worktree/.git': 'gitdir: x',
      'worktree/src/f': '',
    });
    expect(await findManifest(join(dir, 'a/b'))).toBe(join(dir, '.secretsrc'));
    expect(await findManifest(dir)).toBe(join(dir, '.secretsrc'));
    expect(await findManifest(join(dir, 'inner/src'))).toBeUndefined();
    expect(await findManifest(join(dir, 'worktree/src'))).toBeUndefined();
  });

  it.each([
    [['.secretsrc', '.secretsrc.yaml', '.secretsrc.json'], '.secretsrc'],
    [['.secretsrc.yaml', '.secretsrc.yml'], '.secretsrc.yaml'],
    [['.secretsrc.yml', '.secretsrc.json'], '.secretsrc.yml'],
    [['.secretsrc.json'], '.secretsrc.json'],
  ])('among %j takes %s', async (names, expected) => {
    const dir = folder(Object.fromEntries(names.map((name) => [name, '{ "version": 1 }'])));
    expect(await findManifest(dir)).toBe(join(dir, expected));
    const { warnings } = await loadManifest({ cwd: dir });
    expect(warnings.map((note) => note.hint)).toEqual(names.length > 1 ? ['keep one manifest in a folder'] : []);
  });

  it('takes the nearest', async () => {
    const dir = folder({ '.secretsrc': 'version: 1\n', 'a/.secretsrc.json': '{}', 'a/b/f': '' });
    expect(await findManifest(join(dir, 'a/b'))).toBe(join(dir, 'a/.secretsrc.json'));
  });
});

describe('a file that cannot be a manifest', () => {
  it.each<[string, Record<string, string | Uint8Array>, string, string]>([
    ['none', {}, 'MANIFEST_NOT_FOUND', 'there is no .secretsrc in this folder or above it, up to the root of the repository'],
    ['a folder', { '.secretsrc/file': '' }, 'IO', 'this is a folder, not a file'],
    ['Latin-1', { '.secretsrc': Buffer.from('project: p\xe4\n', 'latin1') }, 'MANIFEST_INVALID', 'the file is not UTF-8 text'],
    ['UTF-16', { '.secretsrc': Buffer.from('\ufeffproject: p\n', 'utf16le') }, 'MANIFEST_INVALID', 'the file is not UTF-8 text'],
    ['10 MB', { '.secretsrc': Buffer.alloc(10_000_000, 'a: b\n') }, 'MANIFEST_INVALID', 'the file is larger than 1 MiB'],
    ['1 MiB and a byte', { '.secretsrc': Buffer.alloc(1024 * 1024 + 1, '#') }, 'MANIFEST_INVALID', 'the file is larger than 1 MiB'],
  ])('%s', async (_, files, code, message) => {
    expect(await issuesOf(files)).toMatchObject([{ code, message }]);
  });

  it('one that may not be read', async () => {
    const dir = folder({ '.secretsrc': 'version: 1\n' });
    chmodSync(join(dir, '.secretsrc'), 0);
    // The superuser may read everything, so there the file is fine.
    const code = await loadManifest({ cwd: dir }).then(
      () => 'read',
      (error: unknown) => (error instanceof SecretsError ? error.code : 'other'),
    );
    expect(code).toBe(process.getuid?.() === 0 ? 'read' : 'IO');
  });

  it('one that was asked for and is not there', async () => {
    const issues = await issuesOf({}, { manifest: 'deploy/prod.yaml' });
    expect(issues.map((issue) => shown(issue))).toEqual(['MANIFEST_NOT_FOUND deploy/prod.yaml:1:1 there is no such file']);
  });

  it('a comment of 1 MiB is read', async () => {
    expect(await issuesOf(`${'#'.repeat(1024 * 1024 - 11)}\nversion: 1`)).toEqual([]);
  });

  it('a byte order mark and CRLF do no harm', async () => {
    const { manifest } = await load('\ufeffversion: 1\r\nsecrets:\r\n  A: env://A\r\n');
    expect(manifest.secrets.get('A')?.at).toEqual({ file: '.secretsrc', line: 3, column: 3 });
  });

  it.runIf(process.platform !== 'win32')('a pipe is read', async () => {
    const dir = folder({});
    const pipe = join(dir, 'pipe');
    execFileSync('sh', ['-c', `mkfifo '${pipe}'; (echo 'project: piped' > '${pipe}') &`], { stdio: 'ignore' });
    const { manifest } = await loadManifest({ cwd: dir, manifest: pipe });
    expect(manifest.project).toBe('piped');
  });

  it('paths are shown as they are shorter', async () => {
    const dir = folder({ 'a/.secretsrc': 'x: 1\n', 'b/c/d/e/f/g/h/i/j/k/l/m/n/o/p/q/r/s/t/file': '' });
    const deep = join(dir, 'b/c/d/e/f/g/h/i/j/k/l/m/n/o/p/q/r/s/t');
    const [near] = (await checkWholeManifest({ cwd: join(dir, 'a') })).issues;
    const [far] = (await checkWholeManifest({ cwd: deep, manifest: join(dir, 'a/.secretsrc') })).issues;
    expect(near?.at?.file).toBe('.secretsrc');
    expect(far?.at?.file).toBe(join(dir, 'a/.secretsrc'));
  });
});

describe('text that would take long', () => {
  const levels = (count: number): string => Array.from({ length: count }, (_, index) => `${' '.repeat(index)}a:\n`).join('');
  const bomb = `a: &a [x,x,x,x,x,x,x,x,x]\n${'bcdefghi'
    .split('')
    .map((name, index) => `${name}: &${name} [${Array.from({ length: 9 }, () => `*${'abcdefgh'[index]}`).join(',')}]\n`)
    .join('')}`;
  it.each([
    ['1,000 levels', levels(1000), 'it is nested too deeply'],
    ['1,000 brackets', `a: ${'['.repeat(1000)}${']'.repeat(1000)}\n`, 'it is nested too deeply'],
    ['a million brackets', '['.repeat(1_000_000), 'it is nested too deeply'],
    ['a million braces', '{a: '.repeat(250_000), 'it is nested too deeply'],
    [
      'levels by aliases',
      `a: &a0 ${'['.repeat(40)}${']'.repeat(40)}\nb: ${'['.repeat(40)}*a0${']'.repeat(40)}\n`,
      'the aliases add up to far too much',
    ],
    ['an alias bomb', bomb, 'the aliases add up to far too much'],
    ['a million tokens', `a: [${'a,'.repeat(500_000)}]\n`, 'it holds far more entries than a manifest can have'],
  ])('%s', async (_, text, message) => {
    const start = performance.now();
    const issues = await issuesOf(text);
    expect(issues.map((issue) => issue.message)).toContain(message);
    expect(performance.now() - start).toBeLessThan(5000);
  });

  it('60 levels are not too many for YAML', async () => {
    expect((await issuesOf(`providers:\n  vault:\n    x: ${'['.repeat(58)}${']'.repeat(58)}\n`)).map((issue) => issue.message)).toEqual([]);
  });

  it('many keys', async () => {
    const start = performance.now();
    const text = `secrets:\n${Array.from({ length: 20_000 }, (_, index) => `  A${index}: env://A${index}\n`).join('')}`;
    expect(await issuesOf(text)).toEqual([]);
    expect(performance.now() - start).toBeLessThan(8000);
  });
});

describe('whatever the file holds', () => {
  const GOOD = `version: 1
project: p
defaultProfile: dev
providers:
  vault: { use: vault, token: ${CANARY}, address: "https://x" }
secrets:
  A: vault://secret/api#key
  B: { value: ${CANARY} }
  C:
    ref: [local://c, "env://C"]
    description: "${CANARY} ünïcode"
    rotate: { using: generate, length: 40 }
  D: { template: "${CANARY}\${A|url}" }
profiles:
  dev: { secrets: { B: null } }
`;
  /** Any text in place of any part of a good manifest: a secret pasted where it does not belong. */
  const mutated = fc
    .tuple(
      fc.nat(GOOD.length),
      fc.nat(12),
      fc.oneof(
        fc.constant(CANARY),
        fc.string({ maxLength: 8 }),
        fc.constantFrom(': ', '\n', '"', "'", '{', '}', '[', ']', '&a ', '*a', '|\n', '#', '- ', '\t', '%', '!', '<<: ', '? '),
      ),
    )
    .map(([at, length, text]) => GOOD.slice(0, at) + text + GOOD.slice(at + length));

  const neverShown = async (content: string | Uint8Array): Promise<void> => {
    const check = await checkWholeManifest({ cwd: folder({ '.secretsrc': content }), platform: 'linux' });
    const text = JSON.stringify([check.issues, check.warnings]);
    // Its random part, so that no cut-off or split form of it passes either.
    expect(text).not.toContain('3f9c1b7a');
    expect(text).not.toContain('5e2d8046');
    for (const issue of check.issues) {
      expect(CODES).toHaveProperty(issue.code);
      expect([...issue.message].every((character) => character >= ' ')).toBe(true);
    }
  };

  it('is never shown and never more than a SecretsError: changed manifests', async () => {
    await fc.assert(fc.asyncProperty(mutated, neverShown), { numRuns: 400 });
  });

  it('is never shown and never more than a SecretsError: several changes', async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(fc.tuple(fc.nat(GOOD.length), fc.nat(40)), { minLength: 2, maxLength: 5 }), (cuts) =>
        neverShown(cuts.reduce((text, [at, length]) => text.slice(0, at) + text.slice(at + length), GOOD)),
      ),
      { numRuns: 200 },
    );
  });

  it('is never shown and never more than a SecretsError: any bytes', async () => {
    await fc.assert(fc.asyncProperty(fc.uint8Array({ maxLength: 200 }), neverShown), { numRuns: 200 });
  });

  it('is never shown in any place of a good manifest', async () => {
    for (const key of [
      'project',
      'extends',
      'defaultProfile',
      'providers',
      'secrets',
      'profiles',
      'env',
      'mask',
      'audit',
      'policy',
      CANARY,
    ])
      for (const text of [
        `${key}: ${CANARY}\n`,
        `${key}: { ${CANARY}: x }\n`,
        `${key}: { a: ${CANARY} }\n`,
        `${key}: [${CANARY}]\n`,
        `${key}: { a: { ${CANARY}: x, ref: ${CANARY}://x } }\n`,
      ])
        await neverShown(text);
  });
});

it('follows a link to a manifest elsewhere', async () => {
  const dir = folder({ 'real/manifest.yaml': 'project: p\n' });
  mkdirSync(join(dir, 'sub'));
  symlinkSync('../real/manifest.yaml', join(dir, 'sub/.secretsrc'));
  const { manifest } = await loadManifest({ cwd: join(dir, 'sub') });
  expect(manifest).toMatchObject({ project: 'p', dir: join(dir, 'sub') });
});
