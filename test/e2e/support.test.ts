/** The tools of the end-to-end tests themselves. */
import { describe, expect, it } from 'vitest';
import { faultServer } from './support/fault-server.ts';
import { child, project } from './support/project.ts';
import { CTRL_C, shellPty } from './support/pty.ts';

describe('shellPty', () => {
  it('drives an interactive shell: keys, signals, size, exit status', async () => {
    const { home, dir } = await project();
    const shell = shellPty({ home, cwd: dir });
    await shell.waitFor('ready$ ');
    shell.write(`node ${child('count-signals.mjs')} SIGINT 0 7\r`);
    await shell.waitFor(/ready \d+/);
    shell.write(CTRL_C);
    await shell.waitFor('{"SIGINT":1}');
    await shell.waitFor('ready$ ');
    shell.write('echo "status=$?"\r');
    await shell.waitFor(/^status=7/m);
    shell.resize(120, 40);
    shell.write(`node ${child('is-terminal.mjs')}\r`);
    expect((await shell.waitFor(/\{.*\}/))[0]).toBe('{"stdin":true,"stdout":true,"columns":120,"rows":40}');
    shell.write('exit 3\r');
    expect(await shell.exit).toEqual({ code: 3, signal: 0 });
    await expect(shell.waitFor('anything else')).rejects.toThrow('ended without');
  });
});

describe('faultServer', () => {
  it('answers by its script, repeats the last answer, and counts', async () => {
    const server = await faultServer([{ status: 503 }, { instead: 'reset' }, { body: { a: 1 }, delayMs: 50 }]);
    expect((await fetch(`${server.url}/x?y`)).status).toBe(503);
    await expect(fetch(server.url)).rejects.toThrow('fetch failed');
    const bodies = await Promise.all([1, 2, 3].map(async () => (await fetch(server.url)).json()));
    expect(bodies).toEqual([{ a: 1 }, { a: 1 }, { a: 1 }]);
    await server.seen(5);
    expect(server.maxInFlight()).toBe(3);
    expect(server.requests).toHaveLength(5);
    expect(server.requests[0]).toMatchObject({ method: 'GET', path: '/x?y' });
  });
});
