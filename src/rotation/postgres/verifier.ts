/**
 * What PostgreSQL stores of a password with SCRAM-SHA-256 (RFC 5802, RFC 7677). Computed here, so that the password
 * itself is in no statement and in no log of the server.
 */
import { createHash, createHmac, pbkdf2Sync, randomBytes } from 'node:crypto';

/** The server's own default. */
const ROUNDS = 4096;
const SALT_BYTES = 16;

/** Passwords as both sides take them: a generated one is ASCII and stays as it is. */
export const prepared = (password: string): string => password.normalize('NFKC');

/** `SCRAM-SHA-256$4096:<salt>$<stored key>:<server key>` */
export function scramVerifier(password: string, salt: Buffer = randomBytes(SALT_BYTES)): string {
  const salted = pbkdf2Sync(prepared(password), salt, ROUNDS, 32, 'sha256');
  const keyed = (text: string): Buffer => createHmac('sha256', salted).update(text).digest();
  const storedKey = createHash('sha256').update(keyed('Client Key')).digest('base64');
  return `SCRAM-SHA-256$${ROUNDS}:${salt.toString('base64')}$${storedKey}:${keyed('Server Key').toString('base64')}`;
}
