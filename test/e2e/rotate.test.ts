/** What a person or a scheduler types: rotate, rollback, revoke and schedule of the built program, over the local store. */
import { execFileSync } from 'node:child_process';
import { createPrivateKey } from 'node:crypto';
import { existsSync, readFileSync, readdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { parse, parseAllDocuments } from 'yaml';
import { describeWith } from '../bed/use.ts';
import { canary } from './support/canary.ts';
import { tempDir } from './support/home.ts';
import { child, project, type Project } from './support/project.ts';

const MANIFEST = `version: 1
project: shop
secrets:
  API_KEY:
    ref: local://api-key
    owner: ana
    contact: "#payments"
    consumers: [api, worker]
    tags: [web]
    rotate: { using: generate, every: 30d, length: 32, alphabet: ascii, require: [upper, digit, symbol] }
  SESSION: { ref: local://session, owner: bob, rotate: { using: generate, every: 1s } }
  HAND_MADE: { ref: local://hand-made, owner: ana }
  URL: { template: "https://x/\${API_KEY|url}" }
  PINNED: { ref: "local://api-key?version=1", rotate: { using: generate } }
`;

const NAMES = ['API_KEY', 'SESSION', 'HAND_MADE'] as const;

async function shop(
  manifest = MANIFEST,
): Promise<{ readonly one: Project; readonly first: Readonly<Record<(typeof NAMES)[number], string>> }> {
  const one = await project({ manifest });
  const first = { API_KEY: canary(), SESSION: canary(), HAND_MADE: canary() };
  for (const name of NAMES) await one.set(name, first[name]);
  return { one, first };
}

const valueOf = async (one: Project, name: string): Promise<string> => (await one.run(['get', name, '--reveal'])).stdout;
const rotations = (stdout: string): readonly Record<string, unknown>[] =>
  (JSON.parse(stdout) as { rotations: Record<string, unknown>[] }).rotations;
const later = async (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));

describe('rotate', () => {
  it('replaces a value by one that keeps to its policy, and says who has the former one', async () => {
    const { one, first } = await shop();
    const text = readFileSync(join(one.dir, '.secretsrc'), 'utf8');
    const held = one.start(['run', '--only', 'API_KEY', '--', process.execPath, '-e', 'console.log("up"); setInterval(() => {}, 1000)']);
    await held.waitFor('up');
    const plan = await one.run(['rotate', 'API_KEY', '--dry-run']);
    expect(plan).toMatchObject({ code: 0 });
    for (const part of [
      'API_KEY  local://api-key',
      'by generate',
      'owner: ana (#payments)',
      'consumers: api, worker',
      'also changes:',
      'URL',
      `running with the present value: node (pid`,
    ])
      expect(plan.stdout).toContain(part);
    expect(await valueOf(one, 'API_KEY')).toBe(first.API_KEY);

    const done = await one.run(['rotate', 'API_KEY', '--yes']);
    held.child.kill('SIGTERM');
    await held.result;
    expect(done).toMatchObject({ code: 0, stdout: 'rotated API_KEY at local://api-key, version 2 (was 1)\n' });
    expect(done.stderr).toMatch(/restart what has the former value: api, worker, node \(pid \d+\)/);
    const fresh = await valueOf(one, 'API_KEY');
    expect(fresh).toMatch(/^(?=.*[A-Z])(?=.*\d)(?=.*[^A-Za-z0-9])[!-~]{32}$/);
    for (const value of [fresh, first.API_KEY]) expect(done.stdout + done.stderr).not.toContain(value);
    expect(readFileSync(join(one.dir, '.secretsrc'), 'utf8')).toBe(text);
  });

  it('asks at a terminal, and elsewhere wants --yes', async () => {
    const { one, first } = await shop();
    expect(await one.run(['rotate', 'API_KEY'])).toMatchObject({ code: 64 });
    const terminal = one.pty(['rotate', 'API_KEY']);
    await terminal.waitFor('Rotate it?');
    terminal.write('n\r');
    expect((await terminal.exit).code).toBe(130);
    expect(await valueOf(one, 'API_KEY')).toBe(first.API_KEY);
    const agreed = one.pty(['rotate', 'API_KEY']);
    await agreed.waitFor('Rotate it?');
    agreed.write('y\r');
    expect((await agreed.exit).code).toBe(0);
    expect(await valueOf(one, 'API_KEY')).not.toBe(first.API_KEY);
  });

  it('says what is wrong with what was typed, and changes nothing', async () => {
    const { one, first } = await shop();
    for (const [args, code, words] of [
      [['rotate'], 64, '--where owner=NAME'],
      [['rotate', 'API_KEY', '--due'], 64, 'without'],
      [['rotate', 'API_KEI', '--yes'], 64, 'did you mean API_KEY?'],
      [['rotate', 'HAND_MADE', '--yes'], 64, '--using generate'],
      [['rotate', 'URL', '--yes'], 69, 'secrets rotate API_KEY'],
      [['rotate', 'PINNED', '--yes'], 64, 'pinned'],
      [['rotate', 'API_KEY', '--yes', '--grace', '0'], 64, '--reason compromise'],
      [['rotate', 'API_KEY', '--yes', '--grace', 'soon'], 64, '--grace 24h'],
      [['rotate', 'API_KEY', '--yes', '--using', 'provider'], 69, 'rotates nothing by itself'],
      [['rotate', 'API_KEY', '--resume', '--abort'], 64, 'exclude'],
      [['rotate', '--where', 'owner=carol', '--yes'], 64, 'no secret matches'],
      [['rotate', '--where', 'ownr=ana', '--yes'], 64, 'did you mean owner?'],
      [['rotate', '--where', 'owner', '--yes'], 64, 'FIELD=VALUE'],
      [['rotate', 'API_KEY', '--parallel', '0', '--yes'], 64, '1 to 32'],
      [['rotate', '--workspace', 'nowhere', '--due', '--yes'], 64, '--workspace'],
      [['rotate', 'local://nothing-there', '--using', 'generate', '--yes'], 66, 'no value yet'],
    ] as const) {
      const result = await one.run(args);
      expect([args.join(' '), result.code, result.stdout]).toEqual([args.join(' '), code, '']);
      expect(result.stderr).toContain(words);
    }
    for (const name of NAMES) expect(await valueOf(one, name)).toBe(first[name]);
  });

  it('takes a reference with no manifest at hand', async () => {
    const { one, first } = await shop();
    const done = await one.run(['rotate', 'local://hand-made', '--using', 'generate', '--yes']);
    expect(done).toMatchObject({ code: 0, stdout: 'rotated local://hand-made, version 2 (was 1)\n' });
    expect(await valueOf(one, 'HAND_MADE')).not.toBe(first.HAND_MADE);
  });

  it('rotates what is due and nothing else, and ends former values when their time has come', async () => {
    const { one, first } = await shop();
    await later(1_100);
    const done = await one.run(['rotate', '--due', '--yes', '--grace', '1s', '--json']);
    expect(done).toMatchObject({ code: 0 });
    expect(rotations(done.stdout)).toMatchObject([{ name: 'SESSION', state: 'rotated', from: '1', version: '2' }]);
    expect(await valueOf(one, 'API_KEY')).toBe(first.API_KEY);
    expect((await one.run(['get', 'local://session?version=1', '--reveal'])).stdout).toBe(first.SESSION);
    await later(1_100);
    const next = await one.run(['rotate', '--due', '--yes', '--json']);
    expect(rotations(next.stdout)).toMatchObject([
      { name: 'SESSION', state: 'retired', from: '1' },
      { name: 'SESSION', state: 'rotated', from: '2', version: '3' },
    ]);
    expect((await one.run(['get', 'local://session?version=1', '--reveal'])).code).toBe(77);
    const versions = JSON.parse((await one.run(['history', 'SESSION', '--json'])).stdout) as {
      versions: { version: string; state: string }[];
    };
    expect(versions.versions.map(({ version, state }) => [version, state])).toEqual([
      ['3', 'enabled'],
      ['2', 'enabled'],
      ['1', 'disabled'],
    ]);
  });

  it('ends former values also where no journal is kept, as in a job of a CI', async () => {
    const { one } = await shop(MANIFEST.replace('every: 1s', 'every: 30d, grace: 1s'));
    const fresh = (): { readonly env: Readonly<Record<string, string>> } => ({ env: { SECRETS_STATE_DIR: tempDir('state') } });
    expect((await one.run(['rotate', 'SESSION', '--yes'], fresh())).code).toBe(0);
    await later(1_100);
    const done = await one.run(['rotate', '--due', '--yes', '--json'], fresh());
    expect(rotations(done.stdout)).toMatchObject([{ name: 'SESSION', state: 'retired', from: '1' }]);
    expect(rotations((await one.run(['rotate', '--due', '--yes', '--json'], fresh())).stdout)).toEqual([]);
  });

  it('says "nothing is due" with 0', async () => {
    const { one } = await shop(MANIFEST.replace('every: 1s', 'every: 30d'));
    expect(await one.run(['rotate', '--due', '--yes'])).toMatchObject({ code: 0, stdout: '' });
  });

  it('rotates what one person owned, names what it can not, and ends with that', async () => {
    const { one, first } = await shop();
    const done = await one.run(['rotate', '--where', 'owner=ana', '--reason', 'offboarding', '--yes']);
    expect(done.code).toBe(64);
    expect(done.stdout).toContain('rotated API_KEY');
    expect(done.stderr).toContain('HAND_MADE: nothing says how it is rotated');
    expect(await valueOf(one, 'API_KEY')).not.toBe(first.API_KEY);
    expect(await valueOf(one, 'SESSION')).toBe(first.SESSION);
    const all = await one.run(['rotate', '--where', 'owner=ana,tag=web', '--using', 'generate', '--yes', '--json']);
    expect(rotations(all.stdout).map(({ name }) => name)).toEqual(['API_KEY']);
  });

  it('ends a leaked value at once', async () => {
    const { one } = await shop();
    const done = await one.run(['rotate', 'API_KEY', '--reason', 'compromise', '--yes']);
    expect(done).toMatchObject({ code: 0 });
    expect((await one.run(['get', 'local://api-key?version=1', '--reveal'])).code).toBe(77);
    expect(await valueOf(one, 'API_KEY')).not.toBe('');
    const log = readFileSync(join(one.home.dir, '.local/state/secrets/audit.jsonl'), 'utf8');
    const events = log
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line) as { event: string; reason?: string });
    expect(events.filter(({ reason }) => reason === 'compromise').map(({ event }) => event)).toEqual([
      'rotate.planned',
      'rotate.promoted',
      'rotate.retired',
    ]);
  });

  it('rotates a value that two manifests share once, and all manifests below a folder', async () => {
    const { one } = await shop(
      'version: 1\nproject: shop\nsecrets: { SHARED: { ref: local://shared, rotate: { using: generate, every: 1s } } }\n'.replace(
        'secrets: {',
        'secrets: { API_KEY: local://a, SESSION: local://s, HAND_MADE: local://h,',
      ),
    );
    one.write(
      'web/.secretsrc',
      'version: 1\nproject: shop\nsecrets: { SAME: { ref: local://shared, rotate: { using: generate, every: 1s } }, OWN: { ref: local://own, rotate: { using: generate, every: 1s } } }\n',
    );
    await one.set('SHARED', 'first');
    await one.run(['set', 'local://own'], { input: 'first' });
    await later(1_100);
    const done = await one.run(['rotate', '--workspace', '.', '--due', '--yes', '--json']);
    expect(done).toMatchObject({ code: 0 });
    expect(rotations(done.stdout)).toMatchObject([
      { name: 'SHARED', affected: ['SAME'] },
      { name: 'OWN', version: '2' },
    ]);
  });

  it('runs commands before and after, which get no value and no credential, and stops before anything changes', async () => {
    const note = join(tempDir('hook'), 'note');
    const script = `require('fs').appendFileSync('${note}', JSON.stringify([process.argv[1], process.env]) + '\\n')`;
    const node = (code: string, ...args: readonly string[]): string => JSON.stringify([process.execPath, '-e', code, ...args]);
    const hooks = (before: string): string =>
      `${MANIFEST}  HOOKED: { ref: local://hooked, rotate: { using: generate, before: ${node(before)}, after: ${node(script, 'after')} } }\n`;
    const { one } = await shop(hooks('process.exit(0)'));
    await one.set('HOOKED', 'first-value');
    const done = await one.run(['rotate', 'HOOKED', '--yes']);
    expect(done).toMatchObject({ code: 0 });
    const [name, env] = JSON.parse(readFileSync(note, 'utf8')) as [string, Record<string, string>];
    expect([name, env['SECRETS_ROTATED'], env['SECRETS_ROTATED_VERSION']]).toEqual(['after', 'HOOKED', '2']);
    const value = await valueOf(one, 'HOOKED');
    expect(readFileSync(note, 'utf8')).not.toContain(value);
    expect(env['SECRETS_IDENTITY_FILE']).toBeUndefined();

    writeFileSync(join(one.dir, '.secretsrc'), hooks('process.exit(3)'));
    const refused = await one.run(['rotate', 'HOOKED', '--yes']);
    expect(refused.code).toBe(74);
    expect(refused.stderr).toContain('rotate.before ended with 3');
    expect(await valueOf(one, 'HOOKED')).toBe(value);
  });

  it('makes UUIDs and private keys', async () => {
    const { one } = await shop(
      `${MANIFEST}  ID: { ref: local://id, rotate: { using: generate, kind: uuid } }\n  SIGNING: { ref: local://signing, rotate: { using: generate, kind: ed25519 } }\n  RSA: { ref: local://rsa, rotate: { using: generate, kind: rsa, bits: 2048 } }\n`,
    );
    for (const name of ['ID', 'SIGNING', 'RSA']) {
      await one.set(name, 'first');
      expect((await one.run(['rotate', name, '--yes'])).code).toBe(0);
    }
    expect(await valueOf(one, 'ID')).toMatch(/^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/);
    expect(createPrivateKey(await valueOf(one, 'SIGNING')).asymmetricKeyType).toBe('ed25519');
    expect(createPrivateKey(await valueOf(one, 'RSA')).asymmetricKeyDetails?.modulusLength).toBe(2048);
  });

  it('notices a manifest that is changed meanwhile', async () => {
    const manifest = `${MANIFEST}  HOOKED: { ref: local://hooked, rotate: { using: generate, before: ["/bin/sh", -c, "echo '# changed' >> .secretsrc"] } }\n`;
    const { one } = await shop(manifest);
    await one.set('HOOKED', 'first-value');
    const done = await one.run(['rotate', 'HOOKED', '--yes']);
    expect(done).toMatchObject({ code: 0 });
    expect(done.stderr).toContain('.secretsrc was changed during the rotation');
  });

  it('changes nothing where its journal or a required audit log cannot be written', async () => {
    const { one, first } = await shop(`${MANIFEST}audit: { required: true }\n`);
    const file = one.write('a-file', '');
    const noLog = await one.run(['rotate', 'API_KEY', '--yes'], { env: { SECRETS_STATE_DIR: file } });
    expect(noLog.code).toBe(74);
    writeFileSync(join(one.dir, '.secretsrc'), MANIFEST);
    const noJournal = await one.run(['rotate', 'API_KEY', '--yes'], { env: { SECRETS_STATE_DIR: file } });
    expect(noJournal.code).toBe(74);
    expect(await valueOf(one, 'API_KEY')).toBe(first.API_KEY);
  });

  it('is finished by --resume, and a second one does nothing', async () => {
    const { one } = await shop();
    await one.run(['rotate', 'API_KEY', '--yes']);
    const folder = join(one.home.dir, '.local/state/secrets/rotations');
    const [journal = ''] = readdirSync(folder);
    // As left by a process that was killed between its write and the journal's.
    const record = JSON.parse(readFileSync(join(folder, journal), 'utf8')) as object;
    writeFileSync(join(folder, journal), JSON.stringify({ ...record, step: 'planned', version: undefined }));
    const value = await valueOf(one, 'API_KEY');
    expect(await one.run(['rotate', 'API_KEY', '--resume'])).toMatchObject({
      code: 0,
      stdout: expect.stringContaining('was rotated already') as string,
    });
    expect(await one.run(['rotate', 'API_KEY', '--resume'])).toMatchObject({
      code: 0,
      stdout: expect.stringContaining('nothing to do') as string,
    });
    expect(await valueOf(one, 'API_KEY')).toBe(value);
  });
});

describe('rollback', () => {
  it('makes an older value current again', async () => {
    const { one, first } = await shop();
    await one.run(['rotate', 'API_KEY', '--yes']);
    expect(await one.run(['rollback', 'API_KEY', '--to', '1', '--yes'])).toMatchObject({
      code: 0,
      stdout: expect.stringContaining('version 3 (was 2)') as string,
    });
    expect(await valueOf(one, 'API_KEY')).toBe(first.API_KEY);
    for (const [version, words] of [
      ['3', 'is the current one'],
      ['9', 'no such version'],
    ] as const) {
      const refused = await one.run(['rollback', 'API_KEY', '--to', version, '--yes']);
      expect(refused).toMatchObject({ code: 64 });
      expect(refused.stderr).toContain(words);
    }
    expect((await one.run(['rollback', 'API_KEY', '--to', '1'])).code).toBe(64);
  });
});

describe('revoke', () => {
  it('disables former versions, or all of what one person owned, after showing which', async () => {
    const { one } = await shop();
    await one.run(['rotate', 'API_KEY', '--yes']);
    expect((await one.run(['revoke', 'API_KEY', '--former', '--yes'])).code).toBe(64);
    const plan = await one.run(['revoke', '--where', 'owner=ana', '--dry-run', '--json']);
    expect((JSON.parse(plan.stdout) as { plan: object[] }).plan).toMatchObject([
      { name: 'API_KEY', version: '2', current: true },
      { name: 'API_KEY', version: '1', current: false },
      { name: 'HAND_MADE', version: '1', current: true },
    ]);
    const former = await one.run(['revoke', 'API_KEY', '--former', '--reason', 'cleaning', '--yes']);
    expect(former).toMatchObject({ code: 0, stdout: 'disabled API_KEY  local://api-key, version 1\n' });
    expect((await one.run(['get', 'API_KEY', '--reveal'])).code).toBe(0);
    // The local store takes a current version out of use only for a newer one.
    const all = await one.run(['revoke', '--where', 'owner=ana', '--reason', 'offboarding', '--yes', '--json']);
    expect(all).toMatchObject({ code: 69 });
    expect(all.stderr).toContain('secrets rotate NAME');
    await one.run(['rotate', 'HAND_MADE', '--using', 'generate', '--yes']);
    const destroyed = await one.run(['revoke', 'HAND_MADE', '--former', '--destroy', '--reason', 'offboarding', '--yes']);
    expect(destroyed).toMatchObject({ code: 0, stdout: expect.stringContaining('destroyed HAND_MADE') as string });
  });
});

describe('schedule', () => {
  it('prints a crontab line that a shell runs', async () => {
    const { one } = await shop();
    const { stdout, code } = await one.run(['schedule', 'crontab', '--at', '3:07'], { env: { SECRETS_PROFILE: undefined } });
    expect(code).toBe(0);
    const [, line = ''] = stdout.split('\n');
    expect(line).toBe(`7 3 * * * cd ${one.dir} && secrets rotate --due --yes`);
    expect(() => execFileSync('/bin/sh', ['-n', '-c', line.replace(/^(?:\S+ ){5}/, '')])).not.toThrow();
  });

  it('prints units that systemd reads', async ({ skip }) => {
    const { one } = await shop();
    const { stdout } = await one.run(['schedule', 'systemd']);
    const units = stdout.split(/^# ~\/.config\/systemd\/user\//m).slice(1);
    expect(units.map((unit) => unit.split('\n')[0])).toEqual(['secrets-rotate.service', 'secrets-rotate.timer']);
    const folder = tempDir('units');
    for (const unit of units) {
      const [name = '', ...lines] = unit.split('\n');
      writeFileSync(join(folder, name), lines.join('\n').replace('ExecStart=secrets', `ExecStart=${process.execPath}`));
    }
    if (!['/usr/bin/systemd-analyze', '/bin/systemd-analyze'].some((file) => existsSync(file))) skip('systemd-analyze is not there');
    expect(() =>
      execFileSync('systemd-analyze', ['verify', '--user', join(folder, 'secrets-rotate.timer')], {
        stdio: 'pipe',
        env: { ...process.env, XDG_RUNTIME_DIR: folder },
      }),
    ).not.toThrow();
  });

  it('prints YAML of a workflow and of a CronJob that run the same command', async () => {
    const { one } = await shop(`${MANIFEST}profiles: { prod: {} }\n`);
    const github = parse((await one.run(['schedule', 'github', '--profile', 'prod'])).stdout) as {
      on: { schedule: { cron: string }[] };
      jobs: { rotate: { steps: { run?: string }[] } };
    };
    expect(github.jobs.rotate.steps.map(({ run }) => run)).toContain('secrets rotate --due --yes --profile prod');
    expect(github.on.schedule[0]?.cron).toMatch(/^\d{1,2} [1-4] \* \* \*$/);
    const [job] = parseAllDocuments((await one.run(['schedule', 'kubernetes', '--profile', 'prod'])).stdout);
    expect(job?.errors).toEqual([]);
    expect(job?.toJS()).toMatchObject({
      kind: 'CronJob',
      spec: {
        concurrencyPolicy: 'Forbid',
        jobTemplate: {
          spec: { template: { spec: { containers: [{ command: ['secrets', 'rotate', '--due', '--yes', '--profile', 'prod'] }] } } },
        },
      },
    });
  });
});

describeWith('moto', 'rotate with AWS Secrets Manager', ({ url, region }) => {
  it('A18 A20 keeps the new value at AWSPENDING until the target accepts it', async () => {
    const file = join(tempDir('target'), 'target.json');
    const first = canary();
    writeFileSync(file, JSON.stringify({ accepts: first, kill: 'test:before' }));
    const name = `rotate-${canary()}`;
    const env = { AWS_ACCESS_KEY_ID: 'canary', AWS_SECRET_ACCESS_KEY: 'canary-key', AWS_ENDPOINT_URL_SECRETS_MANAGER: url };
    const one = await project({
      manifest: `version: 1
providers: { aws: { use: aws-secrets-manager, region: ${region} } }
secrets: { DB: { ref: "aws://${name}", rotate: { using: exec, command: ["${process.execPath}", "${child('rotate-it.mjs')}", "${file}"] } } }
`,
    });
    expect(await one.run(['set', 'DB'], { env, input: first })).toMatchObject({ code: 0 });
    expect((await one.run(['rotate', 'DB', '--yes'], { env })).signal).toBe('SIGKILL');
    expect((await one.run(['get', 'DB', '--reveal'], { env })).stdout).toBe(first);
    expect(await one.run(['rotate', 'DB', '--yes'], { env })).toMatchObject({ code: 75 });
    const target = JSON.parse(readFileSync(file, 'utf8')) as { accepts: string };
    writeFileSync(file, JSON.stringify({ accepts: target.accepts }));
    expect(await one.run(['rotate', 'DB', '--resume'], { env })).toMatchObject({ code: 0 });
    expect((await one.run(['get', 'DB', '--reveal'], { env })).stdout).toBe(target.accepts);
    expect(await one.run(['rotate', 'DB', '--resume'], { env })).toMatchObject({
      code: 0,
      stdout: expect.stringContaining('nothing to do') as string,
    });
  });
});
