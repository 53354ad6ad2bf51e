/** All files that a manifest consists of: itself, what it extends, `.secretsrc.local`, the user's `config.yaml`. */
import { dirname, join, resolve } from 'node:path';
import type { Position } from '../core/errors.ts';
import { canonicalPath, findManifest, LOCAL_NAME, noteRivals, readTextFile, showPath } from './files.ts';
import type { Problems } from './problems.ts';
import { checkShape } from './shape-check.ts';
import { localShape, manifestShape, userShape } from './shape.ts';
import { readTree, textOf, under, entriesOf, type MapNode } from './tree.ts';

export interface SourceFile {
  readonly kind: 'user' | 'extended' | 'manifest' | 'local';
  /** Absolute. */
  readonly path: string;
  readonly dir: string;
  /** As in positions. */
  readonly shown: string;
  /** How `explain` calls it. */
  readonly label: string;
  readonly root: MapNode;
}

export interface Sources {
  /** Absolute path of the main file, even if it could not be read. */
  readonly path?: string;
  readonly dir: string;
  readonly user?: SourceFile;
  /** The furthest first. */
  readonly extended: readonly SourceFile[];
  readonly main?: SourceFile;
  readonly local?: SourceFile;
}

export interface SourceInput {
  readonly cwd: string;
  readonly manifest?: string | undefined;
  readonly userConfigFile?: string | undefined;
  /** Whether a run without any manifest makes sense. */
  readonly optional: boolean;
}

/** A longer chain is a mistake. */
const LONGEST_CHAIN = 20;
const SHAPES = { user: userShape, extended: manifestShape, manifest: manifestShape, local: localShape } as const;
const NOUNS = { user: 'config.yaml', extended: 'the extended file', manifest: 'the manifest', local: LOCAL_NAME } as const;

/** Reads every file, each checked against its shape. What is wrong goes to `problems`. */
export async function readSources(input: SourceInput, problems: Problems): Promise<Sources> {
  const cwd = resolve(input.cwd);
  const read = (kind: SourceFile['kind'], path: string, label: string, mustExist: boolean, from?: Position): SourceFile | undefined => {
    const shown = showPath(path, cwd);
    const result = readTextFile(path);
    if (result.ok) {
      const root = readTree(result.text, shown, NOUNS[kind], problems);
      if (root === undefined) return undefined;
      checkShape(root, SHAPES[kind], problems);
      return { kind, path, dir: dirname(path), shown, label, root };
    }
    if (result.reason === 'missing' && !mustExist) return undefined;
    const message = kind === 'extended' ? `the extended file: ${result.message}` : result.message;
    const code = from !== undefined && result.code === 'MANIFEST_NOT_FOUND' ? 'MANIFEST_INVALID' : result.code;
    problems.add({ code, message, hint: result.hint, at: from ?? { file: shown, line: 1, column: 1 } });
    return undefined;
  };

  const user = input.userConfigFile === undefined ? undefined : read('user', resolve(cwd, input.userConfigFile), 'config.yaml', false);
  const path = input.manifest === undefined ? await findManifest(cwd) : resolve(cwd, input.manifest);
  if (path === undefined) {
    if (!input.optional)
      problems.add({
        code: 'MANIFEST_NOT_FOUND',
        message: 'there is no .secretsrc in this folder or above it, up to the root of the repository',
        hint: 'secrets init, or --manifest FILE',
      });
    return { dir: cwd, extended: [], ...(user === undefined ? {} : { user }) };
  }
  const rivals = noteRivals(path, showPath(path, cwd));
  if (rivals !== undefined) problems.note(rivals);
  const main = read('manifest', path, 'manifest', true);
  const local = read('local', join(dirname(path), LOCAL_NAME), LOCAL_NAME, false);
  const extended: SourceFile[] = [];
  const visited = new Set([canonicalPath(path)]);
  for (let file = main; file !== undefined;) {
    const node = under(file.root, 'extends');
    const target = textOf(node);
    if (node === undefined || target === undefined) break;
    const next = resolve(file.dir, target);
    const canonical = canonicalPath(next);
    if (visited.has(canonical) || visited.size >= LONGEST_CHAIN) {
      problems.invalid(
        node.at,
        visited.has(canonical) ? 'the files extend each other in a circle' : 'the chain of extended files is too long',
        {
          hint: 'remove this extends',
        },
      );
      break;
    }
    visited.add(canonical);
    file = read('extended', next, `extends ${showPath(next, dirname(path))}`, true, node.at);
    if (file !== undefined) extended.unshift(file);
  }
  return {
    path,
    dir: dirname(path),
    extended,
    ...(user === undefined ? {} : { user }),
    ...(main === undefined ? {} : { main }),
    ...(local === undefined ? {} : { local }),
  };
}

/** The section of a profile in one file, if it has one. */
export function profileIn(file: SourceFile, profile: string): { readonly at: Position; readonly node: MapNode | undefined } | undefined {
  const entry = entriesOf(under(file.root, 'profiles')).get(profile);
  return entry === undefined ? undefined : { at: entry.keyAt, node: entry.node.kind === 'map' ? entry.node : undefined };
}
