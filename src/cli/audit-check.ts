/** What `doctor` says about the audit log: nothing is written. */
import { lstatSync } from 'node:fs';
import { custodyOf, keyFileOf } from '../audit/key.ts';
import { placesFor } from '../audit/places.ts';
import { lookAtLog } from '../audit/log-writer.ts';
import { SinkFault } from '../audit/sinks/sink.ts';
import { SecretsError } from '../core/errors.ts';
import type { Manifest } from '../core/model.ts';
import { userFolders } from '../platform/folders.ts';
import type { Check } from '../provider-kit/contract.ts';
import type { Context } from './context.ts';

const TITLE = 'audit log';

/** @param manifest undefined where there is none */
export async function auditChecks(
  { env, cwd }: Pick<Context, 'env' | 'cwd'>,
  manifest: Pick<Manifest, 'audit' | 'dir'> | undefined,
): Promise<readonly Check[]> {
  const audit = manifest?.audit ?? { required: false, sinks: ['file'] };
  try {
    const places = placesFor({ ...audit, dir: manifest?.dir ?? cwd }, { env, cwd, stateFolder: userFolders(env).state });
    const checks: Check[] = [];
    if (places.offRefused)
      checks.push({
        title: TITLE,
        status: 'warn',
        message: 'SECRETS_AUDIT=off is not followed: the log is required here',
        hint: 'unset SECRETS_AUDIT',
      });
    if (places.log === undefined && places.others.length === 0) {
      const status = audit.required ? 'fail' : 'warn';
      const message = places.noLog ?? 'nothing is recorded';
      return [
        ...checks,
        { title: TITLE, status, message, hint: 'unset SECRETS_AUDIT, or name a place: SECRETS_AUDIT=stderr, audit.sinks' },
      ];
    }
    if (places.log !== undefined) checks.push(await logCheck(places.log.file, audit.required));
    const others = await Promise.allSettled(places.others.map(async (open) => (await open()).what));
    for (const other of others) {
      if (other.status === 'fulfilled') checks.push({ title: TITLE, status: 'ok', message: `records also go to ${other.value}` });
      else checks.push(failing(other.reason, audit.required && checks.every(({ status }) => status === 'fail')));
    }
    return checks;
  } catch (error) {
    if (!(error instanceof SecretsError)) throw error;
    const { message, hint } = error.primary;
    return [{ title: TITLE, status: 'fail', message, ...(hint === undefined ? {} : { hint }) }];
  }
}

async function logCheck(file: string, required: boolean): Promise<Check> {
  try {
    const size = lookAtLog(file);
    const custody = await custodyOf(keyFileOf(file));
    if (size === undefined) return { title: TITLE, status: 'ok', message: `${file}; nothing is recorded yet` };
    if (othersRead(file)) return { title: TITLE, status: 'warn', message: `other users can read ${file}`, hint: `chmod 600 ${file}` };
    const key =
      custody === undefined
        ? 'and its key is gone'
        : `signed with a key in ${custody === 'keychain' ? 'the OS keychain' : keyFileOf(file)}`;
    const mb = size < 1e6 ? `${Math.ceil(size / 1e3)} kB` : `${(size / 1e6).toFixed(1)} MB`;
    return {
      title: TITLE,
      status: custody === undefined ? 'warn' : 'ok',
      message: `${file}, ${mb}, ${key}`,
      hint: 'secrets audit verify checks it',
    };
  } catch (error) {
    return failing(error, required);
  }
}

const othersRead = (file: string): boolean => process.platform !== 'win32' && (lstatSync(file).mode & 0o044) !== 0;

function failing(error: unknown, required: boolean): Check {
  if (!(error instanceof SinkFault)) throw error;
  return {
    title: TITLE,
    status: required ? 'fail' : 'warn',
    message: error.message,
    ...(error.hint === undefined ? {} : { hint: error.hint }),
  };
}
