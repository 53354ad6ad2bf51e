/** `as: file` and `as: fd`: exact bytes behind a path, in memory only, and nothing left. */
import { spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { chmodSync, existsSync, readdirSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { canary } from './support/canary.ts';
import { tempDir } from './support/home.ts';
import { inNamespace } from './support/namespace.ts';
import { child, project, type Project } from './support/project.ts';

const MANIFEST = `version: 1
project: shop
secrets:
  CERT: { ref: "local://cert", as: file }
  TOKEN: { ref: "local://token", as: fd }
`;
const FROM_ENV = 'version: 1\nsecrets:\n  CERT: { ref: "env://SRC", as: file }\n';

/** Every byte there is, no text, and more than a variable can hold. */
const BYTES = Buffer.concat([Buffer.from(Array.from({ length: 256 }, (_, byte) => byte)), Buffer.alloc(200_000, 0)]);

async function stored(): Promise<Project> {
  const one = await project({ manifest: MANIFEST });
  for (const name of ['CERT', 'TOKEN']) expect(await one.run(['set', name, '--exact'], { input: BYTES })).toMatchObject({ code: 0 });
  return one;
}

const pathIn = (output: string): string => /^\/dev\/shm\/secrets-run-\S+\/CERT$/m.exec(output)?.[0] ?? '';

describe.runIf(process.platform === 'linux')('as: file', () => {
  it('hands over exact bytes, for this user only, while the program runs', async () => {
    const one = await stored();
    const copy = join(tempDir('copy'), 'bytes');
    const script = `cat "$CERT" > "$0"; echo "$CERT"; stat -c %a "$CERT" "$(dirname "$CERT")"; stat -f -c %T "$CERT"`;
    const result = await one.run(['run', '--mask', 'never', '--only', 'CERT', '--', 'sh', '-c', script, copy]);
    expect(result).toMatchObject({ code: 0, stderr: '' });
    expect(readFileSync(copy)).toEqual(BYTES);
    const path = pathIn(result.stdout);
    expect(result.stdout).toBe(`${path}\n600\n700\ntmpfs\n`);
    expect(existsSync(dirname(path))).toBe(false);
  });

  it('masks what the file holds, and not its path', async () => {
    const one = await project({ manifest: FROM_ENV });
    const value = canary();
    const result = await one.run(['run', '--inherit', 'PATH', '--', 'sh', '-c', 'echo "$CERT"; cat "$CERT"'], { env: { SRC: value } });
    expect(result.stdout).toBe(`${pathIn(result.stdout)}\n***`);
    expect(pathIn(result.stdout)).not.toBe('');
  });

  it.each(['TERM', 'INT', 'HUP'] as const)('leaves nothing when a SIG%s ends the program', async (name) => {
    const one = await project({ manifest: FROM_ENV });
    const running = one.start(['run', '--', 'sh', '-c', 'echo "$CERT"; exec sleep 60'], { env: { SRC: canary() }, detached: true });
    const [path] = await running.waitFor(/^\/dev\/shm.*$/m);
    expect(existsSync(path)).toBe(true);
    running.child.kill(`SIG${name}`);
    expect(await running.result).toMatchObject({ code: null, signal: `SIG${name}` });
    expect(existsSync(dirname(path))).toBe(false);
  });

  it.each(['TERM', 'KILL', 'SEGV'])('leaves nothing when the program ends itself by SIG%s', async (name) => {
    const one = await project({ manifest: FROM_ENV });
    const script = `echo "$CERT"; exec sh "$0" ${name}`;
    const result = await one.run(['run', '--', 'sh', '-c', script, child('kill-self.sh')], { env: { SRC: canary() } });
    expect(result).toMatchObject({ signal: `SIG${name}` });
    expect(pathIn(result.stdout)).not.toBe('');
    expect(existsSync(dirname(pathIn(result.stdout)))).toBe(false);
  });

  it('leaves nothing when the program cannot be started', async () => {
    const one = await project({ manifest: FROM_ENV });
    const inner = one.write('inner', '#!/nowhere/sh\n');
    const command = one.write('command', `#!${inner}\n`);
    for (const file of [inner, command]) chmodSync(file, 0o755);
    const running = one.start(['run', '--', command], { env: { SRC: canary() } });
    const result = await running.result;
    expect(result.code).toBe(127);
    expect(result.stderr).toContain('nothing was started');
    expect(readdirSync('/dev/shm').filter((name) => name.startsWith(`secrets-run-${running.pid}-`))).toEqual([]);
  });

  it('after SIGKILL the next run removes it, also one without files', async () => {
    const one = await project({ manifest: `${FROM_ENV}  OTHER: env://SRC\n` });
    const env = { SRC: canary() };
    // The child goes with its input; it is not ours to find once its parent is gone.
    const killed = one.start(['run', '--', 'sh', '-c', 'echo "$CERT"; exec cat'], { env, stdio: ['pipe', 'pipe', 'pipe'] });
    const living = one.start(['run', '--', 'sh', '-c', 'echo "$CERT"; exec cat'], { env, stdio: ['pipe', 'pipe', 'pipe'] });
    const [[path], [other]] = await Promise.all([killed.waitFor(/^\/dev\/shm.*$/m), living.waitFor(/^\/dev\/shm.*$/m)]);
    const exit = once(killed.child, 'exit');
    killed.child.kill('SIGKILL');
    await exit;
    expect(existsSync(path)).toBe(true);
    expect(await one.run(['run', '--only', 'OTHER', '--', 'true'], { env })).toMatchObject({ code: 0 });
    expect(existsSync(dirname(path))).toBe(false);
    expect(existsSync(other)).toBe(true);
    killed.child.stdin?.end();
    living.child.stdin?.end();
    await living.result;
    expect(existsSync(dirname(other))).toBe(false);
  });
});

describe.runIf(process.platform === 'linux')('as: fd', () => {
  it('hands over exact bytes that have no name, from the start each time, and read only', async () => {
    const one = await stored();
    const copy = join(tempDir('copy'), 'bytes');
    const script = `
      cat "$TOKEN" > "$0.1"; cat "$TOKEN" > "$0.2"; cat <&20 > "$0.3"
      ( echo x >&20 ) 2> /dev/null && echo writable
      echo "$TOKEN"; readlink "$TOKEN"; ls /dev/shm | grep "^secrets-run-$PPID-"`;
    const result = await one.run(['run', '--mask', 'never', '--only', 'TOKEN', '--', 'bash', '-c', script, copy]);
    expect(result).toMatchObject({ stderr: '' });
    expect(result.stdout).toMatch(/^\/dev\/fd\/20\n\/dev\/shm\/secrets-run-\S+\/TOKEN \(deleted\)\n$/);
    for (const number of [1, 2, 3]) expect(readFileSync(`${copy}.${number}`)).toEqual(BYTES);
  });

  it('keeps away from descriptors that the program gets besides', async () => {
    const one = await project({ manifest: 'version: 1\nsecrets:\n  A: { ref: "env://SRC", as: fd }\n  B: { ref: "env://SRC", as: fd }\n' });
    const value = canary();
    const wrapper = ['bash', '-c', 'exec "$@" 20< <(echo other)', 'bash'];
    const script = 'echo "$A $B"; cat "$A" "$B" <&20 | tr a-z A-Z; cat <&20';
    const result = await one.run(['run', '--keep-fd', '20', '--', 'bash', '-c', script], { env: { SRC: value }, wrapper });
    expect(result.stdout).toBe(`/dev/fd/21 /dev/fd/22\n${value.toUpperCase().repeat(2)}other\n`);
  });
});
const canMount = process.platform === 'linux' && spawnSync('unshare', ['--mount', 'true']).status === 0;

describe.runIf(canMount)('where memory is short', () => {
  it('refuses before anything is fetched, and writes to no disk', async () => {
    const one = await project({
      manifest: `version: 1\nsecrets:\n  CERT: { ref: "env://ABSENT", as: file }\n  TOKEN: { ref: "env://ABSENT", as: fd }\n`,
    });
    const disk = tempDir('disk');
    const wrapper = inNamespace(`mount --bind ${disk} /dev/shm`);
    const result = await one.run(['run', '--', 'true'], { wrapper, env: { XDG_RUNTIME_DIR: disk } });
    expect(result.code).toBe(125);
    for (const name of ['CERT', 'TOKEN'])
      expect(result.stderr).toMatch(new RegExp(`error\\[CAPABILITY_UNSUPPORTED\\]: ${name}: .*is in memory`));
    expect(result.stderr).not.toContain('ABSENT is not set');
    expect(readdirSync(disk)).toEqual([]);
  });

  it('takes the runtime folder where that is in memory', async () => {
    const one = await project({ manifest: FROM_ENV });
    const [disk, memory] = [tempDir('disk'), tempDir('memory')];
    const wrapper = inNamespace(`mount --bind ${disk} /dev/shm && mount -t tmpfs none ${memory}`);
    const value = canary();
    const script = 'echo "$CERT"; tr a-z A-Z < "$CERT"';
    const result = await one.run(['run', '--', 'sh', '-c', script], { wrapper, env: { XDG_RUNTIME_DIR: memory, SRC: value } });
    expect(result.stdout).toMatch(new RegExp(`^${memory}/secrets-run-\\S+/CERT\n${value.toUpperCase()}$`));
  });

  it('says so when the value does not fit, and leaves nothing', async () => {
    const one = await stored();
    const wrapper = inNamespace('mount -t tmpfs -o size=64k none /dev/shm');
    const script = 'ls /dev/shm; "$@"; echo $?; ls /dev/shm';
    const result = await one.run(['run', '--mask', 'never', '--', 'true'], { wrapper: [...wrapper, 'sh', '-c', script, 'sh'] });
    expect(result.stdout).toBe('125\n');
    expect(result.stderr).toMatch(/error\[IO\]: (?:CERT|TOKEN): .*\(ENOSPC\)/);
    expect(result.stderr).toContain('nothing was started');
  });
});

describe('what is shown beforehand', () => {
  it('names the kind of path in the plan and in explain, and refuses --replace', async () => {
    const one = await project({ manifest: MANIFEST });
    const { stdout } = await one.run(['run', '--dry-run', '--', 'true']);
    expect(stdout).toMatch(/CERT .*path of a file/);
    expect(stdout).toMatch(/TOKEN .*path of a descriptor/);
    expect((await one.run(['explain'])).stdout).toMatch(/CERT .*path of a file in memory/);
    const refused = await one.run(['run', '--replace', '--', 'true']);
    expect(refused.code).toBe(125);
    expect(refused.stderr).toContain('as: file');
  });
});
