/** A team store whose list of recipients has changed: every version is encrypted to the new list. */
import { Fault } from '../../core/fault.ts';
import type { SecretValue } from '../../core/secret-value.ts';
import type { Host, Operation } from '../../provider-kit/contract.ts';
import { sealDocument } from './document.ts';
import type { Version } from './index-file.ts';
import type { Options } from './options.ts';
import { readVersion, useOf } from './use.ts';
import { changeStore, readIndex } from './store.ts';
import { checkRecipients } from './write.ts';

export interface Reencrypted {
  /** How many versions were encrypted again. */
  readonly versions: number;
  readonly added: readonly string[];
  /** They keep what they could read before: those secrets have to be rotated. */
  readonly removed: readonly string[];
}

/**
 * Encrypts every version to the recipients of the options. All are read before the first is written; interrupted, it
 * can be run again.
 * @throws Fault: 'unsupported' for a personal store, 'not-found' without a store, 'denied' if some version is not for
 *   our key, 'corrupt', 'locked', 'conflict'
 */
export async function reencrypt(options: Options, host: Host, op?: Operation): Promise<Reencrypted> {
  const use = useOf(options, host);
  const { location } = use;
  if (location?.recipients === undefined) {
    throw new Fault('unsupported', {
      message: 'only a team store, which lists recipients, is re-encrypted',
      hint: 'secrets providers rekey local moves the key of your own store',
    });
  }
  const { recipients } = location;
  await checkRecipients(recipients);
  const before = await readIndex(location);
  if (before === undefined)
    throw new Fault('not-found', { message: `there is no store yet at ${location.folder}`, hint: 'secrets set NAME' });
  if (before.versions.length > 0) await use.identities(before);
  return changeStore(location, op?.signal, async (change) => {
    const values: { readonly version: Version; readonly value: SecretValue }[] = [];
    for (const version of change.index.versions) {
      const value = await readVersion(use, location, change.index, version);
      if (value === undefined)
        throw new Fault('corrupt', { message: `the file ${version.file} is missing`, hint: 'restore it from git, or remove its secret' });
      values.push({ version, value });
    }
    for (const { version, value } of values) await change.replace(version.file, await sealDocument(version, value, recipients));
    const old = change.index.recipients;
    await change.commit({ ...change.index, recipients });
    return {
      versions: values.length,
      added: recipients.filter((recipient) => !old.includes(recipient)),
      removed: old.filter((recipient) => !recipients.includes(recipient)),
    };
  });
}
