/** What else a child inherits, or not: descriptors, and a machine that has next to nothing. */
import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { chmodSync, closeSync, openSync, readdirSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { canary } from './support/canary.ts';
import { PROGRAM } from './support/cli.ts';
import { project, type Project } from './support/project.ts';

const MANIFEST = 'version: 1\nsecrets:\n  TOKEN: env://SRC\n';

/** A shell script in the project's folder; `$0 $1` starts the program. */
async function shell(
  { dir, home }: Project,
  script: string,
): Promise<{ readonly code: number; readonly stdout: string; readonly stderr: string }> {
  const running = spawn('bash', ['-c', script, process.execPath, PROGRAM], { cwd: dir, env: { ...home.env, SRC: canary() } });
  const [stdout, stderr, [code]] = await Promise.all([running.stdout.toArray(), running.stderr.toArray(), once(running, 'close')]);
  return { code: code as number, stdout: stdout.join(''), stderr: stderr.join('') };
}

describe.each(['auto', 'never'])('descriptors with --mask %s', (mode) => {
  // A shell's own list of its descriptors, without the one that lists them.
  const LIST = `sh -c 'for fd in /proc/$$/fd/*; do n=\${fd##*/}; [ "$n" -gt 2 ] && [ -e "$fd" ] && printf "%s " "$n"; done; true'`;
  const run = `"$0" "$1" run --mask ${mode}`;

  it('A57 that are open in the parent stay closed in the child, but those of --keep-fd', async () => {
    const made = await project({ manifest: MANIFEST, files: { kept: 'nine' } });
    expect(await shell(made, `exec 9<kept 200<kept; ${run} -- ${LIST}`)).toEqual({ code: 0, stdout: '', stderr: '' });
    expect((await shell(made, `exec 9<kept 200<kept; ${run} --keep-fd 200 -- ${LIST}`)).stdout).toBe('200 ');
    expect((await shell(made, `exec 9<kept 200<kept; ${run} --keep-fd 9,200 -- ${LIST}`)).stdout.split(' ').sort()).toEqual([
      '',
      '200',
      '9',
    ]);
    expect((await shell(made, `exec 9<kept; ${run} --keep-fd 9 -- sh -c 'cat <&9'`)).stdout).toBe('nine');
  });

  it('A64 that an argument names are given', async () => {
    const made = await project({ manifest: MANIFEST });
    expect(await shell(made, `${run} -- cat <(echo first) <(echo second)`)).toEqual({ code: 0, stdout: 'first\nsecond\n', stderr: '' });
    const many = Array.from({ length: 12 }, (_, index) => `<(echo ${index})`).join(' ');
    expect((await shell(made, `${run} -- cat ${many}`)).stdout).toBe(Array.from({ length: 12 }, (_, index) => `${index}\n`).join(''));
    expect((await shell(made, `${run} -- tee >(cat >copy) <<< text; wait; while [ ! -s copy ]; do :; done; cat copy`)).stdout).toBe(
      'text\ntext\n',
    );
  });

  it('A64 of make’s job server are given with --keep-fd auto', async () => {
    const made = await project({
      manifest: MANIFEST,
      files: {
        Makefile: `all:\n\t+@"$(NODE)" "$(PROGRAM)" run --mask ${mode} --keep-fd auto -- $(MAKE) -s -f inner all\n`,
        inner: 'all: one two\none two:\n\t@echo $@\n',
      },
    });
    const { code, stdout, stderr } = await shell(made, 'make -s -j4 NODE="$0" PROGRAM="$1"');
    // Without its descriptors make warns that there is no job server.
    expect([code, stdout.trim().split('\n').sort(), stderr]).toEqual([0, ['one', 'two'], '']);
  });
});

describe('A62 a machine that has next to nothing', () => {
  const isRoot = process.getuid?.() === 0;
  const bare = { HOME: undefined, SECRETS_IDENTITY_FILE: undefined, LANG: undefined };
  const print = ['run', '--', 'sh', '-c', 'test -n "$TOKEN" && echo "uid $(id -u) token $TOKEN"'];

  it.skipIf(!isRoot)('uid 65532, which has no name, no HOME and no folder that it may write', async () => {
    const secret = canary();
    const made = await project({ manifest: MANIFEST });
    readable(made.dir);
    // Drops the rights itself, so that the program starts as in a container.
    const wrapper = ['setpriv', '--reuid', '65532', '--regid', '65532', '--clear-groups', '--no-new-privs'];
    const result = await made.run(print, { env: { ...bare, SRC: secret }, wrapper });
    expect(result).toMatchObject({ code: 0, stdout: 'uid 65532 token ***\n' });
    expect(result.stderr).not.toContain(secret);
    expect(readdirSync(made.dir).sort()).toEqual(['.git', '.secretsrc']);
  });

  it.skipIf(!isRoot || !canMount())('a root file system that is read-only, /tmp and /dev/shm too', async () => {
    const secret = canary();
    const made = await project({ manifest: MANIFEST });
    readable(made.dir);
    const readOnly = [
      'for dir in $(cut -d" " -f2 /proc/mounts); do case $dir in /proc*|/sys*|/dev|/dev/pts) ;; *) mount -o remount,bind,ro "$dir" 2>/dev/null;; esac; done',
      '! touch /tmp/written /dev/shm/written 2>/dev/null || exit 99',
      'exec setpriv --reuid 65532 --regid 65532 --clear-groups "$@"',
    ].join('\n');
    const wrapper = ['unshare', '--mount', '--propagation', 'private', 'sh', '-c', readOnly, 'sh'];
    const result = await made.run(print, { env: { ...bare, SRC: secret }, wrapper });
    expect(result).toMatchObject({ code: 0, stdout: 'uid 65532 token ***\n' });
    // Nothing to make a pipe in, so it says what does not work.
    expect(result.stderr).toContain('/dev/stdout');
    expect(result.stderr).not.toContain(secret);
  });

  it('standard streams that are closed or full', async () => {
    const made = await project({ manifest: MANIFEST });
    const closed = await shell(made, '"$0" "$1" run -- sh -c \'echo out; echo err >&2; exit 3\' 0<&- 1>&- 2>&-');
    expect(closed).toEqual({ code: 3, stdout: '', stderr: '' });
    const full = openSync('/dev/full', 'w');
    const result = await made.run(['run', '--', 'sh', '-c', 'echo out; exit 0'], {
      env: { SRC: canary() },
      stdio: ['ignore', full, 'pipe'],
    });
    closeSync(full);
    expect(result.stderr).toContain('stdout cannot be written');
  });
});

/** For everybody, as a folder in an image is. */
function readable(dir: string): void {
  chmodSync(dir, 0o755);
}

function canMount(): boolean {
  return spawnSync('unshare', ['--mount', 'true']).status === 0;
}
