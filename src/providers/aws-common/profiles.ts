/** Which profiles the shared config files of AWS have. */
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';

import type { Host } from '../../provider-kit/contract.ts';
import { variable } from './options.ts';

/** Whether a profile stands in one of the files; what it holds is the SDK's business. */
export async function profileIsThere(profile: string, env: Host['env']): Promise<boolean> {
  const home = variable(env, 'HOME') ?? variable(env, 'USERPROFILE');
  const files = (['AWS_CONFIG_FILE', 'AWS_SHARED_CREDENTIALS_FILE'] as const).flatMap((name, index) => {
    const file = variable(env, name) ?? (home === undefined ? undefined : join(home, '.aws', index === 0 ? 'config' : 'credentials'));
    return file === undefined ? [] : [file];
  });
  const texts = await Promise.all(files.map((file) => readFile(file, 'utf8').catch(() => '')));
  return texts.some((text) => headings(text).includes(profile));
}

const headings = (text: string): string[] =>
  Array.from(text.matchAll(/^\s*\[\s*(?:profile\s)?["']?([^\]"']+?)["']?\s*\]/gm), ([, name = '']) => name);
