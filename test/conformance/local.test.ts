import { mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, it } from 'vitest';
import { Fault } from '../../src/core/fault.ts';
import { parseReference } from '../../src/core/reference.ts';
import { SecretValue } from '../../src/core/secret-value.ts';
import { conformance } from '../../src/provider-kit/conformance/index.ts';
import type { AnySession, DocumentKey } from '../../src/provider-kit/contract.ts';
import local from '../../src/providers/local/index.ts';
import { testHost } from '../support/host.ts';
import type { TestHost } from '../support/host.ts';
import { testOperation } from '../support/operation.ts';

const dir = mkdtempSync(join(tmpdir(), 'secrets-conformance-'));
afterAll(() => rmSync(dir, { recursive: true, force: true }));
mkdirSync(join(dir, 'config'), { mode: 0o700 });

const host = (): TestHost =>
  testHost({
    provider: 'local',
    project: 'conformance',
    env: { SECRETS_STORE: join(dir, 'store'), SECRETS_IDENTITY_FILE: join(dir, 'config', 'identity.txt') },
  });

/** The store has no way in but its adapter, so a session of its own stands for another program. */
async function elsewhere<T>(act: (session: AnySession) => Promise<T>): Promise<T> {
  const session = await local.open({}, host());
  try {
    return await act(session);
  } finally {
    await session.close();
  }
}

const reference = (name: string, field?: string): string => `local://${name}${field === undefined ? '' : `#${field}`}`;

function keyOf(name: string): DocumentKey {
  const parsed = parseReference(reference(name));
  if (!parsed.ok) throw new Error(parsed.message);
  return local.parseRef(parsed.reference, {});
}

const seed = (name: string, value: Uint8Array): Promise<void> =>
  elsewhere(async (session) => {
    await session.put?.(keyOf(name), { value: SecretValue.fromBytes(value), rotatedAt: new Date() }, {}, testOperation());
  });

conformance(
  local,
  { describe, it },
  {
    options: {},
    host,
    reference,
    seed,
    seedFields: (name, fields) => seed(name, Buffer.from(JSON.stringify(fields))),
    remove: (name) =>
      elsewhere(async (session) => {
        await session.remove?.(keyOf(name), testOperation()).catch((error: unknown) => {
          if (!(error instanceof Fault) || error.kind !== 'not-found') throw error;
        });
      }),
    skip: [
      { test: 'denied', reason: 'the store has one user and no rights inside' },
      { test: 'unreachable', reason: 'there is nothing to reach' },
      { test: 'no-value-read', reason: 'there are no requests to count' },
    ],
  },
);
