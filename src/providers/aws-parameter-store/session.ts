/** An open Parameter Store provider. Importing this loads the SDK. */
import { SSMClient } from '@aws-sdk/client-ssm';

import type { Host, SessionFor } from '../../provider-kit/contract.ts';
import { AwsConnection } from '../aws-common/connection.ts';
import { doctor } from '../aws-common/doctor.ts';
import type { AwsOptions } from '../aws-common/options.ts';
import { describe, list, probe } from './metadata.ts';
import { PendingParameters } from './pending.ts';
import { resolve } from './read.ts';
import { Writer } from './write.ts';

export type Session = SessionFor<'describe' | 'list' | 'put' | 'remove' | 'pending'>;

export function openSession(options: AwsOptions, host: Host): Session {
  const store = new AwsConnection({ service: 'SSM', options, host, makeClient: (settings) => new SSMClient(settings) });
  const writer = new Writer(store);
  return {
    resolve: (keys, op) => resolve(store, keys, op),
    describe: (refs, op) => describe(store, refs, op),
    list: (prefix, op) => list(store, prefix, op),
    put: (key, patch, expectation, op) => writer.put(key, patch, expectation, op),
    remove: (ref, op) => writer.remove(ref, op),
    pending: new PendingParameters(store, writer),
    doctor: (op) => doctor(store, 'Parameter Store', (operation) => probe(store, operation), op),
    close: () => Promise.resolve(store.close()),
  };
}
