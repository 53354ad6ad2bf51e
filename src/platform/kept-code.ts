/**
 * Compiled code of the program, kept from start to start in the user's cache folder. Node's own cache keeps a file as it
 * is before it runs, so that each start would compile every function that it calls: a sixth of what `secrets run` takes.
 *
 * Kept code is executed, so it is taken only from a file and folders that this user alone can write. It is code and
 * constants, never data. Where it can't be read the program is compiled as ever, and where it can't be written nothing
 * is tried. What the modules of Node are needed for comes late, since `--version` loads this too.
 */
import { closeSync, constants, fstatSync, lstatSync, openSync, readdirSync, readFileSync, renameSync, rmSync, writeSync } from 'node:fs';
import path from 'node:path';
import type { Script } from 'node:vm';
import { privateCacheFolder } from './cache-folder.ts';

type Env = Readonly<Record<string, string | undefined>>;

/** Starts that each add the functions that they called, after the last one with something new. */
const LEARNING = 3;
/** Milliseconds after which a process that still runs keeps its code: later V8 drops what was not called for long. */
const EARLY_MS = 5_000;
/** Days after which a file of an earlier version, or a part of one, is removed. */
const OLD_DAYS = 30;

/**
 * The folder for kept code. Undefined where there is none that is private to this user, or where the user says how
 * compiled code is kept or that coverage is measured.
 */
export function keptCodeFolder(env: Env): string | undefined {
  const isSaid = ['NODE_COMPILE_CACHE', 'NODE_DISABLE_COMPILE_CACHE', 'NODE_V8_COVERAGE'].some((name) => env[name] !== undefined);
  return isSaid ? undefined : privateCacheFolder(env);
}

/** A part of the program; one that is missing is told as by Node's own loader, whatever keeps it from being read. */
function readPart(file: string): Buffer {
  try {
    return readFileSync(file);
  } catch {
    throw Object.assign(new Error('a part of the program is missing'), { code: 'MODULE_NOT_FOUND' });
  }
}

/**
 * Loads a CommonJS file and the files that it requires by a relative path, with code from the folder.
 * @param kind processes of a kind share a file, since they call the same functions
 * @returns what the file exports
 */
export function loadKept(entry: string, folder: string, kind: string): unknown {
  const vm = process.getBuiltinModule('node:vm');
  const modules = new Map<string, { exports: unknown }>();
  let kept: KeptCode | undefined;
  let outside: NodeJS.Require | undefined;
  const load = (file: string): unknown => {
    const known = modules.get(file);
    if (known !== undefined) return known.exports;
    const source = readPart(file);
    kept ??= new KeptCode(folder, kind, source);
    const name = digest(source);
    // On a line of its own, so that positions in errors are those in the file.
    const script = new vm.Script(`(function(exports,require,module,__filename,__dirname){\n${source.toString('utf8')}\n})`, {
      filename: file,
      lineOffset: -1,
      cachedData: kept.codeOf(name),
      importModuleDynamically: vm.constants.USE_MAIN_CONTEXT_DEFAULT_LOADER,
    });
    kept.add(name, script);
    const module = { exports: {} as unknown };
    modules.set(file, module);
    const requireFrom = (id: string): unknown => {
      if (id.startsWith('.')) return load(path.join(path.dirname(file), id));
      const builtin: unknown = process.getBuiltinModule(id);
      if (builtin !== undefined) return builtin;
      outside ??= process.getBuiltinModule('node:module').createRequire(entry);
      return outside(id);
    };
    const wrapper = script.runInThisContext() as (this: unknown, ...args: readonly unknown[]) => void;
    wrapper.call(module.exports, module.exports, requireFrom, module, file, path.dirname(file));
    return module.exports;
  };
  return load(entry);
}

const digest = (bytes: string | Uint8Array): string => process.getBuiltinModule('node:crypto').hash('sha256', bytes, 'hex');
const DIGEST_LENGTH = 64;

/** What a file of kept code begins with, behind the digest of this and its length in 4 bytes. The codes follow. */
interface Head {
  /** Starts that have added something since something new came. */
  readonly rounds: number;
  /** Digest of the source, digest and length in bytes of the code. */
  readonly codes: readonly (readonly [source: string, code: string, length: number])[];
}

class KeptCode {
  readonly #folder: string;
  readonly #file: string;
  /** By the digest of their source; none is checked yet. */
  readonly #codes = new Map<string, { readonly digest: string; readonly bytes: Buffer }>();
  readonly #scripts = new Map<string, Script>();
  #rounds = 0;
  #learns = false;

  /** @param entry source of the program's first file, which names the others by their content */
  constructor(folder: string, kind: string, entry: Uint8Array) {
    // V8 refuses code of another version of itself and of other flags; with their own files they don't push each other out.
    const engine = [process.version, process.arch, process.execArgv, process.env['NODE_OPTIONS'], digest(entry)];
    this.#folder = folder;
    this.#file = path.join(folder, `${kind}-${digest(JSON.stringify(engine)).slice(0, 16)}`);
    try {
      this.#read();
    } catch {
      this.#codes.clear();
      this.#rounds = 0;
    }
    if (this.#rounds < LEARNING) this.#learn();
  }

  /** Code for the source with this digest; undefined where there is none that is whole. */
  codeOf(source: string): Buffer | undefined {
    const code = this.#codes.get(source);
    return code !== undefined && digest(code.bytes) === code.digest ? code.bytes : undefined;
  }

  /** Notes what was loaded. */
  add(source: string, script: Script): void {
    this.#scripts.set(source, script);
    if (script.cachedDataRejected === false) return;
    this.#rounds = 0;
    this.#learn();
  }

  /** @throws Error where there is no such file, or not one that may be used */
  #read(): void {
    const fd = openSync(this.#file, constants.O_RDONLY | constants.O_NOFOLLOW);
    let bytes: Buffer;
    try {
      const stat = fstatSync(fd);
      if (!stat.isFile() || stat.uid !== process.geteuid?.() || (stat.mode & 0o077) !== 0) throw new Error('not private');
      bytes = readFileSync(fd);
    } finally {
      closeSync(fd);
    }
    let at = DIGEST_LENGTH + 4 + bytes.readUInt32LE(DIGEST_LENGTH);
    const head = bytes.subarray(DIGEST_LENGTH, at);
    if (bytes.toString('latin1', 0, DIGEST_LENGTH) !== digest(head)) throw new Error('damaged');
    const { rounds, codes } = JSON.parse(head.toString('utf8', 4)) as Head;
    this.#rounds = rounds;
    for (const [source, code, length] of codes) {
      this.#codes.set(source, { digest: code, bytes: bytes.subarray(at, at + length) });
      at += length;
    }
  }

  #learn(): void {
    if (this.#learns) return;
    this.#learns = true;
    const timer = setTimeout(() => keep(), EARLY_MS).unref();
    const keep = (): void => {
      clearTimeout(timer);
      process.removeListener('exit', keep);
      try {
        this.#write();
      } catch {
        // a folder that is read only, or a full disk: the next start compiles
      }
    };
    process.once('exit', keep);
  }

  /** Replaces the file, whole, so that two processes can do so at once. */
  #write(): void {
    const isNew = this.#codes.size === 0;
    const temporary = `${this.#file}.${process.pid}.${Date.now()}`;
    // First, because making the codes would be in vain where nothing can be written.
    const fd = openSync(temporary, 'wx', 0o600);
    try {
      for (const [source, script] of this.#scripts) {
        const bytes = script.createCachedData();
        this.#codes.set(source, { digest: digest(bytes), bytes });
      }
      const codes = [...this.#codes].map(([source, { digest, bytes }]) => [source, digest, bytes.length] as const);
      const json = Buffer.from(JSON.stringify({ rounds: this.#rounds + 1, codes } satisfies Head));
      const length = Buffer.alloc(4);
      length.writeUInt32LE(json.length);
      const head = Buffer.concat([length, json]);
      const content = Buffer.concat([Buffer.from(digest(head)), head, ...Array.from(this.#codes.values(), ({ bytes }) => bytes)]);
      for (let at = 0; at < content.length;) at += writeSync(fd, content, at);
      renameSync(temporary, this.#file);
    } catch (error) {
      rmSync(temporary, { force: true });
      throw error;
    } finally {
      closeSync(fd);
    }
    if (isNew) removeOld(this.#folder);
  }
}

/** Removes what earlier versions of the program or of Node left. */
function removeOld(folder: string): void {
  const before = Date.now() - OLD_DAYS * 86_400_000;
  for (const name of readdirSync(folder)) {
    const file = path.join(folder, name);
    const stat = lstatSync(file);
    if (stat.isFile() && stat.mtimeMs < before) rmSync(file, { force: true });
  }
}
