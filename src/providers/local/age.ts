/** The age library, loaded when it is first used, and what we need of it. */
import { createCipheriv, createDecipheriv, randomBytes, scrypt } from 'node:crypto';
import type { Identity, Recipient } from 'age-encryption';
import { SecretValue } from '../../core/secret-value.ts';
import type { Decrypted } from './age-read.ts';

const load = () => import('age-encryption');

/** A new X25519 identity, `AGE-SECRET-KEY-1…`. */
export async function generateIdentity(): Promise<SecretValue> {
  return SecretValue.fromText(await (await load()).generateX25519Identity());
}

export async function encryptTo(recipients: readonly string[], plaintext: Uint8Array): Promise<Uint8Array> {
  const { Encrypter } = await load();
  const encrypter = new Encrypter();
  for (const recipient of recipients) encrypter.addRecipient(recipient);
  return encrypter.encrypt(plaintext);
}

/** Whether a text is a recipient down to its checksum. */
export async function isRecipient(text: string): Promise<boolean> {
  const { Encrypter } = await load();
  try {
    new Encrypter().addRecipient(text);
    return true;
  } catch {
    return false;
  }
}

/** Encrypts with a passphrase, as `age -p` does. */
export async function encryptWithPassphrase(passphrase: SecretValue, plaintext: Uint8Array): Promise<Uint8Array> {
  const { Encrypter, Stanza } = await load();
  const logN = await workFactor();
  const recipient: Recipient = {
    wrapFileKey: async (fileKey) => {
      const salt = randomBytes(16);
      const cipher = createCipheriv(CIPHER, await derive(passphrase, salt, logN), ZERO_NONCE, { authTagLength: 16 });
      const body = Buffer.concat([cipher.update(fileKey), cipher.final(), cipher.getAuthTag()]);
      return [new Stanza(['scrypt', unpadded(salt), String(logN)], body)];
    },
  };
  const encrypter = new Encrypter();
  encrypter.addRecipient(recipient);
  return encrypter.encrypt(plaintext);
}

/** Opens what {@link encryptWithPassphrase} or `age -p` made; `no-key` is a wrong passphrase. */
export async function decryptWithPassphrase(passphrase: SecretValue, file: Uint8Array): Promise<Decrypted> {
  const identity: Identity = {
    unwrapFileKey: async ([stanza, ...others]) => {
      const [type, salt = '', logN = ''] = stanza?.args ?? [];
      if (stanza === undefined || type !== 'scrypt') return null;
      if (others.length > 0 || !/^[1-9][0-9]?$/.test(logN) || Number(logN) > MAX_LOG_N) throw new Error('not usable');
      const key = await derive(passphrase, Buffer.from(salt, 'base64'), Number(logN));
      const decipher = createDecipheriv(CIPHER, key, ZERO_NONCE, { authTagLength: 16 });
      decipher.setAuthTag(stanza.body.subarray(-16));
      try {
        return Buffer.concat([decipher.update(stanza.body.subarray(0, -16)), decipher.final()]);
      } catch {
        return null;
      }
    },
  };
  return decrypt(file, [identity]);
}

async function decrypt(file: Uint8Array, identities: readonly Identity[]): Promise<Decrypted> {
  const { Decrypter } = await load();
  try {
    const decrypter = new Decrypter();
    for (const identity of identities) decrypter.addIdentity(identity);
    return { state: 'open', plaintext: await collect(await decrypter.decrypt(streamOf(file))) };
  } catch (error) {
    // The library has no error codes; this is its one text for a file that is not for us.
    return { state: error instanceof Error && error.message.startsWith('no identity matched') ? 'no-key' : 'damaged' };
  }
}

/**
 * Streams, because the library collects bytes by way of `Response`, and the first use of that loads all of Node's
 * fetch: as much CPU as starting Node takes.
 */
function streamOf(bytes: Uint8Array): ReadableStream<Uint8Array> {
  return new ReadableStream({
    start(controller) {
      controller.enqueue(bytes);
      controller.close();
    },
  });
}

async function collect(stream: ReadableStream<Uint8Array>): Promise<Buffer> {
  const pieces: Uint8Array[] = [];
  for await (const piece of stream) pieces.push(piece);
  return Buffer.concat(pieces);
}

const CIPHER = 'chacha20-poly1305';
const ZERO_NONCE = Buffer.alloc(12);
/** Of a file that was given to us: more takes over a gigabyte of memory. */
const MAX_LOG_N = 20;
const UNLOCK_MS = 300;

/** Node's scrypt runs on another thread, so that signals are heard meanwhile; the library's own would block them. */
function derive(passphrase: SecretValue, salt: Uint8Array, logN: number): Promise<Buffer> {
  const labelled = Buffer.concat([Buffer.from('age-encryption.org/v1/scrypt'), salt]);
  const { promise, resolve, reject } = Promise.withResolvers<Buffer>();
  scrypt(passphrase.reveal(), labelled, 32, { N: 2 ** logN, r: 8, p: 1, maxmem: 2 ** (logN + 11) }, (error, key) =>
    error === null ? resolve(key) : reject(error),
  );
  return promise;
}

/** The largest factor that this machine unlocks in about {@link UNLOCK_MS}, and never a weak one. */
async function workFactor(): Promise<number> {
  const trial = 13;
  let fastest = Infinity;
  for (let round = 0; round < 3; round++) {
    const started = performance.now();
    await derive(SecretValue.fromText('trial'), Buffer.alloc(16), trial);
    fastest = Math.min(fastest, performance.now() - started);
  }
  return Math.min(18, Math.max(16, trial + Math.round(Math.log2(UNLOCK_MS / fastest))));
}

const unpadded = (bytes: Uint8Array): string => Buffer.from(bytes).toString('base64').replace(/=+$/, '');
