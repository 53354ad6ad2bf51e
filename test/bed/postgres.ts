/** A PostgreSQL server of the bed's own: its own data folder, not the system's cluster. */
import { execFileSync } from 'node:child_process';
import { chownSync, existsSync, readdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { StartContext, UserIds } from './components.ts';
import type { PostgresFacts } from './facts.ts';
import { which } from './installers.ts';

/** Where Debian keeps the server's programs, a folder for each major version: not in PATH. */
const DEBIAN = '/usr/lib/postgresql';

/** Path of a program of PostgreSQL: the newest of Debian's, else the one in PATH. */
export function findPostgres(program: string): string | undefined {
  const versions = existsSync(DEBIAN) ? readdirSync(DEBIAN).sort((a, b) => Number(b) - Number(a)) : [];
  return versions.map((version) => join(DEBIAN, version, 'bin', program)).find((path) => existsSync(path)) ?? which(program);
}

/** Starts it on loopback. As root it runs as the user that the package made, since it refuses root. */
export async function postgres(context: StartContext): Promise<PostgresFacts> {
  const program = (name: string): string => findPostgres(name) ?? name;
  const as = process.getuid?.() === 0 ? idsOf('postgres') : {};
  const [port = 0] = await context.ports(1);
  const host = '127.0.0.1';
  const user = 'postgres';
  const password = 'bed-postgres-password';
  const data = join(context.dir, 'data');
  const passwordFile = join(context.dir, 'password');
  writeFileSync(passwordFile, password, { mode: 0o600 });
  if (as.uid !== undefined && as.gid !== undefined) for (const path of [context.dir, passwordFile]) chownSync(path, as.uid, as.gid);
  const layout = ['-D', data, '-E', 'UTF8', '--locale=C', '--no-sync', '--no-instructions'];
  await context.run(program('initdb'), [...layout, '-U', user, '-A', 'scram-sha-256', `--pwfile=${passwordFile}`], { as });
  const settings = {
    listen_addresses: host,
    port,
    unix_socket_directories: context.dir,
    fsync: 'off',
    shared_buffers: '16MB',
    max_connections: 50,
  };
  const set = Object.entries(settings).flatMap(([name, value]) => ['-c', `${name}=${value}`]);
  const running = context.start(program('postgres'), ['-D', data, ...set], { as });
  await context.until(running, () => {
    execFileSync(program('pg_isready'), ['-q', '-h', host, '-p', String(port)]);
    return true;
  });
  return { host, port, user, password, database: user, url: `postgresql://${user}:${password}@${host}:${port}/${user}` };
}

function idsOf(user: string): UserIds {
  const id = (flag: string): number => Number(execFileSync('id', [flag, user], { encoding: 'utf8' }));
  return { uid: id('-u'), gid: id('-g') };
}
