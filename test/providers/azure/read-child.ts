/** Reads secrets in a process of its own: `{ options, names }` on standard input, a list of what was read on standard output. */
import { json } from 'node:stream/consumers';

import { createHttpClient } from '../../../src/platform/http.ts';
import { testHost } from '../../support/host.ts';
import { testOperation } from '../../support/operation.ts';
import { openSession, shown } from './session.ts';

const { options, names } = (await json(process.stdin)) as { options: Record<string, unknown>; names: readonly string[] };
const env = { ...process.env };
const session = await openSession(options, testHost({ env, http: (client) => createHttpClient(client, env) }));
const outcomes = await session.resolve(
  names.map((key) => ({ key })),
  testOperation(),
);
await session.close();
process.stdout.write(JSON.stringify(outcomes.map(shown)));
