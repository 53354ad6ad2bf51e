/** The package as npm packs it. */
import { execFile } from 'node:child_process';
import { cpSync, mkdirSync, readdirSync, readFileSync, symlinkSync } from 'node:fs';
import { join, sep } from 'node:path';
import { promisify } from 'node:util';
import { beforeAll, describe, expect, it } from 'vitest';
import { cli } from './support/cli.ts';
import { REPOSITORY, tempDir, tempHome } from './support/home.ts';

const run = promisify(execFile);

/** Packing builds, and building empties dist: so it is done in copies, which also shows that no path is in the result. */
async function pack(): Promise<{ readonly dir: string; readonly tarball: Buffer; readonly files: readonly string[] }> {
  const dir = tempDir('pack');
  const left = new Set(['node_modules', 'dist', '.git', 'test', 'bench']);
  cpSync(REPOSITORY, dir, { recursive: true, filter: (from) => !left.has(from.slice(REPOSITORY.length + 1).split(sep)[0] ?? '') });
  symlinkSync(join(REPOSITORY, 'node_modules'), join(dir, 'node_modules'));
  const home = tempHome();
  const { stdout } = await run('npm', ['pack', '--json', '--offline'], {
    cwd: dir,
    env: { ...home.env, npm_config_cache: join(home.dir, 'npm') },
  });
  const answered = JSON.parse(stdout.slice(stdout.search(/^[[{]/m))) as unknown;
  const [packed] = Object.values(
    answered as Record<string, { readonly filename: string; readonly files: readonly { readonly path: string }[] }>,
  );
  if (packed === undefined) throw new Error(`npm pack answered ${stdout}`);
  return { dir, tarball: readFileSync(join(dir, packed.filename)), files: packed.files.map(({ path }) => path).toSorted() };
}

describe('A60 the npm package', () => {
  let first: Awaited<ReturnType<typeof pack>>;
  let second: Awaited<ReturnType<typeof pack>>;
  let unpacked = '';

  beforeAll(async () => {
    first = await pack();
    second = await pack();
    unpacked = tempDir('unpacked');
    const name = readdirSync(first.dir).find((entry) => entry.endsWith('.tgz')) ?? '';
    await run('tar', ['-xzf', join(first.dir, name), '-C', unpacked]);
  }, 180_000);

  it('A60 packed twice in two places is the same, byte for byte', () => {
    expect(first.tarball.equals(second.tarball)).toBe(true);
  });

  it('A60 holds exactly what was built, the licence, the readme and the shrinkwrap', () => {
    const built = readdirSync(join(first.dir, 'dist'), { recursive: true, withFileTypes: true })
      .filter((entry) => entry.isFile())
      .map((entry) => join(entry.parentPath, entry.name).slice(first.dir.length + 1));
    expect(built.length).toBeGreaterThan(10);
    const others = ['LICENSE', 'README.md', 'bin/package.json', 'bin/secrets.js', 'npm-shrinkwrap.json', 'package.json'];
    expect(first.files).toEqual([...built, ...others].toSorted());
  });

  it('A60 has no install scripts, and pins what it installs, none of which is for development', () => {
    const manifest = JSON.parse(readFileSync(join(unpacked, 'package', 'package.json'), 'utf8')) as {
      readonly scripts?: Readonly<Record<string, string>>;
      readonly dependencies?: object;
      readonly optionalDependencies?: object;
    };
    for (const script of ['preinstall', 'install', 'postinstall', 'prepare', 'preprepare', 'postprepare'])
      expect(manifest.scripts).not.toHaveProperty(script);
    const lock = JSON.parse(readFileSync(join(unpacked, 'package', 'npm-shrinkwrap.json'), 'utf8')) as {
      readonly packages: Readonly<Record<string, { readonly dev?: boolean; readonly integrity?: string; readonly version?: string }>>;
    };
    const { '': own, ...installed } = lock.packages;
    expect(own).not.toHaveProperty('devDependencies');
    for (const [path, entry] of Object.entries(installed)) {
      expect(entry.dev, path).toBeUndefined();
      expect(entry.integrity, path).toMatch(/^sha512-/);
    }
    for (const name of Object.keys({ ...manifest.dependencies, ...manifest.optionalDependencies }))
      expect(installed).toHaveProperty([`node_modules/${name}`]);
    // Only around packing: a checkout that keeps one would be installed by it.
    expect(readdirSync(first.dir)).not.toContain('npm-shrinkwrap.json');
  });

  it('A60 starts without any other package', async () => {
    const project = join(unpacked, 'project');
    mkdirSync(project);
    const { stdout } = await run(process.execPath, [join(unpacked, 'package', 'bin', 'secrets.js'), 'schema'], {
      cwd: project,
      env: tempHome().env,
    });
    expect(stdout).toBe((await cli(['schema'])).stdout);
  });
});
