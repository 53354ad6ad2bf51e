/** Descriptors that we inherited above 2: closed for the child, except those that are asked for. */
import { closeSync, fstatSync, readFileSync, readdirSync } from 'node:fs';

const CLOEXEC = 0o2000000;

/** `none`: only those that an argument names; numbers; `auto`: those that the environment announces. */
export type KeepRule = readonly (number | 'auto')[];

/** Descriptors that the child keeps: named in an argument (`/dev/fd/63`), announced in the environment, or asked for. */
export function descriptorsToKeep(
  argv: readonly string[],
  env: Readonly<Record<string, string | undefined>>,
  rule: KeepRule,
): readonly number[] {
  const found = new Set<number>();
  for (const argument of argv) for (const match of argument.matchAll(/\/(?:dev|proc\/self)\/fd\/(\d+)/g)) found.add(Number(match[1]));
  for (const keep of rule) {
    if (keep !== 'auto') found.add(keep);
    else for (const fd of announced(env)) found.add(fd);
  }
  return [...found].filter((fd) => fd > 2 && fd < 4096 && isOpen(fd)).sort((a, b) => a - b);
}

/** GNU make's job server and systemd's socket activation. */
function announced(env: Readonly<Record<string, string | undefined>>): readonly number[] {
  const server = /--jobserver-(?:auth|fds)=(\d+),(\d+)/.exec(env['MAKEFLAGS'] ?? '');
  const sockets = Number(env['LISTEN_FDS'] ?? 0);
  return [
    ...(server === null ? [] : [Number(server[1]), Number(server[2])]),
    ...Array.from({ length: Number.isInteger(sockets) && sockets > 0 && sockets < 1024 ? sockets : 0 }, (_, index) => 3 + index),
  ];
}

function isOpen(fd: number): boolean {
  try {
    fstatSync(fd);
    return true;
  } catch {
    return false;
  }
}

/**
 * Closes the descriptors that a child would inherit. The runtime marks its own, and inherited ones with low numbers,
 * close-on-exec; those without the mark came from our parent and are only in the way.
 */
export function closeInherited(keep: readonly number[]): void {
  let open: readonly string[];
  try {
    open = readdirSync('/proc/self/fd');
  } catch {
    return; // no /proc: the runtime's own mark on low numbers is all there is
  }
  for (const name of open) {
    const fd = Number(name);
    if (fd <= 2 || keep.includes(fd)) continue;
    try {
      const flags = Number.parseInt(/^flags:\s*(\d+)/m.exec(readFileSync(`/proc/self/fdinfo/${name}`, 'utf8'))?.[1] ?? '', 8);
      if ((flags & CLOEXEC) === 0) closeSync(fd);
    } catch {
      // gone meanwhile, as the descriptor that listed the folder
    }
  }
}

/** What spawn takes for one descriptor of the child. */
export type StdioEntry = 'inherit' | 'pipe' | 'ignore' | number;

/**
 * The `stdio` list for spawn: the first three streams, each kept descriptor under its own number, and `others`, which
 * stand under numbers of their own.
 */
export function stdioFor(
  keep: readonly number[],
  streams: readonly StdioEntry[],
  others: ReadonlyMap<number, StdioEntry> = new Map(),
): StdioEntry[] {
  const stdio: StdioEntry[] = [...streams];
  for (const [number, fd] of [...keep.map((kept) => [kept, kept] as const), ...others]) {
    while (stdio.length < number) stdio.push('ignore');
    stdio[number] = fd;
  }
  return stdio;
}
