/**
 * The user's folders, as the platform names them. Looks only: nothing is created here.
 *
 * The same places as env-paths without a suffix, which itself can't be used: it asks for the home folder when it is
 * loaded, and that throws for a user without one.
 */
import os from 'node:os';
import path from 'node:path';

export interface UserFolders {
  readonly config: string | undefined;
  readonly data: string | undefined;
  readonly state: string | undefined;
  readonly cache: string | undefined;
}

type Env = Readonly<Record<string, string | undefined>>;

const APP = 'secrets';

/**
 * Absolute paths; undefined where neither an override nor a home folder says where. `SECRETS_CONFIG_DIR` and
 * `SECRETS_STATE_DIR` are taken as they are, relative to the working directory. Never throws.
 */
export function userFolders(
  env: Env,
  platform: NodeJS.Platform = process.platform,
  passwdHome: () => string | undefined = homeOfUser,
): UserFolders {
  const found = byPlatform(env, platform, homeFolder(env, platform, passwdHome));
  return { ...found, config: override(env.SECRETS_CONFIG_DIR) ?? found.config, state: override(env.SECRETS_STATE_DIR) ?? found.state };
}

const override = (folder: string | undefined): string | undefined =>
  folder === undefined || folder === '' ? undefined : path.resolve(folder);

function byPlatform(env: Env, platform: NodeJS.Platform, home: string | undefined): UserFolders {
  if (platform === 'win32') {
    const { join } = path.win32;
    const roaming = absolute(env.APPDATA, path.win32) ?? (home === undefined ? undefined : join(home, 'AppData', 'Roaming'));
    const local = absolute(env.LOCALAPPDATA, path.win32) ?? (home === undefined ? undefined : join(home, 'AppData', 'Local'));
    const inside = (base: string | undefined, name: string): string | undefined => (base === undefined ? undefined : join(base, APP, name));
    return { config: inside(roaming, 'Config'), data: inside(local, 'Data'), state: inside(local, 'State'), cache: inside(local, 'Cache') };
  }
  const { join } = path.posix;
  if (platform === 'darwin') {
    const library = (...names: readonly string[]): string | undefined => (home === undefined ? undefined : join(home, 'Library', ...names));
    return {
      config: library('Preferences', APP),
      data: library('Application Support', APP),
      state: library('Application Support', APP, 'State'),
      cache: library('Caches', APP),
    };
  }
  const xdg = (name: string, ...fallback: readonly string[]): string | undefined => {
    const base = absolute(env[name], path.posix) ?? (home === undefined ? undefined : join(home, ...fallback));
    return base === undefined ? undefined : join(base, APP);
  };
  return {
    config: xdg('XDG_CONFIG_HOME', '.config'),
    data: xdg('XDG_DATA_HOME', '.local', 'share'),
    state: xdg('XDG_STATE_HOME', '.local', 'state'),
    cache: xdg('XDG_CACHE_HOME', '.cache'),
  };
}

function homeFolder(env: Env, platform: NodeJS.Platform, passwdHome: () => string | undefined): string | undefined {
  const paths = platform === 'win32' ? path.win32 : path.posix;
  const home = absolute(platform === 'win32' ? env.USERPROFILE : env.HOME, paths) ?? absolute(passwdHome(), paths);
  // A container's user without a home is given the root folder.
  return home === undefined || paths.parse(home).root === home ? undefined : home;
}

/** The XDG rules ignore a relative path, and so do we everywhere. */
function absolute(folder: string | undefined, paths: path.PlatformPath): string | undefined {
  return folder !== undefined && folder !== '' && paths.isAbsolute(folder) ? folder : undefined;
}

function homeOfUser(): string | undefined {
  try {
    return os.userInfo().homedir;
  } catch {
    return undefined; // no passwd entry
  }
}
