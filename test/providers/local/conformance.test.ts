import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, describe, it } from 'vitest';
import { SecretValue } from '../../../src/core/secret-value.ts';
import { conformance } from '../../../src/provider-kit/conformance/index.ts';
import type { ConformanceHarness } from '../../../src/provider-kit/conformance/index.ts';
import { generateIdentity, recipientOf } from '../../../src/providers/local/age.ts';
import { sealDocument } from '../../../src/providers/local/document.ts';
import local from '../../../src/providers/local/index.ts';
import { testHost, type TestHost } from '../../support/host.ts';
import { testOperation } from '../../support/operation.ts';
import { indexOf } from './harness.ts';

const op = testOperation();
const dir = mkdtempSync(path.join(tmpdir(), 'local-conformance-'));
afterAll(() => rmSync(dir, { recursive: true, force: true }));

const machine = await generateIdentity();
const recipient = (await recipientOf(machine)) ?? '';
const identityFile = path.join(dir, 'machine.txt');
writeFileSync(identityFile, machine.reveal(), { mode: 0o600 });

let keyUses = 0;
const host = (): TestHost =>
  testHost({ project: 'api', baseDir: dir, env: { SECRETS_IDENTITY_FILE: identityFile }, credentialsUsed: () => void keyUses++ });

function harness(options: { readonly path: string; readonly recipients?: readonly string[] }): ConformanceHarness {
  const write = async (name: string, value: Uint8Array): Promise<void> => {
    const session = await local.open(options, host());
    await session.put?.({ key: name }, { value: SecretValue.fromBytes(value), rotatedAt: new Date() }, {}, op);
  };
  return {
    options,
    host,
    reference: (name, field) => `local://${name}${field === undefined ? '' : `#${field}`}`,
    seed: write,
    seedFields: (name, fields) => write(name, Buffer.from(JSON.stringify(fields))),
    remove: async (name) => {
      const session = await local.open(options, host());
      await session.remove?.({ key: name }, op).catch(() => undefined);
    },
    // Without the key no value can be read, and each session reports that it has fetched it.
    countRequests: () => ({ reset: () => void (keyUses = 0), values: () => keyUses }),
    sensitive: [machine.reveal().toString()],
    skip: [{ test: 'unreachable', reason: 'there is no server' }],
  };
}

describe('a personal store', () => {
  const own = harness({ path: './own' });
  conformance(local, { describe, it }, { ...own, skip: [...own.skip, { test: 'denied', reason: 'its one key opens every file' }] });
});

describe('a team store', () => {
  const team = harness({ path: './team', recipients: [recipient] });
  const deny = async (name: string): Promise<void> => {
    const other = (await recipientOf(await generateIdentity())) ?? '';
    for (const version of indexOf(path.join(dir, 'team')).versions.filter((line) => line.name === name)) {
      writeFileSync(path.join(dir, 'team', version.file), await sealDocument(version, SecretValue.fromText('x'), [other]));
    }
  };
  conformance(local, { describe, it }, { ...team, deny });
});
