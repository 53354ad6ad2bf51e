import { spawnSync } from 'node:child_process';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import { userFolders } from '../../src/platform/folders.ts';

const nobody = (): undefined => undefined;

describe('the folders of a user', () => {
  it('are the XDG ones on Linux, below HOME by default', () => {
    expect(userFolders({ HOME: '/home/ana' }, 'linux', nobody)).toEqual({
      config: '/home/ana/.config/secrets',
      data: '/home/ana/.local/share/secrets',
      state: '/home/ana/.local/state/secrets',
      cache: '/home/ana/.cache/secrets',
    });
    const xdg = { XDG_CONFIG_HOME: '/c', XDG_DATA_HOME: '/d', XDG_STATE_HOME: '/s', XDG_CACHE_HOME: 'relative/is/ignored' };
    expect(userFolders(xdg, 'linux', nobody)).toEqual({ config: '/c/secrets', data: '/d/secrets', state: '/s/secrets', cache: undefined });
  });

  it('are in Library on macOS and in AppData on Windows', () => {
    expect(userFolders({ HOME: '/Users/ana' }, 'darwin', nobody)).toEqual({
      config: '/Users/ana/Library/Preferences/secrets',
      data: '/Users/ana/Library/Application Support/secrets',
      state: '/Users/ana/Library/Application Support/secrets/State',
      cache: '/Users/ana/Library/Caches/secrets',
    });
    expect(userFolders({ USERPROFILE: 'C:\\Users\\ana', LOCALAPPDATA: 'D:\\Local' }, 'win32', nobody)).toEqual({
      config: 'C:\\Users\\ana\\AppData\\Roaming\\secrets\\Config',
      data: 'D:\\Local\\secrets\\Data',
      state: 'D:\\Local\\secrets\\State',
      cache: 'D:\\Local\\secrets\\Cache',
    });
  });

  it('come from the passwd entry where HOME is not set, empty or relative', () => {
    for (const HOME of [undefined, '', 'here']) {
      expect(userFolders({ HOME }, 'linux', () => '/home/passwd').config).toBe('/home/passwd/.config/secrets');
    }
  });

  it.each([
    ['there is none', {}, undefined],
    ['HOME is the root folder', { HOME: '/' }, undefined],
    ['the passwd entry is the root folder', {}, '/'],
  ])('are undefined where %s', (_, env, passwd) => {
    expect(userFolders(env, 'linux', () => passwd)).toEqual({ config: undefined, data: undefined, state: undefined, cache: undefined });
  });

  it('are overridden by name, also without a home; relative to the working directory; empty is not set', () => {
    expect(userFolders({ SECRETS_CONFIG_DIR: '/c', SECRETS_STATE_DIR: 'state' }, 'linux', nobody)).toEqual({
      config: '/c',
      data: undefined,
      state: path.resolve('state'),
      cache: undefined,
    });
    expect(userFolders({ HOME: '/h', SECRETS_CONFIG_DIR: '' }, 'linux', nobody).config).toBe('/h/.config/secrets');
  });

  it.skipIf(process.getuid?.() !== 0)('are undefined, not an error, for a user id without passwd entry', () => {
    const module = fileURLToPath(new URL('../../src/platform/folders.ts', import.meta.url));
    const script = `const { userFolders } = await import(${JSON.stringify(module)}); process.setuid(65532); console.log(JSON.stringify(userFolders(process.env)));`;
    const ran = spawnSync(process.execPath, ['--input-type=module', '-e', script], { env: {}, encoding: 'utf8' });
    expect(ran.stdout.trim()).toBe('{}');
    expect(ran.stderr).toBe('');
  });
});
