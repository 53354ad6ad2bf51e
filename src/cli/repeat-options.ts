/** Hints are commands to type, so they repeat the manifest and the profile that this call was given by option. */
import { shownWord } from '../core/suggest.ts';
import { COMMANDS } from './commands.ts';

export interface Repeated {
  readonly manifest?: string | undefined;
  readonly profile?: string | undefined;
}

/** Commands that are about no manifest, and those that are about all profiles of one. */
const WITHOUT_MANIFEST = new Set(['init', 'schema', 'completion', 'ps']);
const WITHOUT_PROFILE = new Set([...WITHOUT_MANIFEST, 'trust']);

const COMMAND = new RegExp(`(?<![\\w/.-])secrets (${Object.keys(COMMANDS).join('|')})(?![\\w-])`, 'g');

/** Puts the options behind the name of each command in the text, except where the text says another one itself. */
export function repeatOptions(text: string, { manifest, profile }: Repeated): string {
  if (manifest === undefined && profile === undefined) return text;
  return text.replaceAll(COMMAND, (whole, command: string) => {
    const more = [
      ...(manifest === undefined || WITHOUT_MANIFEST.has(command) || says(text, '--manifest', '-m')
        ? []
        : ['--manifest', quoted(manifest)]),
      ...(profile === undefined || shownWord(profile) === undefined || WITHOUT_PROFILE.has(command) || says(text, '--profile', '-p')
        ? []
        : ['--profile', quoted(profile)]),
    ];
    return [whole, ...more].join(' ');
  });
}

const says = (text: string, ...options: readonly string[]): boolean => text.split(/[\s=]/).some((word) => options.includes(word));

/** For a shell. */
const quoted = (word: string): string => (/^[\w./@%+:,=-]+$/.test(word) ? word : `'${word.replaceAll("'", String.raw`'\''`)}'`);
