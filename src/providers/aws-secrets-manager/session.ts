/** An open Secrets Manager provider. Importing this loads the SDK. */
import { SecretsManagerClient } from '@aws-sdk/client-secrets-manager';

import type { Host, SessionFor } from '../../provider-kit/contract.ts';
import { AwsConnection } from '../aws-common/connection.ts';
import { doctor } from '../aws-common/doctor.ts';
import type { SecretsManagerOptions } from '../aws-common/options.ts';
import { changes } from './changes.ts';
import { describe, list, probe, versions } from './metadata.ts';
import { PendingVersions } from './pending.ts';
import { Reader } from './read.ts';
import { Writer } from './write.ts';

export type Session = SessionFor<'describe' | 'list' | 'versions' | 'put' | 'remove' | 'pending' | 'rotate' | 'changes'>;

export function openSession(options: SecretsManagerOptions, host: Host): Session {
  const manager = new AwsConnection({
    service: 'SECRETS_MANAGER',
    options,
    host,
    makeClient: (settings) => new SecretsManagerClient(settings),
  });
  const reader = new Reader(manager);
  const writer = new Writer(manager, reader, options.recoveryDays);
  const pending = new PendingVersions(manager, reader, writer);
  return {
    resolve: (keys, op) => reader.resolve(keys, op),
    describe: (refs, op) => describe(manager, refs, op),
    list: (prefix, op) => list(manager, prefix, op),
    versions: (key, op) => versions(manager, key, op),
    put: (key, patch, expectation, op) => writer.put(key, patch, expectation, op),
    remove: (ref, op) => writer.remove(ref, op),
    pending: {
      find: (ref, op) => pending.find(ref, op),
      // AWS's version id takes the place of the rotation's id, for which there is no room.
      create: (ref, patch, _rotation, op) => pending.create(ref, patch, op),
      read: (ref, rotation, op) => pending.read(ref, rotation, op),
      promote: (ref, rotation, expectation, op) => pending.promote(ref, rotation, expectation, op),
      abandon: (ref, rotation, op) => pending.abandon(ref, rotation, op),
    },
    rotate: (key, op) => pending.rotate(key, op),
    changes: (keys, op) => changes(manager, keys, op),
    doctor: (op) => doctor(manager, 'Secrets Manager', (operation) => probe(manager, operation), op),
    close: () => Promise.resolve(manager.close()),
  };
}
