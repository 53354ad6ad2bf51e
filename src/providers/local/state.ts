/** The state of single versions. */
import { Fault } from '../../core/fault.ts';
import type { DocumentKey, Operation } from '../../provider-kit/contract.ts';
import { pickVersion, type Version } from './index-file.ts';
import { readIndex } from './store.ts';
import { absent, type Use } from './use.ts';
import { change } from './write.ts';

/**
 * A disabled version stays, and no reader gets it; a destroyed one is gone with its file.
 * @throws Fault 'unsupported' for the newest version, whose number would be given out again once it is destroyed and
 *   which `remove` or a new value takes out of use; 'not-found'
 */
export async function setState(
  use: Use,
  key: DocumentKey,
  version: string,
  state: 'enabled' | 'disabled' | 'destroyed',
  op: Operation,
): Promise<void> {
  const { location } = use;
  if (location === undefined || (await readIndex(location)) === undefined) throw absent(use, { key: key.key, version });
  await change(use, location, op, async (current) => {
    const { index } = current;
    const line = pickVersion(index, use.project, key.key, version);
    if (line === undefined) throw absent(use, { key: key.key, version });
    if (state !== 'enabled' && line.file === pickVersion(index, use.project, key.key)?.file) {
      throw new Fault('unsupported', {
        message: `version ${version} of ${key.key} is the current one, which the local store takes out of use only for a newer one`,
        hint: 'secrets rotate NAME or secrets set NAME, then again',
      });
    }
    const others = index.versions.filter(({ file }) => file !== line.file);
    if (state === 'destroyed') {
      await current.commit({ ...index, versions: others });
      await current.delete(line.file);
      return;
    }
    const { disabled: _, ...enabled } = line;
    const changed: Version = state === 'disabled' ? { ...line, disabled: true } : enabled;
    await current.commit({ ...index, versions: [...others, changed] });
  });
}
