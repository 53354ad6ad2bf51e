/** `secrets seal` on one host and `run --sealed` on another: two homes that share the file alone. */
import { existsSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { canary } from './support/canary.ts';
import { tempDir } from './support/home.ts';
import { project, type Project } from './support/project.ts';

const MANIFEST = `version: 1
project: shop
defaultProfile: dev
secrets:
  TOKEN: local://token
  URL: { template: "https://user:\${TOKEN|url}@host/" }
  CERT: { ref: "env://CERT_SOURCE", as: file }
  PORT: { value: "8080" }
profiles:
  dev: {}
`;

interface Hosts {
  readonly here: Project;
  readonly there: Project;
  readonly recipient: string;
  readonly token: string;
  readonly out: string;
}

async function hosts(): Promise<Hosts> {
  const here = await project({ manifest: MANIFEST });
  const there = await project();
  const token = canary();
  await here.set('TOKEN', token);
  const recipient = (await there.run(['whoami', '--recipient'])).stdout.trim();
  return { here, there, recipient, token, out: join(tempDir('sealed'), 'bundle') };
}

const SHOW = ['--', 'sh', '-c', 'echo "$TOKEN,$URL,$PORT"'];

describe('a sealed file', () => {
  it('gives a host without a manifest and a manager exactly the values that were named', async () => {
    const { here, there, recipient, token, out } = await hosts();
    const seal = ['seal', '--to', recipient, '--only', 'TOKEN,URL,PORT', '--expires', '4h', '--out', out];
    const sealed = await here.run(seal);
    expect(sealed).toMatchObject({ code: 0 });
    expect(sealed.stdout).toMatch(/^sealed TOKEN, URL, PORT into \S+: for 4h, until \S+Z\n$/);
    const bytes = readFileSync(out);
    expect(bytes.toString('latin1')).toMatch(/^age-encryption\.org\/v1\n/);
    expect(bytes.includes(token)).toBe(false);
    expect(statSync(out).mode & 0o777).toBe(0o600);

    const result = await there.environment(['--sealed', out]);
    expect(result).toMatchObject({ code: 0 });
    expect(result.env?.get('TOKEN')?.toString()).toBe(token);
    expect(result.env?.get('URL')?.toString()).toBe(`https://user:${token}@host/`);
    expect(result.env?.get('PORT')?.toString()).toBe('8080');
    expect(result.env?.has('SECRETS_IDENTITY_FILE')).toBe(false);
    const shown = await there.run(['run', '--sealed', out, ...SHOW], { env: { PORT: '1' } });
    // Masked there as it would have been here, and a plain value yields to what the host says.
    expect(shown).toMatchObject({ code: 0, stdout: '***,***,1\n' });
  });

  it('hands a file over in memory, as the manifest says', async () => {
    const { here, there, recipient, out } = await hosts();
    const value = canary();
    const options = { env: { CERT_SOURCE: value } };
    expect(await here.run(['seal', '--to', recipient, '--only', 'CERT', '--out', out], options)).toMatchObject({ code: 0 });
    const read = await there.run(['run', '--mask', 'never', '--sealed', out, '--', 'sh', '-c', 'cat "$CERT"']);
    expect(read).toMatchObject({ code: 0, stdout: value });
  });

  it('is for as many runs as it says, and a run that cannot begin uses nothing up', async () => {
    const { here, there, recipient, out } = await hosts();
    await here.run(['seal', '--to', recipient, '--only', 'TOKEN', '--uses', '2', '--out', out]);
    expect(await there.run(['run', '--sealed', out, '--', 'no-such-program'])).toMatchObject({ code: 127 });
    for (let run = 0; run < 2; run++) expect(await there.run(['run', '--sealed', out, '--', 'true'])).toMatchObject({ code: 0 });
    const third = await there.run(['run', '--sealed', out, '--', 'true']);
    expect(third).toMatchObject({ code: 125 });
    expect(third.stderr).toContain('it was for 2 runs, and is used up');
  });

  it('is for the command that it names', async () => {
    const { here, there, recipient, token, out } = await hosts();
    await here.run(['seal', '--to', recipient, '--only', 'TOKEN', '--for', 'sh -c "exit 3"', '--out', out]);
    expect(await there.run(['run', '--sealed', out, '--', 'sh', '-c', 'exit 3'])).toMatchObject({ code: 3 });
    const other = await there.run(['run', '--sealed', out, '--', 'sh', '-c', 'exit 4']);
    expect(other).toMatchObject({ code: 125, stdout: '' });
    expect(other.stderr).toContain('the sealed file is for another command');
    expect(other.stderr).not.toContain(token);
  });

  it('is refused when it is over, and when the clock went back', async () => {
    const { here, there, recipient, out } = await hosts();
    await here.run(['seal', '--to', recipient, '--only', 'TOKEN', '--expires', '1ms', '--out', out]);
    const over = await there.run(['run', '--sealed', out, '--', 'true']);
    expect(over).toMatchObject({ code: 125 });
    expect(over.stderr).toContain('it expired at');

    const fresh = `${out}-2`;
    await here.run(['seal', '--to', recipient, '--only', 'TOKEN', '--out', fresh]);
    expect(await there.run(['run', '--sealed', fresh, '--', 'true'])).toMatchObject({ code: 0 });
    const clock = join(there.home.dir, '.local/state/secrets/sealed/clock.json');
    const { latest } = JSON.parse(readFileSync(clock, 'utf8')) as { latest: string };
    writeFileSync(clock, JSON.stringify({ latest: new Date(Date.parse(latest) + 3_600_000).toISOString() }));
    const back = await there.run(['run', '--sealed', fresh, '--', 'true']);
    expect(back).toMatchObject({ code: 125 });
    expect(back.stderr).toContain('the clock of this host went back');
  });

  it('opens for its recipients alone, and says so where it is cut off or changed', async () => {
    const { here, there, recipient, out } = await hosts();
    await here.run(['seal', '--to', recipient, '--only', 'TOKEN', '--out', out]);
    const stranger = await here.run(['run', '--sealed', out, '--', 'true']);
    expect(stranger.stderr).toContain('error[STORE_LOCKED]');
    const bytes = readFileSync(out);
    for (const wrong of [bytes.subarray(0, -1), Buffer.from(bytes.map((byte, at) => (at === bytes.length - 5 ? byte ^ 1 : byte)))]) {
      writeFileSync(out, wrong);
      const damaged = await there.run(['run', '--sealed', out, '--', 'true']);
      expect(damaged).toMatchObject({ code: 125 });
      expect(damaged.stderr).toContain('is damaged');
    }
  });

  it.each([
    ['nobody', ['--only', 'TOKEN', '--out', 'x'], 'nobody is named'],
    ['no recipient', ['--to', 'age1nonsense', '--only', 'TOKEN', '--out', 'x'], 'no age recipient'],
    ['no names', ['--to', 'RECIPIENT', '--out', 'x'], 'what to put in is not named'],
    ['no file', ['--to', 'RECIPIENT', '--only', 'TOKEN'], 'the file to write is not named'],
    ['no duration', ['--to', 'RECIPIENT', '--only', 'TOKEN', '--out', 'x', '--expires', 'soon'], '--expires takes a duration'],
    ['no number', ['--to', 'RECIPIENT', '--only', 'TOKEN', '--out', 'x', '--uses', '0'], '--uses takes a whole number'],
    ['an open quote', ['--to', 'RECIPIENT', '--only', 'TOKEN', '--out', 'x', '--for', 'sh "'], '--for takes a command'],
  ])('is not made for %s', async (_, options, message) => {
    const { here, recipient } = await hosts();
    const result = await here.run(['seal', ...options.map((option) => (option === 'RECIPIENT' ? recipient : option))]);
    expect(result).toMatchObject({ code: 64, stdout: '' });
    expect(result.stderr).toContain(message);
    expect(existsSync(join(here.dir, 'x'))).toBe(false);
  });

  it('does not replace a file, and is not made of a part', async () => {
    const { here, recipient, out } = await hosts();
    writeFileSync(out, 'mine');
    expect(await here.run(['seal', '--to', recipient, '--only', 'TOKEN', '--out', out])).toMatchObject({ code: 74 });
    expect(readFileSync(out, 'utf8')).toBe('mine');
    const part = await here.run(['seal', '--to', recipient, '--all', '--out', `${out}-2`]);
    expect(part.code).toBe(66);
    expect(existsSync(`${out}-2`)).toBe(false);
  });
});
