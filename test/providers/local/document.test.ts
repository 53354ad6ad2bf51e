import { Decrypter, Encrypter } from 'age-encryption';
import * as fc from 'fast-check';
import { beforeAll, describe, expect, it, vi } from 'vitest';
import { SecretValue } from '../../../src/core/secret-value.ts';
import { decryptWithPassphrase, encryptTo, encryptWithPassphrase, generateIdentity } from '../../../src/providers/local/age.ts';
import { recipientOf } from '../../../src/providers/local/age-read.ts';
import { openDocument, sealDocument } from '../../../src/providers/local/document.ts';
import { canary, faultOf } from './harness.ts';

vi.setConfig({ testTimeout: 30_000 });

const place = { project: 'api', name: 'db/password', version: 3 };
let identity = SecretValue.fromText('');
let recipient = '';
beforeAll(async () => {
  identity = await generateIdentity();
  recipient = recipientOf(identity) ?? '';
});

const openIt = (file: Uint8Array, at = place): Promise<SecretValue> => openDocument(file, at, [identity], false);

describe('the file of a version', () => {
  it('gives back any bytes', async () => {
    const bytes = fc.oneof(
      fc.uint8Array({ maxLength: 600 }),
      fc.string({ unit: 'binary', maxLength: 300 }).map((text) => Buffer.from(text)),
    );
    await fc.assert(
      fc.asyncProperty(bytes, async (value) => {
        const file = await sealDocument(place, SecretValue.fromBytes(value), [recipient]);
        expect((await openIt(file)).reveal().equals(value)).toBe(true);
      }),
      { numRuns: 40 },
    );
  });

  it('is refused with any bit flipped, and the value is never another', async () => {
    const file = await sealDocument(place, SecretValue.fromText(canary()), [recipient]);
    await fc.assert(
      fc.asyncProperty(fc.integer({ min: 0, max: file.length * 8 - 1 }), async (bit) => {
        const bad = Uint8Array.from(file);
        bad[bit >> 3] = (bad[bit >> 3] ?? 0) ^ (1 << (bit & 7));
        expect(await faultOf(openIt(bad))).toMatchObject({ kind: 'corrupt', code: 'STORE_CORRUPT' });
      }),
      { numRuns: 100 },
    );
  });

  it('is refused when it is cut off, longer, or empty', async () => {
    const file = await sealDocument(place, SecretValue.fromText(canary()), [recipient]);
    for (const bad of [file.subarray(0, -1), file.subarray(0, 100), Buffer.alloc(0), Buffer.concat([file, Buffer.from('x')])])
      expect((await faultOf(openIt(bad))).kind).toBe('corrupt');
  });

  it.each([
    ['project', { ...place, project: 'web' }],
    ['name', { ...place, name: 'db/user' }],
    ['version', { ...place, version: 2 }],
  ])('is refused for another %s', async (_, other) => {
    const file = await sealDocument(other, SecretValue.fromText(canary()), [recipient]);
    const fault = await faultOf(openIt(file));
    expect(fault).toMatchObject({ kind: 'corrupt', message: expect.stringContaining('another secret') as string });
  });

  it.each([
    '',
    '[]',
    '{"project":"api"}',
    '{"project":"api","name":"db/password","version":3}',
    '{"project":"api","name":"db/password","version":3,"utf8":"canary","base64":""}',
  ])('is refused with the contents %j, which are not quoted', async (contents) => {
    const fault = await faultOf(openIt(await encryptTo([recipient], Buffer.from(contents))));
    expect(fault.kind).toBe('corrupt');
    expect(fault.message).not.toContain('canary');
  });

  it('is damaged for a personal store, and denied for a team, with a key that is none of its recipients', async () => {
    const other = await generateIdentity();
    const file = await sealDocument(place, SecretValue.fromText(canary()), [recipient]);
    expect(await faultOf(openDocument(file, place, [other], false))).toMatchObject({ kind: 'corrupt' });
    expect(await faultOf(openDocument(file, place, [other], true))).toMatchObject({ kind: 'denied' });
    expect((await openDocument(file, place, [other, identity], true)).size).toBeGreaterThan(0);
  });
});

describe('a key under a passphrase', () => {
  const passphrase = SecretValue.fromText('canary passphrase ü');

  it('is the format of age -p, both ways, and takes about 0.3 s', async () => {
    const ours = await encryptWithPassphrase(passphrase, Buffer.from('text'));
    const decrypter = new Decrypter();
    decrypter.addPassphrase(passphrase.reveal().toString());
    expect(await decrypter.decrypt(ours, 'text')).toBe('text');
    expect(Number(/-> scrypt \S+ (\d+)/.exec(Buffer.from(ours).toString('latin1'))?.[1])).toBeGreaterThanOrEqual(16);
    const encrypter = new Encrypter();
    encrypter.setPassphrase(passphrase.reveal().toString());
    encrypter.setScryptWorkFactor(10);
    const theirs = await encrypter.encrypt('text');
    expect(await decryptWithPassphrase(passphrase, theirs)).toEqual({ state: 'open', plaintext: Buffer.from('text') });
    expect(await decryptWithPassphrase(SecretValue.fromText('wrong'), theirs)).toEqual({ state: 'no-key' });
    expect(await decryptWithPassphrase(passphrase, theirs.subarray(0, -3))).toEqual({ state: 'damaged' });
  });

  it('lets the event loop turn while it is opened', async () => {
    const file = await encryptWithPassphrase(passphrase, Buffer.from('text'));
    let turns = 0;
    const timer = setInterval(() => turns++, 5);
    await decryptWithPassphrase(passphrase, file);
    clearInterval(timer);
    expect(turns).toBeGreaterThan(5);
  });

  it('does not take a file that asks for gigabytes', async () => {
    const { Stanza } = await import('age-encryption');
    const encrypter = new Encrypter();
    encrypter.addRecipient({ wrapFileKey: () => [new Stanza(['scrypt', 'A'.repeat(22), '30'], new Uint8Array(32))] });
    expect(await decryptWithPassphrase(passphrase, await encrypter.encrypt('x'))).toEqual({ state: 'damaged' });
  });
});

it('an identity that is none has no recipient', async () => {
  expect(recipientOf(SecretValue.fromText('canary'))).toBeUndefined();
});
