/** `--replace`: the program in our place. */
import { chmodSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { canary } from './support/canary.ts';
import { project } from './support/project.ts';
import { signedIn, vaultServer, type VaultRule } from './support/vault-server.ts';

const MANIFEST = 'version: 1\nsecrets:\n  API_KEY: env://SOURCE\n';

describe('--replace', () => {
  it('A59 becomes the program, with its values, and says that nothing is masked', async () => {
    const one = await project({ manifest: MANIFEST });
    const value = canary();
    const script = 'echo "$$ $API_KEY $*"; grep SigIgn /proc/self/status; cat /proc/self/coredump_filter; exit 5';
    const running = one.start(['run', '--replace', '--', 'sh', '-c', script, 'sh', 'a b', ''], { env: { SOURCE: value } });
    const { code, stdout, stderr } = await running.result;
    expect(stdout).toBe(`${running.pid} ${value} a b \nSigIgn:\t0000000000000000\n00000000\n`);
    expect(code).toBe(5);
    expect(stderr).toContain('nothing that the program prints is masked');
  });

  it.each([
    ['a missing program', './missing', undefined, 127],
    ['a script without an interpreter line', './script', 'echo started\n', 126],
    ['a script whose interpreter is missing', './script', '#!/no/such/interpreter\n', 126],
    ['a script whose interpreter env does not find', './script', '#!/usr/bin/env no-such-interpreter\n', 127],
    ['a folder', './.git', undefined, 126],
  ])('A59 with %s ends as a shell would, and never by an abort', async (_, program, content, expected) => {
    const one = await project({ manifest: MANIFEST });
    if (content !== undefined) chmodSync(one.write('script', content), 0o755);
    const { code, signal, stdout } = await one.run(['run', '--replace', '--', program], { env: { SOURCE: canary() } });
    expect({ code, signal, stdout }).toEqual({ code: expected, signal: null, stdout: '' });
  });

  it.each([
    [['--mask', 'always'], 'the mask mode is always'],
    [['--ttl', '1h'], '--ttl needs somebody who stays'],
    [['--stop-signal', 'INT', '--kill-after', '1s'], '--kill-after needs somebody who stays'],
    [['--die-with-parent'], '--die-with-parent needs somebody who stays'],
    [['--only', 'CERT'], 'nobody removes what as: file makes'],
    [['--profile', 'prod'], 'refused in the protected profile prod'],
  ])('A59 is refused with %j', async (options, reason) => {
    const manifest = `${MANIFEST}  CERT: { ref: env://SOURCE, as: file }\nprofiles: { prod: { protected: true } }\n`;
    const one = await project({ manifest });
    const { code, stdout, stderr } = await one.run(['run', '--only', 'API_KEY', '--replace', ...options, '--', 'echo', 'started'], {
      env: { SOURCE: canary() },
    });
    expect({ code, stdout }).toEqual({ code: 125, stdout: '' });
    expect(stderr).toContain('error[USAGE]');
    expect(stderr).toContain(reason);
  });

  it('A59 is refused with descriptors to keep, and with a path that env takes for a variable', async () => {
    const one = await project({ manifest: MANIFEST });
    const env = { SOURCE: canary() };
    const stdio = ['ignore', 'pipe', 'pipe', 'pipe'] as const;
    const kept = await one.run(['run', '--replace', '--', 'cat', '/dev/fd/3'], { env, stdio: [...stdio] });
    expect(kept.stderr).toContain('no descriptor above 2 can be kept');
    chmodSync(one.write('a=b', '#!/bin/sh\n'), 0o755);
    const assigned = await one.run(['run', '--replace', '--', './a=b'], { env });
    expect(assigned).toMatchObject({ code: 125, stdout: '' });
    expect(assigned.stderr).toContain('equals sign');
  });

  const withRole = async (
    path: string,
    rule: VaultRule,
  ): Promise<{ asked: () => readonly string[]; run: () => Promise<{ code: number | null; stdout: string; stderr: string }> }> => {
    const server = await vaultServer((asked, request) => (asked === 'POST auth/approle/login' ? signedIn(canary()) : rule(asked, request)));
    const one = await project({
      manifest: `version: 1
providers:
  vault: { address: "${server.url}", auth: { method: approle } }
secrets:
  API_KEY: vault://${path}
`,
    });
    const env = { VAULT_ROLE_ID: 'role', VAULT_SECRET_ID: canary() };
    return { asked: server.asked, run: () => one.run(['run', '--replace', '--', 'echo', 'started'], { env }) };
  };

  it('A59 leaves no token of the run valid', async () => {
    const { asked, run } = await withRole('secret/api#value', () => undefined);
    expect(await run()).toMatchObject({ code: 0, stdout: 'started\n' });
    expect(asked().filter((one) => one === 'POST auth/token/revoke-self')).toHaveLength(1);
  });

  it('A59 is refused where a value has a lease', async () => {
    const { run } = await withRole('database/creds/app#password', (asked) => {
      if (asked.startsWith('GET sys/internal/ui/mounts/database')) return { body: { data: { path: 'database/', type: 'database' } } };
      if (asked !== 'GET database/creds/app') return undefined;
      return { body: { lease_id: 'database/creds/app/1', lease_duration: 60, renewable: true, data: { password: canary() } } };
    });
    const { code, stdout, stderr } = await run();
    expect({ code, stdout }).toEqual({ code: 125, stdout: '' });
    expect(stderr).toContain('error[USAGE]: API_KEY: with --replace nobody renews and revokes its lease');
  });
});
