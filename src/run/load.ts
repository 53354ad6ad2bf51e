/** Stage 1: finds and reads the manifest, with one profile applied. */
import path from 'node:path';
import type { Issue } from '../core/errors.ts';
import type { Manifest } from '../core/model.ts';
import { loadManifest } from '../manifest/index.ts';
import { userFolders } from '../platform/folders.ts';

export interface LoadOptions {
  readonly cwd: string;
  readonly env: Readonly<Record<string, string | undefined>>;
  /** A file; default: the nearest one upward. */
  readonly manifest?: string | undefined;
  readonly profile?: string | undefined;
  /** dotenv files whose entries are added. */
  readonly envFiles?: readonly string[];
  /** References that are added. */
  readonly refs?: readonly { readonly name: string; readonly reference: string }[];
}

export interface Loaded {
  readonly manifest: Manifest;
  readonly warnings: readonly Omit<Issue, 'code'>[];
}

/** The user's own configuration, which may not exist; undefined where there is no home. */
export function userConfigFile(env: LoadOptions['env']): string | undefined {
  const { config } = userFolders(env);
  return config === undefined ? undefined : path.join(config, 'config.yaml');
}

/** @throws SecretsError with every mistake of the manifest, or MANIFEST_NOT_FOUND */
export async function load(options: LoadOptions): Promise<Loaded> {
  const file = userConfigFile(options.env);
  return loadManifest({
    cwd: options.cwd,
    ...(options.manifest === undefined ? {} : { manifest: options.manifest }),
    ...(options.profile === undefined ? {} : { profile: options.profile }),
    ...(options.envFiles === undefined ? {} : { envFiles: [...options.envFiles] }),
    ...(options.refs === undefined ? {} : { refs: [...options.refs] }),
    ...(file === undefined ? {} : { userConfigFile: file }),
  });
}
