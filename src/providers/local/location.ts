/** Where a store is. Looks at nothing on the disk. */
import path from 'node:path';
import { Fault } from '../../core/fault.ts';
import type { Host } from '../../provider-kit/contract.ts';
import type { Options } from './options.ts';

export interface Location {
  /** Absolute path. */
  readonly folder: string;
  /** Whose key opens it: this store's own, or that of each person listed. */
  readonly team: boolean;
  /** The list of the manifest; undefined for a personal store. */
  readonly recipients: readonly string[] | undefined;
}

/** The store that the options name; undefined where there is neither a path nor a home folder. */
export function locate(options: Options, host: Host): Location | undefined {
  if (options.path === undefined) return ownLocation(host);
  // Sorted and without doubles, so that the order in the manifest changes no file.
  const recipients = options.recipients === undefined ? undefined : [...new Set(options.recipients)].sort();
  return { folder: path.resolve(host.baseDir, options.path), team: recipients !== undefined, recipients };
}

/** The user's own store: `SECRETS_STORE`, else the one in the data folder. Its key also opens team stores. */
export function ownLocation(host: Host): Location | undefined {
  const folder = given(host, 'SECRETS_STORE') ?? (host.folders.data === undefined ? undefined : path.join(host.folders.data, 'local'));
  return folder === undefined ? undefined : { folder, team: false, recipients: undefined };
}

/** The store that holds the key which opens the store of these options: itself, or of a team store the user's own. */
export function holdingLocation(options: Options, host: Host): Location | undefined {
  const location = locate(options, host);
  return location?.team === true ? ownLocation(host) : location;
}

/** A path from the environment, made absolute; an empty one is not set. */
function given(host: Host, variable: 'SECRETS_STORE'): string | undefined {
  const value = host.env[variable];
  return value === undefined || value === '' ? undefined : path.resolve(value);
}

/** The manifest's project, under which its names are kept apart. Throws Fault 'options'. */
export function projectOf(host: Host): string {
  if (host.project !== undefined && host.project !== '') return host.project;
  throw new Fault('options', {
    message: 'the local store keeps the names of each project apart, and the manifest names no project',
    hint: 'add a line such as project: api to the manifest, or run secrets init',
  });
}

/** For reads, where no store can be. */
export const nowhere = (): Fault =>
  new Fault('not-found', {
    message: 'there is no local store: this user has no home folder and SECRETS_STORE is not set',
    hint: 'export SECRETS_STORE=FOLDER',
  });
