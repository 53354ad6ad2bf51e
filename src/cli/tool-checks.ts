/** What `doctor` looks at besides the providers: this machine, the project's folder and the environment. */
import { execFile } from 'node:child_process';
import { accessSync, constants, existsSync, readdirSync } from 'node:fs';
import path from 'node:path';
import type { Manifest, SecretSpec } from '../core/model.ts';
import { userFolders } from '../platform/folders.ts';
import { plainSwap } from '../platform/swap.ts';
import type { Check } from '../provider-kit/contract.ts';
import { inProfile } from '../manifest/index.ts';
import { named } from './inventory.ts';

type Env = Readonly<Record<string, string | undefined>>;

/** Of the program and the user, manifest or not. */
export function machineChecks(env: Env): readonly Check[] {
  const { config, data, state } = userFolders(env);
  const folders = { 'configuration folder': config, 'data folder': data, 'state folder': state };
  return [
    { title: 'Node', status: 'ok', message: process.versions.node },
    ...Object.entries(folders).map(([title, folder]) => folderCheck(title, folder)),
    ...tlsCheck(env),
    ...swapCheck(),
  ];
}

function swapCheck(): readonly Check[] {
  const swaps = plainSwap();
  if (swaps.length === 0) return [];
  const message = `values in memory may be written to swap that is not encrypted: ${swaps.join(', ')}`;
  return [{ title: 'swap', status: 'warn', message, hint: 'encrypt the swap space, or switch it off: swapoff -a' }];
}

function folderCheck(title: string, folder: string | undefined): Check {
  if (folder === undefined) {
    return {
      title,
      status: 'warn',
      message: 'there is no home folder to keep it in',
      hint: 'set HOME, or SECRETS_CONFIG_DIR and SECRETS_STATE_DIR',
    };
  }
  let nearest = folder;
  while (!existsSync(nearest) && path.dirname(nearest) !== nearest) nearest = path.dirname(nearest);
  try {
    accessSync(nearest, constants.W_OK | constants.X_OK);
    return { title, status: 'ok', message: nearest === folder ? folder : `${folder}, made when it is needed` };
  } catch {
    return { title, status: 'warn', message: `${nearest} cannot be written`, hint: `check who owns ${nearest} and its permissions` };
  }
}

function tlsCheck(env: Env): readonly Check[] {
  if (env['NODE_TLS_REJECT_UNAUTHORIZED'] !== '0') return [];
  const message = 'NODE_TLS_REJECT_UNAUTHORIZED=0 switches the checks of certificates off, so every provider over https is refused';
  return [
    { title: 'TLS', status: 'fail', message, hint: 'unset NODE_TLS_REJECT_UNAUTHORIZED; for a private authority set NODE_EXTRA_CA_CERTS' },
  ];
}

/** Of a manifest that could be loaded. */
export async function projectChecks(manifest: Manifest, env: Env): Promise<readonly Check[]> {
  const project: readonly Check[] = manifest.project === undefined ? [] : [{ title: 'project', status: 'ok', message: manifest.project }];
  return [...project, ...dotenvCheck(manifest.dir), ...environmentCheck(manifest, env), ...(await personalFileCheck(manifest.dir))];
}

const EXAMPLE = /\.(?:example|sample|template|dist|defaults?)$/;

function dotenvCheck(dir: string): readonly Check[] {
  const files = filesIn(dir).filter((name) => /^\.env(?:\..+)?$/.test(name) && !EXAMPLE.test(name));
  const [first] = files;
  if (first === undefined) return [];
  const message = `${named(files)} beside the manifest may hold values in the clear`;
  return [{ title: '.env', status: 'warn', message, hint: `secrets import ${first}` }];
}

function filesIn(dir: string): readonly string[] {
  try {
    return readdirSync(dir).toSorted();
  } catch {
    return [];
  }
}

function environmentCheck(manifest: Manifest, env: Env): readonly Check[] {
  const isSet = ({ name }: SecretSpec): boolean => env[name] !== undefined && env[name] !== '';
  const set = [...manifest.secrets.values()]
    .filter((spec) => spec.source.kind !== 'value' && inProfile(spec, manifest.profile) && isSet(spec))
    .filter((spec) => !readsItself(spec, manifest) && !manifest.env.keep.includes(spec.name))
    .map((spec) => spec.name);
  if (set.length === 0) return [];
  const message = `${named(set)} ${set.length === 1 ? 'is' : 'are'} set in this environment already; a run replaces ${set.length === 1 ? 'it' : 'them'}`;
  return [{ title: 'environment', status: 'warn', message, hint: `unset ${set.slice(0, 6).join(' ')}` }];
}

/** `REGION: env://REGION` is about the parent's value on purpose. */
function readsItself({ name, source }: SecretSpec, manifest: Manifest): boolean {
  if (source.kind !== 'references') return false;
  return source.references.some(({ reference }) => manifest.providers.get(reference.provider)?.use === 'env' && reference.path === name);
}

const PERSONAL = '.secretsrc.local';

async function personalFileCheck(dir: string): Promise<readonly Check[]> {
  if (!existsSync(path.join(dir, PERSONAL))) return [];
  const ignored = await isIgnored(dir);
  if (ignored === undefined) return [];
  if (ignored) return [{ title: PERSONAL, status: 'ok', message: 'git ignores it' }];
  return [
    { title: PERSONAL, status: 'warn', message: 'git does not ignore it, and it is yours alone', hint: `echo ${PERSONAL} >> .gitignore` },
  ];
}

/** Undefined where there is no git or no repository. A repository's own monitor program is not started. */
function isIgnored(dir: string): Promise<boolean | undefined> {
  const args = ['-c', 'core.fsmonitor=false', 'check-ignore', '--quiet', PERSONAL];
  return new Promise((resolve) => {
    execFile('git', args, { cwd: dir, timeout: 5_000 }, (error) => {
      resolve(error === null ? true : error.code === 1 ? false : undefined);
    });
  });
}
