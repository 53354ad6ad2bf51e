/**
 * Opens age files for an X25519 identity with Node's own ciphers (age-encryption.org/v1).
 *
 * The age library does everything else here. Reading is done without it because every `secrets run` reads: loading the
 * library and warming up its ciphers, which are JavaScript, once took more CPU than starting Node.
 */
import { createDecipheriv, createHmac, createPrivateKey, createPublicKey, diffieHellman, hkdfSync, timingSafeEqual } from 'node:crypto';
import { bech32 } from '@scure/base';
import type { SecretValue } from '../../core/secret-value.ts';

export type Decrypted = { readonly state: 'open'; readonly plaintext: Buffer } | { readonly state: 'no-key' | 'damaged' };

const CIPHER = 'chacha20-poly1305';
const CHUNK = 65_536;
const TAG = 16;
/** What DER puts in front of 32 bytes of an X25519 key. */
const PRIVATE_KEY = Buffer.from('302e020100300506032b656e04220420', 'hex');
const PUBLIC_KEY = Buffer.from('302a300506032b656e032100', 'hex');

/** The recipient of an identity, `age1…`; undefined if it is none. */
export function recipientOf(identity: SecretValue): string | undefined {
  const scalar = scalarOf(identity);
  return scalar === undefined ? undefined : bech32.encodeFromBytes('age', publicOf(scalar));
}

/** `no-key`: none of the identities is one of the file's recipients, or the part that says so is damaged. */
export function decryptWith(identities: readonly SecretValue[], file: Uint8Array): Decrypted {
  const header = readHeader(Buffer.from(file.buffer, file.byteOffset, file.byteLength));
  if (header === undefined) return { state: 'damaged' };
  for (const identity of identities) {
    const fileKey = unwrap(identity, header.stanzas);
    if (fileKey === undefined) continue;
    const mac = createHmac('sha256', derive(fileKey, Buffer.alloc(0), 'header'))
      .update(header.signed)
      .digest();
    if (mac.length !== header.mac.length || !timingSafeEqual(mac, header.mac)) return { state: 'damaged' };
    const plaintext = readPayload(fileKey, header.payload);
    return plaintext === undefined ? { state: 'damaged' } : { state: 'open', plaintext };
  }
  return { state: 'no-key' };
}

interface Stanza {
  readonly args: readonly string[];
  readonly body: Buffer;
}

interface Header {
  readonly stanzas: readonly Stanza[];
  /** What the MAC covers. */
  readonly signed: Buffer;
  readonly mac: Buffer;
  readonly payload: Buffer;
}

function readHeader(file: Buffer): Header | undefined {
  let at = 0;
  const line = (): string | undefined => {
    const end = file.indexOf(0x0a, at);
    if (end < 0) return undefined;
    const text = file.toString('latin1', at, end);
    at = end + 1;
    return text;
  };
  if (line() !== 'age-encryption.org/v1') return undefined;
  const stanzas: Stanza[] = [];
  for (;;) {
    const begin = at;
    const head = line();
    if (head === undefined) return undefined;
    if (head.startsWith('--- ')) {
      const mac = base64(head.slice(4));
      return mac?.length === 32 ? { stanzas, signed: file.subarray(0, begin + 3), mac, payload: file.subarray(at) } : undefined;
    }
    const args = /^-> ([!-~]+(?: [!-~]+)*)$/.exec(head)?.[1]?.split(' ');
    const lines: string[] = [];
    // A body ends with the first line that is not full.
    for (let next = args === undefined ? undefined : line(); next !== undefined; next = line()) {
      lines.push(next);
      if (next.length < 64) break;
    }
    const body =
      lines.length > 0 && (lines.at(-1)?.length ?? 64) < 64 && lines.every((text) => text.length <= 64)
        ? base64(lines.join(''))
        : undefined;
    if (args === undefined || body === undefined) return undefined;
    stanzas.push({ args, body });
  }
}

/** Unpadded base64 in its one canonical form. */
function base64(text: string): Buffer | undefined {
  const bytes = Buffer.from(text, 'base64');
  return bytes.toString('base64').replace(/=+$/, '') === text ? bytes : undefined;
}

/** The file's key, if one of the stanzas was made for this identity. */
function unwrap(identity: SecretValue, stanzas: readonly Stanza[]): Buffer | undefined {
  const scalar = scalarOf(identity);
  if (scalar === undefined) return undefined;
  for (const { args, body } of stanzas) {
    const share = args[0] === 'X25519' && args.length === 2 ? base64(args[1] ?? '') : undefined;
    if (share?.length !== 32 || body.length !== 16 + TAG) continue;
    try {
      const publicKey = createPublicKey({ key: Buffer.concat([PUBLIC_KEY, share]), format: 'der', type: 'spki' });
      const shared = diffieHellman({ privateKey: privateOf(scalar), publicKey });
      const key = derive(shared, Buffer.concat([share, publicOf(scalar)]), 'age-encryption.org/v1/X25519');
      return open(key, Buffer.alloc(12), body);
    } catch {
      // made for somebody else, or no point of the curve
    }
  }
  return undefined;
}

function readPayload(fileKey: Buffer, payload: Buffer): Buffer | undefined {
  if (payload.length < 16 + TAG) return undefined;
  const key = derive(fileKey, payload.subarray(0, 16), 'payload');
  const sealed = payload.subarray(16);
  const chunks: Buffer[] = [];
  try {
    for (let at = 0, counter = 0; at < sealed.length; at += CHUNK + TAG, counter++) {
      const last = at + CHUNK + TAG >= sealed.length;
      const nonce = Buffer.alloc(12);
      nonce.writeUInt32BE(counter, 7);
      nonce[11] = last ? 1 : 0;
      const chunk = open(key, nonce, sealed.subarray(at, at + CHUNK + TAG));
      // Only a file that is empty altogether ends with an empty chunk.
      if (chunk.length === 0 && counter > 0) return undefined;
      chunks.push(chunk);
    }
  } catch {
    return undefined;
  }
  return Buffer.concat(chunks);
}

function open(key: Buffer, nonce: Buffer, sealed: Buffer): Buffer {
  const decipher = createDecipheriv(CIPHER, key, nonce, { authTagLength: TAG });
  decipher.setAuthTag(sealed.subarray(-TAG));
  return Buffer.concat([decipher.update(sealed.subarray(0, -TAG)), decipher.final()]);
}

const derive = (secret: Buffer, salt: Buffer, info: string): Buffer => Buffer.from(hkdfSync('sha256', secret, salt, info, 32));

function scalarOf(identity: SecretValue): Buffer | undefined {
  try {
    const { prefix, bytes } = bech32.decodeToBytes(identity.reveal().toString('latin1'));
    return prefix.toLowerCase() === 'age-secret-key-' && bytes.length === 32 ? Buffer.from(bytes) : undefined;
  } catch {
    return undefined;
  }
}

const privateOf = (scalar: Buffer): ReturnType<typeof createPrivateKey> =>
  createPrivateKey({ key: Buffer.concat([PRIVATE_KEY, scalar]), format: 'der', type: 'pkcs8' });

const publicOf = (scalar: Buffer): Buffer => createPublicKey(privateOf(scalar)).export({ format: 'der', type: 'spki' }).subarray(-32);
