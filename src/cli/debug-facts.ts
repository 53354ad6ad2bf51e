/** What `--debug` says before anything happens: versions, where each setting came from, and the folders. Never a value. */
import { shownWord } from '../core/suggest.ts';
import { VERSION } from '../core/version.ts';
import { userFolders } from '../platform/folders.ts';
import type { Context, GlobalOptions } from './context.ts';

export function debugFacts({ env, cwd, limits, interactive }: Context, options: GlobalOptions): readonly string[] {
  const from = (option: string, given: string | undefined, variable: string, otherwise: string): string =>
    given !== undefined ? `from ${option}` : (env[variable] ?? '') === '' ? otherwise : `from ${variable}`;
  const profile = options.profile ?? env['SECRETS_PROFILE'];
  const named = profile === undefined || profile === '' ? '' : ` ${shownWord(profile) ?? '(not shown)'}`;
  const set = Object.keys(env).filter((name) => name.startsWith('SECRETS_') && (env[name] ?? '') !== '');
  const folders = Object.entries(userFolders(env)).map(([kind, folder]) => `${kind} ${folder ?? 'none'}`);
  return [
    `secrets ${VERSION}, Node ${process.versions.node}, ${process.platform} ${process.arch}, process ${process.pid}`,
    `working directory ${cwd}; ${interactive ? 'a person can be asked' : 'nobody can be asked'}`,
    `manifest: ${from('--manifest', options.manifest, 'SECRETS_MANIFEST', 'the nearest one upward')}`,
    `profile${named}: ${from('--profile', options.profile, 'SECRETS_PROFILE', 'the default of the manifest')}`,
    `timeout ${limits.totalMs} ms, ${limits.requestMs} ms a request: ${from('--timeout', options.timeout, 'SECRETS_TIMEOUT', 'the default')}`,
    `variables that are set: ${set.length === 0 ? 'none of SECRETS_…' : set.sort().join(', ')}`,
    `folders: ${folders.join(', ')}`,
  ];
}
