/** Throw-away folders with files, and short forms to load what is in them. */
import { mkdirSync, mkdtempSync, realpathSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterAll } from 'vitest';
import { SecretsError, type Issue } from '../../src/core/errors.ts';
import { loadManifest, type Loaded, type LoadInput } from '../../src/manifest/index.ts';

const made: string[] = [];
afterAll(() => {
  for (const dir of made) rmSync(dir, { recursive: true, force: true });
});

/** A new folder that counts as the root of a repository. */
export function folder(files: Readonly<Record<string, string | Uint8Array>>): string {
  const dir = realpathSync(mkdtempSync(join(tmpdir(), 'secretsrc-')));
  made.push(dir);
  mkdirSync(join(dir, '.git'));
  for (const [name, content] of Object.entries(files)) {
    mkdirSync(dirname(join(dir, name)), { recursive: true });
    writeFileSync(join(dir, name), content);
  }
  return dir;
}

type Files = string | Readonly<Record<string, string | Uint8Array>>;
const inputOf = (files: Files, input: Partial<LoadInput>): LoadInput => ({
  cwd: folder(typeof files === 'string' ? { '.secretsrc': files } : files),
  platform: 'linux',
  ...input,
});

/** Loads a manifest text, or the manifest of a set of files. */
export function load(files: Files, input: Partial<LoadInput> = {}): Promise<Loaded> {
  return loadManifest(inputOf(files, input));
}

/** The issues that loading ends with; none if it succeeds. Anything but a SecretsError fails the test. */
export async function issuesOf(files: Files, input: Partial<LoadInput> = {}): Promise<readonly Issue[]> {
  try {
    await loadManifest(inputOf(files, input));
    return [];
  } catch (error) {
    if (error instanceof SecretsError) return error.issues;
    throw error;
  }
}

/** `CODE file:line:column NAME: message`, for tables. */
export function shown(issue: Issue): string {
  const at = issue.at === undefined ? '' : ` ${issue.at.file}:${issue.at.line}:${issue.at.column}`;
  return `${issue.code}${at} ${issue.name === undefined ? '' : `${issue.name}: `}${issue.message}`;
}
