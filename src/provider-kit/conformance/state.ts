/** Cases about the state of single versions. */
import assert from 'node:assert/strict';
import type { VersionInfo } from '../contract.ts';
import type { Cases } from './case.ts';
import { keyOf } from './subject.ts';

const STATES = ['disabled', 'enabled', 'destroyed'] as const;

export const state: Cases = {
  'set-state': {
    title: 'disables, enables and destroys an older version, each as far as the backend can, and leaves the current one alone',
    capabilities: ['setState', 'versions'],
    run: async (subject) => {
      const name = subject.name();
      const value = subject.text();
      for (const text of [subject.text(), value]) await subject.harness.seed(name, Buffer.from(text));
      const ref = subject.parsed(name);
      const key = keyOf(ref);
      const session = subject.with(await subject.open(), 'setState');
      const versions = async (): Promise<readonly VersionInfo[]> => (await session.versions?.(key, subject.operation())) ?? [];
      const old = (await versions()).find(({ current }) => !current)?.version;
      assert.ok(old !== undefined, 'there is an older version');
      await subject.throws(() => session.setState(key, '987654321', 'disabled', subject.operation()), 'not-found', 'unsupported');
      let done = 0;
      for (const wanted of STATES) {
        const outcome = await session.setState(key, old, wanted, subject.operation()).catch((error: unknown) => subject.fault(error));
        if (outcome instanceof Error) {
          subject.kind(subject.fault(outcome), ['unsupported']);
          continue;
        }
        done++;
        const is: VersionInfo['state'] | undefined = (await versions()).find(({ version }) => version === old)?.state;
        if (wanted === 'enabled') assert.equal(is, 'enabled');
        else if (wanted === 'disabled') assert.ok(is === 'disabled' || is === 'deleted', `a disabled version is ${is}`);
        else assert.ok(is === undefined || is === 'destroyed', `a destroyed version is ${is}`);
        subject.equal((await subject.read(await subject.open(), [ref]))[0], value);
      }
      assert.ok(done > 0, 'an adapter that can do none of it does not declare it');
    },
  },
};
