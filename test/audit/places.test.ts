import { describe, expect, it } from 'vitest';
import { logOf, placesFor, type Rules, type Surroundings } from '../../src/audit/places.ts';
import { ciOf } from '../../src/audit/who.ts';
import { SecretsError } from '../../src/core/errors.ts';

const rules = (more: Partial<Rules> = {}): Rules => ({ required: false, sinks: ['file'], dir: '/project', ...more });
const here = (setting?: string, more: Partial<Surroundings> = {}): Surroundings => ({
  env: setting === undefined ? {} : { SECRETS_AUDIT: setting },
  cwd: '/work',
  stateFolder: '/home/me/state',
  ...more,
});
const whats = async ({ others }: ReturnType<typeof placesFor>): Promise<readonly string[]> =>
  Promise.all(others.map(async (open) => (await open()).what));

describe('where records go', () => {
  it('is the log of the user, unless told otherwise', () => {
    expect(placesFor(rules(), here())).toMatchObject({ log: { file: '/home/me/state/audit.jsonl', custody: 'file' }, others: [] });
    expect(placesFor(rules({ sinks: [] }), here())).toMatchObject({ log: undefined, noLog: undefined, others: [] });
    expect(placesFor(rules({ sinks: [{ use: 'file', key: 'keychain' }] }), here())).toMatchObject({ log: { custody: 'keychain' } });
    expect(placesFor(rules(), here(undefined, { stateFolder: undefined }))).toMatchObject({
      log: undefined,
      noLog: expect.any(String) as string,
    });
  });

  it('is for this machine what SECRETS_AUDIT says', async () => {
    expect(placesFor(rules(), here('file:logs/a.jsonl'))).toMatchObject({ log: { file: '/work/logs/a.jsonl' }, others: [] });
    expect(placesFor(rules(), here('off'))).toMatchObject({ log: undefined, others: [], offRefused: false });
    const stream = placesFor(rules({ sinks: ['file', 'stderr'] }), here('fd:7'));
    expect(stream.log).toBeUndefined();
    expect(await whats(stream)).toEqual(['the descriptor 7']);
    expect(await whats(placesFor(rules(), here('stderr', { stateFolder: undefined })))).toEqual(['stderr']);
  });

  it('stays elsewhere as the manifest says, whatever SECRETS_AUDIT says', async () => {
    const remote = rules({ sinks: ['file', { use: 'syslog', address: 'tls://log.example.com' }] });
    for (const setting of ['off', 'stderr', 'file:/x'])
      expect(await whats(placesFor(remote, here(setting)))).toContain('syslog at tls://log.example.com');
  });

  it('is not off where the log is required', () => {
    expect(placesFor(rules({ required: true }), here('off'))).toMatchObject({
      log: { file: '/home/me/state/audit.jsonl' },
      offRefused: true,
    });
  });

  it.each(['on', 'fd:0', 'fd:1', 'fd:x', 'file:', '/var/log/x'])('is a usage error for SECRETS_AUDIT=%s', (setting) => {
    expect(() => placesFor(rules(), here(setting))).toThrow(SecretsError);
    expect(() => logOf(here(setting))).toThrow(SecretsError);
  });

  it.each([
    [{ use: 'otlp' }, /no endpoint/],
    [{ use: 'exec' }, /no command/],
    [{ use: 'syslog', address: 'log.example.com' }, /address/],
    [{ use: 'carrier-pigeon' }, /not known/],
  ])('is said to be wrong for %j', async (sink, message) => {
    await expect(whats(placesFor(rules({ sinks: [sink] }), here()))).rejects.toThrow(message);
  });

  it('starts no program by a relative path that the user wrote for every folder', async () => {
    const sink = { use: 'exec', command: ['./ship'] };
    await expect(whats(placesFor(rules({ sinks: [sink], personal: [sink] }), here()))).rejects.toThrow(/relative/);
    expect(await whats(placesFor(rules({ sinks: [sink] }), here()))).toEqual(['the program ship']);
  });
});

describe('the CI system', () => {
  it.each([
    [{}, undefined],
    [{ CI: 'false' }, undefined],
    [{ CI: 'true' }, 'ci'],
    [
      { GITHUB_ACTIONS: 'true', GITHUB_REPOSITORY: 'acme/api', GITHUB_WORKFLOW: 'deploy', GITHUB_RUN_ID: '7', GITHUB_RUN_ATTEMPT: '1' },
      'github acme/api deploy/7/1',
    ],
    [{ GITLAB_CI: 'true', CI_PROJECT_PATH: 'acme/api', CI_PIPELINE_ID: '5', CI_JOB_ID: '6' }, 'gitlab acme/api 5/6'],
  ])('of %j is %s', (env, name) => {
    expect(ciOf(env)).toBe(name);
  });
});
