/** The protocol of `exec` against programs that keep to it, and ones that do not. */
import { describe, expect, it } from 'vitest';
import type { Fault } from '../../src/core/fault.ts';
import { SecretValue } from '../../src/core/secret-value.ts';
import { exec } from '../../src/rotation/exec/index.ts';
import type { TargetContext } from '../../src/rotation/target.ts';

const CANARY = 'canary-0123456789abcdef';
const hello = `const answer = (m) => process.stdout.write(JSON.stringify(m) + '\\n');
require('node:readline').createInterface({ input: process.stdin }).on('line', (line) => {
  const m = JSON.parse(line);
  if (m.step === 'hello') return answer({ id: m.id, steps: ['set', 'test', 'later-step'], needs: ['current'], more: 1 });
  STEP
});`;

const said: string[] = [];

function context(step: string, more: Partial<TargetContext['options']> = {}, env: TargetContext['env'] = {}): TargetContext {
  said.length = 0;
  return {
    label: 'DB',
    reference: 'local://db',
    field: undefined,
    options: { command: [process.execPath, '-e', hello.replace('STEP', step)], timeout: '5s', ...more },
    baseDir: '/',
    env: { PATH: process.env['PATH'], ...env },
    rotation: 'r',
    current: async () => SecretValue.fromText(CANARY),
    document: async () => SecretValue.fromText(CANARY),
    admin: async () => undefined,
    say: (line) => void said.push(line),
    signal: new AbortController().signal,
  };
}

/** What comes of setting a value. */
async function set(step: string, more: Partial<TargetContext['options']> = {}): Promise<Fault | undefined> {
  const target = await exec.open(context(step, more));
  try {
    await target.apply(SecretValue.fromText(`new-${CANARY}`));
    return undefined;
  } catch (error) {
    return error as Fault;
  } finally {
    await target.close();
  }
}

describe('exec', () => {
  it('gives the values on stdin, with those that the program asked for', async () => {
    expect(
      await set(
        `answer({ id: m.id, ok: m.step === 'set' && m.value.utf8 === 'new-${CANARY}' && m.current.utf8 === '${CANARY}' && m.admin === undefined })`,
      ),
    ).toBeUndefined();
  });

  it('has an environment of its own, and what is passed by name', async () => {
    const seen = `process.stderr.write(Object.keys(process.env).sort().join() + '\\n'); answer({ id: m.id, ok: true, accepted: true })`;
    const env = { VAULT_TOKEN: CANARY, REGION: 'eu', HOME: '/home', SECRETS_PASSPHRASE: CANARY };
    const target = await exec.open(context(seen, { pass: ['REGION'] }, env));
    expect(await target.accepts(SecretValue.fromText('x'))).toBe(true);
    await target.close();
    expect(said.join()).toBe('HOME,PATH,REGION');
  });

  it('masks what the program writes to stderr, in its encodings too, and lets it not steer a terminal', async () => {
    await set(
      `process.stderr.write('\\u001b[2J' + m.value.utf8 + ' ' + Buffer.from(m.value.utf8).toString('base64') + '\\n'); answer({ id: m.id, ok: true })`,
    );
    expect(said.join()).not.toContain(CANARY);
    expect(said.join()).not.toContain(Buffer.from(`new-${CANARY}`).toString('base64'));
    expect(said.join()).toBe('?[2J*** ***');
  });

  it('tells a refusal from what is not known, by codes alone', async () => {
    for (const [answer, kind] of [
      [`{ id: m.id, ok: false, code: 'refused', message: m.value.utf8 }`, 'denied'],
      [`{ id: m.id, ok: false, code: 'unauthenticated' }`, 'unauthenticated'],
      [`{ id: m.id, ok: false, code: m.value.utf8 }`, 'unavailable'],
      [`{ id: m.id, ok: false }`, 'unavailable'],
      [`{ id: m.id + 1, ok: true }`, 'protocol'],
      [`{ ok: true }`, 'protocol'],
      [`'x'.repeat(2 << 20)`, 'protocol'],
      [`[]`, 'protocol'],
    ] as const) {
      const fault = await set(`answer(${answer})`);
      expect([answer, fault?.kind]).toEqual([answer, kind]);
      expect(JSON.stringify([fault?.detail])).not.toContain(CANARY);
    }
  });

  it('ends with a program that ends, is silent, or writes what is no line of JSON', async () => {
    expect(await set('process.exit(3)')).toMatchObject({
      kind: 'unavailable',
      detail: { message: expect.stringContaining('ended with 3') as string },
    });
    expect(await set('', { timeout: '500ms' })).toMatchObject({ kind: 'timeout' });
    expect(await set(`process.stdout.write('no JSON\\n')`)).toMatchObject({ kind: 'protocol' });
    expect(await set(`process.stdout.write('x'.repeat(2 << 20))`)).toMatchObject({ kind: 'protocol' });
  });

  it('does not begin with a program that does not know the steps, or is not there', async () => {
    const open = async (options: TargetContext['options']): Promise<unknown> =>
      exec.open({ ...context(''), options }).then(
        () => undefined,
        (error: unknown) => error,
      );
    expect(await open({ command: [process.execPath, '-e', `console.log('{"id":0,"steps":["set"]}')`] })).toMatchObject({
      kind: 'protocol',
    });
    expect(await open({ command: ['/nowhere/to-be-found'] })).toMatchObject({ kind: 'options' });
    for (const wrong of [
      {},
      { command: 'sh -c x' },
      { command: [] },
      { command: [1] },
      { command: ['x'], pass: 'A' },
      { command: ['x'], timeout: 'soon' },
    ])
      expect(() => exec.unit({ key: 'db' }, wrong)).toThrow(expect.objectContaining({ kind: 'options' }) as Error);
  });
});
