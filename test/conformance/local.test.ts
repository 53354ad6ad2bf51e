import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, it } from 'vitest';
import { Fault } from '../../src/core/fault.ts';
import { SecretValue } from '../../src/core/secret-value.ts';
import { conformance } from '../../src/provider-kit/conformance/index.ts';
import type { ConformanceHarness } from '../../src/provider-kit/conformance/index.ts';
import type { AnySession } from '../../src/provider-kit/contract.ts';
import { generateIdentity } from '../../src/providers/local/age.ts';
import { recipientOf } from '../../src/providers/local/age-read.ts';
import { sealDocument } from '../../src/providers/local/document.ts';
import local from '../../src/providers/local/index.ts';
import { indexOf } from '../providers/local/harness.ts';
import { testHost } from '../support/host.ts';
import { testOperation } from '../support/operation.ts';

const dir = mkdtempSync(join(tmpdir(), 'secrets-conformance-'));
afterAll(() => rmSync(dir, { recursive: true, force: true }));

const identity = await generateIdentity();
const identityFile = join(dir, 'identity.txt');
writeFileSync(identityFile, identity.reveal(), { mode: 0o600 });

interface StoreOptions {
  readonly path: string;
  readonly recipients?: readonly string[];
}

function harnessFor(options: StoreOptions): Omit<ConformanceHarness, 'skip'> {
  let keyUses = 0;
  const host = () =>
    testHost({ provider: 'local', baseDir: dir, env: { SECRETS_IDENTITY_FILE: identityFile }, credentialsUsed: () => void keyUses++ });

  /** The store has no way in but its adapter, so a session of its own stands for another program. */
  const elsewhere = async (act: (session: AnySession) => Promise<unknown>): Promise<void> => {
    const session = await local.open(options, host());
    try {
      await act(session);
    } finally {
      await session.close();
    }
  };
  const seed = (name: string, value: Uint8Array): Promise<void> =>
    elsewhere(async (session) =>
      session.put?.({ key: name }, { value: SecretValue.fromBytes(value), rotatedAt: new Date() }, {}, testOperation()),
    );

  return {
    options,
    host,
    reference: (name, field) => `local://${name}${field === undefined ? '' : `#${field}`}`,
    seed,
    seedFields: (name, fields) => seed(name, Buffer.from(JSON.stringify(fields))),
    remove: (name) =>
      elsewhere(async (session) =>
        session.remove?.({ key: name }, testOperation()).catch((error: unknown) => {
          if (!(error instanceof Fault) || error.kind !== 'not-found') throw error;
        }),
      ),
    // No value can be read without the key, and a session reports that it took it.
    countRequests: () => ({ reset: () => void (keyUses = 0), values: () => keyUses }),
    sensitive: [identity.reveal().toString()],
  };
}

const skips = [
  { test: 'unreachable', reason: 'there is nothing to reach' },
  { test: 'pending-foreign', reason: 'no other tool writes to the store' },
] as const;

describe('a personal store', () => {
  const skip = [...skips, { test: 'denied', reason: 'its one key opens every file' } as const];
  conformance(local, { describe, it }, { ...harnessFor({ path: './own' }), skip });
});

describe('a team store', async () => {
  const recipient = recipientOf(identity) ?? '';
  const team = harnessFor({ path: './team', recipients: [recipient] });
  /** As if its files had been encrypted before this person joined. */
  const deny = async (name: string): Promise<void> => {
    const stranger = recipientOf(await generateIdentity()) ?? '';
    for (const version of indexOf(join(dir, 'team')).versions.filter((one) => one.name === name)) {
      writeFileSync(join(dir, 'team', version.file), await sealDocument(version, SecretValue.fromText('x'), [stranger]));
    }
  };
  conformance(local, { describe, it }, { ...team, deny, skip: skips });
});
