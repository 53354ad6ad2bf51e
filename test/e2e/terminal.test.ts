/** In a terminal: keys, job control, and masking by a terminal in between. */
import { describe, expect, it } from 'vitest';
import { canary } from './support/canary.ts';
import { PROGRAM } from './support/cli.ts';
import { child, project } from './support/project.ts';
import { CTRL_C, CTRL_D, CTRL_Z, shellPty } from './support/pty.ts';

const MANIFEST = 'version: 1\nsecrets:\n  TOKEN: env://SRC\n';
const node = (name: string, ...args: string[]): readonly string[] => ['--', process.execPath, child(name), ...args];

describe.each(['auto', 'always'])('in a terminal with --mask %s', (mode) => {
  const options = ['run', '--mask', mode];

  it('A15 Ctrl-C reaches the child once, and its clean-up is waited for', async () => {
    const { pty } = await project({ manifest: MANIFEST });
    const run = pty([...options, ...node('count-signals.mjs', 'SIGINT', '3000', '7')], { env: { SRC: canary() } });
    await run.waitFor('ready');
    const began = performance.now();
    run.write(CTRL_C);
    await run.waitFor('SIGINT');
    await run.waitFor('{"SIGINT":1}');
    expect(await run.exit).toEqual({ code: 7, signal: 0 });
    expect(performance.now() - began).toBeGreaterThan(2_900);
  });

  it('A15 Ctrl-C ends a child that has no handler, and the shell sees that', async () => {
    const { dir, home } = await project({ manifest: MANIFEST });
    const shell = shellPty({ home, cwd: dir, env: { SRC: canary() } });
    await shell.waitFor('ready$ ');
    shell.write(`${process.execPath} ${PROGRAM} ${[...options, ...node('sleep-forever.mjs')].join(' ')}\r`);
    await shell.waitFor(/ready \d+/);
    shell.write(CTRL_C);
    await shell.waitFor('ready$ ');
    shell.write('echo "status=$?"\r');
    expect((await shell.waitFor(/^status=\d+/m))[0]).toBe('status=130');
  });

  it('A41 the child reads what is typed, and its end', async () => {
    const { pty } = await project({ manifest: MANIFEST });
    const run = pty([...options, '--', 'sh', '-c', 'echo go; while read -r line; do echo "[$line]"; done; echo over'], {
      env: { SRC: canary() },
    });
    await run.waitFor('go');
    run.write('first\r');
    await run.waitFor('[first]');
    run.write('second\r');
    await run.waitFor('[second]');
    run.write(CTRL_D);
    await run.waitFor('over');
    expect(await run.exit).toEqual({ code: 0, signal: 0 });
  });

  it('A42 Ctrl-Z stops program and child, the shell is back, and fg goes on with both', async () => {
    const { dir, home } = await project({ manifest: MANIFEST });
    const shell = shellPty({ home, cwd: dir, env: { SRC: canary() } });
    await shell.waitFor('ready$ ');
    shell.write(`${process.execPath} ${PROGRAM} ${[...options, ...node('count-signals.mjs', 'SIGINT', '0', '5')].join(' ')}\r`);
    const [, pid] = await shell.waitFor(/ready (\d+)/);
    for (let round = 0; round < 2; round++) {
      shell.write(CTRL_Z);
      await shell.waitFor('Stopped');
      await shell.waitFor('ready$ ');
      // The system stops it when it gets a turn, which may be after the shell has its own.
      shell.write(`until grep -q 'State:.T' /proc/${pid}/status; do :; done; echo "stopped=$?"\r`);
      await shell.waitFor(/^stopped=0/m);
      shell.write('fg\r');
      await shell.waitFor('SIGCONT');
    }
    shell.write(CTRL_C);
    await shell.waitFor(/\{.*"SIGINT":1/);
    await shell.waitFor('ready$ ');
    shell.write('echo "status=$?"\r');
    expect((await shell.waitFor(/^status=\d+/m))[0]).toBe('status=5');
    // The terminal is as it was: what is typed is shown and edited.
    shell.write('echo "again=$((1+1))"\r');
    await shell.waitFor(/^again=2/m);
  });

  it('A42 Ctrl-Z stops nothing where no shell could go on with it', async () => {
    const { pty } = await project({ manifest: MANIFEST });
    const run = pty([...options, '--', 'cat'], { env: { SRC: canary() } });
    run.write('before\r');
    await run.waitFor(/before\s+before/);
    run.write(CTRL_Z);
    // The terminal throws away what was typed around the key, so the next line waits until it was seen.
    await run.waitFor('^Z');
    run.write('after\r');
    await run.waitFor(/after\s+after/);
    run.write(CTRL_D);
    expect(await run.exit).toEqual({ code: 0, signal: 0 });
  });
});

describe('A47 --mask always in a terminal', () => {
  it('the child sees a terminal of the same size, colour, and each change of size', async () => {
    const { pty } = await project({ manifest: MANIFEST });
    const run = pty(['run', '--mask', 'always', ...node('is-terminal.mjs', '--stay')], { env: { SRC: canary() }, columns: 97, rows: 31 });
    expect((await run.waitFor(/\{.*\}/))[0]).toBe('{"stdin":true,"stdout":true,"columns":97,"rows":31}');
    run.resize(120, 40);
    expect((await run.waitFor(/\{.*\}/))[0]).toBe('{"stdin":true,"stdout":true,"columns":120,"rows":40}');
    run.write(CTRL_C);
    expect((await run.exit).signal).toBe(2);
  });

  it('a prompt without a newline is shown at once, values are masked, colours pass', async () => {
    const secret = canary();
    const { pty } = await project({ manifest: MANIFEST });
    const program =
      'printf "\\033[31mred $TOKEN\\033[0m\\n"; printf "Password: "; read -r answer; printf "got $answer and $TOKEN"; echo " $TOKEN" >&2';
    const run = pty(['run', '--mask', 'always', '--', 'sh', '-c', program], { env: { SRC: secret } });
    await run.waitFor('red ***');
    await run.waitFor('Password: ');
    run.write('typed\r');
    await run.waitFor('got typed and *** ***');
    await run.waitFor(/masked in stdout: TOKEN ×3/);
    expect(await run.exit).toEqual({ code: 0, signal: 0 });
    expect(run.raw()).toContain('\u001b[31mred ***\u001b[0m');
    expect(run.raw()).not.toContain(secret);
  });

  it('a line feed stays one where the program wants no carriage return with it', async () => {
    const { pty } = await project({ manifest: MANIFEST });
    const run = pty(['run', '--mask', 'always', '--', 'sh', '-c', 'stty -opost; printf "one\\ntwo"'], { env: { SRC: canary() } });
    expect(await run.exit).toEqual({ code: 0, signal: 0 });
    expect(run.raw()).toContain('one\ntwo');
  });

  it('a shell inside has job control', async () => {
    const { pty } = await project({ manifest: MANIFEST });
    const run = pty(['run', '--mask', 'always', '--', 'bash', '--norc', '--noprofile', '-i'], { env: { SRC: canary(), PS1: 'inner$ ' } });
    await run.waitFor('inner$ ');
    run.write('echo "flags=$-"\r');
    await run.waitFor(/^flags=\w*m/m);
    expect(run.text()).not.toContain('no job control');
    run.write('exit 4\r');
    expect(await run.exit).toEqual({ code: 4, signal: 0 });
  });

  it('a child that closes its terminal and goes on is not hung up', async () => {
    const { pty } = await project({ manifest: MANIFEST });
    const program = 'echo last; exec <&- >&- 2>&-; sleep 0.3; exit 5';
    const run = pty(['run', '--mask', 'always', '--', 'sh', '-c', program], { env: { SRC: canary() } });
    await run.waitFor('last');
    expect(await run.exit).toEqual({ code: 5, signal: 0 });
  });

  it('A42 Ctrl-Z is left to a program that reads the key, or ignores or handles its signal', async () => {
    const { dir, home } = await project({ manifest: MANIFEST });
    const shell = shellPty({ home, cwd: dir, env: { SRC: canary() } });
    await shell.waitFor('ready$ ');
    // A shell that waits for a line when its trap runs takes that for the end of the line, so it asks again.
    const program =
      'stty -isig -icanon; echo raw; head -c 1 | od -An -tx1; stty isig icanon; trap "" TSTP; echo deaf; read -r line; echo "[$line]"; trap "echo heard" TSTP; echo handler; until read -r line; do :; done; echo "[$line]"';
    shell.write(`${process.execPath} ${PROGRAM} run --mask always -- sh -c '${program}'\r`);
    await shell.waitFor(/^raw/m);
    shell.write(CTRL_Z);
    await shell.waitFor(/ 1a\s+deaf/);
    shell.write(CTRL_Z);
    shell.write('still here\r');
    await shell.waitFor('[still here]');
    await shell.waitFor(/^handler/m);
    shell.write(CTRL_Z);
    shell.write('and here\r');
    await shell.waitFor('heard');
    await shell.waitFor('[and here]');
    await shell.waitFor('ready$ ');
    expect(shell.text()).not.toContain('Stopped');
  });
});
