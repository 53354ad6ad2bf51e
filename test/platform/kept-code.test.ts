import { spawnSync } from 'node:child_process';
import { chmodSync, mkdirSync, readdirSync, readFileSync, statSync, symlinkSync, utimesSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { keptCodeFolder } from '../../src/platform/kept-code.ts';
import { tempDir } from '../e2e/support/home.ts';

const MODULE = join(import.meta.dirname, '..', '..', 'src', 'platform', 'kept-code.ts');

/** Starts a process that loads a program with kept code, and calls its `main`. */
function start(program: string, folder: string, env: Readonly<Record<string, string>> = {}): { stdout: string; stderr: string } {
  const code = `import(${JSON.stringify(MODULE)}).then(({ loadKept }) => loadKept(...process.argv.slice(1)).main())`;
  const result = spawnSync(process.execPath, ['-e', code, program, folder, 'run'], { env: { ...process.env, ...env }, encoding: 'utf8' });
  return { stdout: result.stdout, stderr: result.stderr };
}

function program(files: Readonly<Record<string, string>>): { readonly entry: string; readonly folder: string } {
  const dir = tempDir('program');
  for (const [name, content] of Object.entries(files)) {
    mkdirSync(join(dir, name, '..'), { recursive: true });
    writeFileSync(join(dir, name), content);
  }
  const folder = join(dir, 'kept');
  mkdirSync(folder, { mode: 0o700 });
  return { entry: join(dir, 'program.cjs'), folder };
}

const onlyFile = (folder: string): string => {
  const files = readdirSync(folder);
  expect(files).toHaveLength(1);
  return join(folder, files[0] ?? '');
};

const SAYS = `exports.main = () => { const words = require('./part/words.cjs'); console.log(words.say()); };`;
const WORDS = `exports.say = () => 'as it was written';`;

describe('a program that is loaded with kept code', () => {
  it('requires its parts, parts that require each other, Node, packages and ES modules', () => {
    const { entry, folder } = program({
      'program.cjs': `exports.main = async () => {
        const { a } = require('./part/a.cjs');
        const { default: module } = await import('module-package');
        console.log([a(), require('package'), module, require('fs') === require('node:fs'), __filename.endsWith('program.cjs')].join());
      };`,
      'part/a.cjs': `exports.b = require('./b.cjs'); exports.a = () => exports.b.b(); exports.name = 'a';`,
      'part/b.cjs': `const a = require('./a.cjs'); exports.b = () => a.name + 'b';`,
      'node_modules/package/index.js': `module.exports = 'package';`,
      'node_modules/module-package/package.json': `{ "type": "module", "exports": "./index.js" }`,
      'node_modules/module-package/index.js': `export default 'module';`,
    });
    for (let round = 0; round < 3; round++) expect(start(entry, folder).stdout).toBe('ab,package,module,true,true\n');
  });

  it('shows the positions of its files in errors', () => {
    const { entry, folder } = program({ 'program.cjs': `exports.main = () => {\n  console.log(new Error('x').stack);\n};` });
    for (let round = 0; round < 3; round++) expect(start(entry, folder).stdout).toContain(`${entry}:2:15)`);
  });

  it('learns from three starts, and from more when a part is new to it', () => {
    const { entry, folder } = program({
      'program.cjs': `exports.main = () => { if (process.env.MORE) console.log(require('./more.cjs').more()); };`,
      'more.cjs': `exports.more = () => 'more';`,
    });
    const writes = (times: number, env = {}): number => {
      let count = 0;
      let before: number | undefined;
      for (let round = 0; round < times; round++) {
        start(entry, folder, env);
        const { ino } = statSync(onlyFile(folder));
        if (ino !== before) count++;
        before = ino;
      }
      return count;
    };
    expect(writes(6)).toBe(3);
    expect(writes(6, { MORE: '1' })).toBe(3);
    expect(writes(3)).toBe(1);
    expect(statSync(onlyFile(folder)).mode & 0o777).toBe(0o600);
  });

  it('runs the code of its files as they are now', () => {
    const { entry, folder } = program({ 'program.cjs': SAYS, 'part/words.cjs': WORDS });
    start(entry, folder);
    writeFileSync(join(folder, '..', 'part', 'words.cjs'), WORDS.replace('written', 'changed'));
    expect(start(entry, folder).stdout).toBe('as it was changed\n');
  });

  it('is compiled anew where what was kept is damaged, wherever that is', () => {
    const { entry, folder } = program({ 'program.cjs': SAYS, 'part/words.cjs': WORDS });
    start(entry, folder);
    const file = onlyFile(folder);
    const whole = readFileSync(file);
    const damaged = [0, 40, 66, 70, 120, whole.length >> 1, whole.length - 1].map((at) => flipped(whole, at));
    expect(whole.includes('as it was')).toBe(true);
    damaged.push(
      flipped(whole, whole.indexOf('as it was')),
      Buffer.alloc(0),
      Buffer.alloc(whole.length),
      whole.subarray(0, 66),
      whole.subarray(0, whole.length >> 1),
    );
    for (const bytes of damaged) {
      writeFileSync(file, bytes);
      expect(start(entry, folder)).toEqual({ stdout: 'as it was written\n', stderr: '' });
      expect(readFileSync(file).length).toBeGreaterThan(whole.length >> 1);
    }
  });

  it('takes no code from a file that others may have written', () => {
    const { entry, folder } = program({ 'program.cjs': SAYS, 'part/words.cjs': WORDS });
    for (let round = 0; round < 4; round++) start(entry, folder);
    const file = onlyFile(folder);
    const { ino } = statSync(file);
    chmodSync(file, 0o620);
    start(entry, folder);
    expect(statSync(file).ino).not.toBe(ino);
    const elsewhere = join(folder, '..', 'elsewhere');
    writeFileSync(elsewhere, readFileSync(file), { mode: 0o600 });
    spawnSync('rm', [file]);
    symlinkSync(elsewhere, file);
    start(entry, folder);
    expect(statSync(file).ino).not.toBe(statSync(elsewhere).ino);
  });

  it('works where nothing can be kept', () => {
    const { entry, folder } = program({ 'program.cjs': SAYS, 'part/words.cjs': WORDS });
    expect(start(entry, join(folder, 'none'))).toEqual({ stdout: 'as it was written\n', stderr: '' });
  });

  it('removes what has not been written for a month', () => {
    const { entry, folder } = program({ 'program.cjs': SAYS, 'part/words.cjs': WORDS });
    for (const name of ['old', 'new']) writeFileSync(join(folder, name), '');
    const then = Date.now() / 1000 - 31 * 86_400;
    utimesSync(join(folder, 'old'), then, then);
    start(entry, folder);
    expect(readdirSync(folder)).toContain('new');
    expect(readdirSync(folder)).not.toContain('old');
  });
});

const flipped = (bytes: Buffer, at: number): Buffer => {
  const copy = Buffer.from(bytes);
  copy[at] = (copy[at] ?? 0) ^ 1;
  return copy;
};

describe('the folder for kept code', () => {
  const home = (): string => {
    const dir = tempDir('home');
    chmodSync(dir, 0o700);
    return dir;
  };

  it('is in the cache folder, private, and made where it is missing', () => {
    const at = home();
    expect(keptCodeFolder({ HOME: at })).toBe(join(at, '.cache', 'secrets'));
    expect(statSync(join(at, '.cache', 'secrets')).mode & 0o777).toBe(0o700);
    expect(keptCodeFolder({ HOME: at, XDG_CACHE_HOME: at })).toBe(join(at, 'secrets'));
  });

  it.each([0o770, 0o720, 0o702])('is none where others can write: mode %o', (mode) => {
    const at = home();
    chmodSync(at, mode);
    expect(keptCodeFolder({ HOME: at })).toBeUndefined();
    chmodSync(at, 0o700);
    keptCodeFolder({ HOME: at });
    chmodSync(join(at, '.cache', 'secrets'), mode);
    expect(keptCodeFolder({ HOME: at })).toBeUndefined();
    chmodSync(join(at, '.cache', 'secrets'), 0o700);
    chmodSync(join(at, '.cache'), mode);
    expect(keptCodeFolder({ HOME: at })).toBeUndefined();
  });

  it("is none where it would be a link, or another user's", () => {
    const at = home();
    mkdirSync(join(at, '.cache'), { mode: 0o700 });
    symlinkSync(home(), join(at, '.cache', 'secrets'));
    expect(keptCodeFolder({ HOME: at })).toBeUndefined();
    expect(keptCodeFolder({ HOME: '/proc' })).toBeUndefined();
  });

  it('is none without a home, and makes none', () => {
    const none = join(home(), 'none');
    expect(keptCodeFolder({})).toBeUndefined();
    expect(keptCodeFolder({ HOME: none })).toBeUndefined();
    expect(keptCodeFolder({ HOME: 'relative', XDG_CACHE_HOME: 'relative' })).toBeUndefined();
    expect(() => statSync(none)).toThrow('ENOENT');
  });

  it.each(['NODE_COMPILE_CACHE', 'NODE_DISABLE_COMPILE_CACHE', 'NODE_V8_COVERAGE'])('is none with %s', (name) => {
    expect(keptCodeFolder({ HOME: home(), [name]: '1' })).toBeUndefined();
  });
});
