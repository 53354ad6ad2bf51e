/** Stores in temporary folders, used through the adapter as the kit does. */
import { execFileSync, spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterEach, beforeEach, vi } from 'vitest';
import { Fault } from '../../../src/core/fault.ts';
import { parseReference } from '../../../src/core/reference.ts';
import { SecretValue } from '../../../src/core/secret-value.ts';
import type { AnySession, Host, ParsedRef } from '../../../src/provider-kit/contract.ts';
import { parseIndex, type StoreIndex } from '../../../src/providers/local/index-file.ts';
import local from '../../../src/providers/local/index.ts';
import type { Options } from '../../../src/providers/local/options.ts';
import { testHost, type TestHost, type TestHostOverrides } from '../../support/host.ts';
import { testOperation } from '../../support/operation.ts';

export const op = testOperation();
export const canary = (): string => `canary-${randomBytes(8).toString('hex')}`;

/** A folder of its own for each test: `home`, with `home.store` as the default store. */
export const home = { dir: '', store: '', config: '' };

/** To be called once in a test file. Its tests unlock keys and start processes, which a busy machine does slowly. */
export function useTempHome(): void {
  vi.setConfig({ testTimeout: 30_000 });
  beforeEach(() => {
    home.dir = mkdtempSync(path.join(tmpdir(), 'local-'));
    home.store = path.join(home.dir, 'data', 'local');
    home.config = path.join(home.dir, 'config');
  });
  afterEach(() => rmSync(home.dir, { recursive: true, force: true }));
}

/** A host with folders, and without a keychain, unless told otherwise. */
export function hostWith(overrides: TestHostOverrides = {}): TestHost {
  return testHost({
    project: 'api',
    provider: 'local',
    baseDir: home.dir,
    folders: { config: home.config, data: path.join(home.dir, 'data'), state: path.join(home.dir, 'state') },
    keychainState: 'no-service',
    ...overrides,
  });
}

export const open = (host: Host = hostWith(), options: Options = {}): Promise<AnySession> => local.open(options, host);

export function ref(text: string): ParsedRef {
  const parsed = parseReference(text.includes('://') ? text : `local://${text}`);
  if (!parsed.ok) throw new Error(parsed.message);
  return local.parseRef(parsed.reference, {});
}

/** Stores a text or bytes; the version it became. `name` may have a `#field`. */
export async function put(session: AnySession, name: string, value: string | Uint8Array, expect?: string): Promise<string> {
  const target = ref(name);
  const patch = {
    value: SecretValue.fromBytes(Buffer.from(value)),
    rotatedAt: new Date('2026-01-02T03:04:05Z'),
    ...(target.field === undefined ? {} : { field: target.field }),
  };
  return (await session.put?.(target, patch, { expect }, op))?.version ?? 'none';
}

/** The value as text; throws the Fault. */
export async function get(session: AnySession, name: string): Promise<string> {
  return (await bytesOf(session, name)).toString('utf8');
}

export async function bytesOf(session: AnySession, name: string): Promise<Buffer> {
  const [outcome] = await session.resolve([ref(name)], op);
  if (outcome === undefined) throw new Error('no outcome');
  if (!outcome.ok) throw outcome.fault;
  return outcome.value.bytes.reveal();
}

/** The Fault that something fails with. */
export async function faultOf(act: Promise<unknown>): Promise<Fault> {
  const error = await act.then(
    () => undefined,
    (caught: unknown) => caught,
  );
  if (error instanceof Fault) return error;
  throw new Error('expected a Fault', { cause: error });
}

export function indexOf(store: string = home.store): StoreIndex {
  return parseIndex(readFileSync(path.join(store, 'index.json'), 'utf8'), 'index');
}

/** Files of a store that neither its index nor its custody knows. */
export function strays(store: string = home.store): readonly string[] {
  const index = indexOf(store);
  const known = ['index.json', '.gitattributes', '.gitignore', ...index.versions.map(({ file }) => file)];
  if (index.custody?.kind === 'passphrase') known.push(index.custody.file);
  return readdirSync(store).filter((name) => !known.includes(name));
}

export const hasAge = (process.env.PATH ?? '').split(path.delimiter).some((folder) => existsSync(path.join(folder, 'age')));

export interface Child {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
  readonly out: string;
  readonly errors: string;
}

/** Runs `child.ts` with steps; `killAt` is the number of the file operation before which it kills itself. */
export async function runChild(
  steps: readonly (readonly string[])[],
  env: Readonly<Record<string, string>> = {},
  killAt?: number,
  dir: string = home.dir,
): Promise<Child> {
  const child = spawn(
    process.execPath,
    [fileURLToPath(new URL('child.ts', import.meta.url)), JSON.stringify({ steps, home: dir, killAt })],
    {
      env: { PATH: process.env.PATH ?? '', ...env },
      stdio: ['ignore', 'pipe', 'pipe'],
    },
  );
  let out = '';
  let errors = '';
  child.stdout.setEncoding('utf8').on('data', (text: string) => (out += text));
  child.stderr.setEncoding('utf8').on('data', (text: string) => (errors += text));
  return new Promise((resolve) => child.on('close', (code, signal) => resolve({ code, signal, out, errors })));
}

/** Runs git with nothing of the user's own settings; its output. */
export function runGit(dir: string, ...args: readonly string[]): string {
  const who = ['-c', 'user.name=test', '-c', 'user.email=test@example.com', '-c', 'commit.gpgsign=false'];
  const env = { PATH: process.env.PATH ?? '', HOME: dir, GIT_CONFIG_NOSYSTEM: '1' };
  return execFileSync('git', [...who, ...args], { cwd: dir, env, encoding: 'utf8', stdio: ['ignore', 'pipe', 'pipe'] });
}
