/** A provider whose answers a test has written down, and which counts what it is asked. */
import { done, failed, Fault, type Outcome } from '../../src/core/fault.ts';
import { SecretValue } from '../../src/core/secret-value.ts';
import { defineProvider } from '../../src/provider-kit/contract.ts';
import type { Capability, DoctorReport, Metadata, ParsedRef, PendingInfo, Provider, VersionInfo } from '../../src/provider-kit/contract.ts';

export class KnownWorld {
  /** By path of the reference; a path that is missing is absent. */
  readonly metadata = new Map<string, Metadata | Fault>();
  readonly values = new Map<string, string | Uint8Array | Fault>();
  readonly versions = new Map<string, readonly VersionInfo[]>();
  readonly pending = new Map<string, PendingInfo | Fault>();
  report: DoctorReport | Fault = { identity: 'tester', checks: [{ title: 'server', status: 'ok', message: 'it answers' }] };
  /** Keys of each call, in order. */
  readonly described: string[][] = [];
  readonly read: string[][] = [];
  /** Keys whose pending value was asked for. */
  readonly searched: string[] = [];
  opened = 0;
  closed = 0;

  clear(): void {
    this.metadata.clear();
    this.values.clear();
    this.versions.clear();
    this.pending.clear();
    this.searched.length = 0;
    this.report = { identity: 'tester', checks: [{ title: 'server', status: 'ok', message: 'it answers' }] };
    this.described.length = 0;
    this.read.length = 0;
    this.opened = 0;
    this.closed = 0;
  }
}

/** @param identity sessions of equal identity are shared */
export function knownProvider(world: KnownWorld, can: readonly Capability[] = ['describe', 'versions'], identity = 'known'): Provider {
  return defineProvider({
    contract: 1,
    scheme: 'vault',
    title: 'Known',
    options: { '~standard': { version: 1, vendor: 'test', validate: (value) => ({ value }) } },
    needs: { network: false },
    limits: {},
    capabilities: can as readonly ('describe' | 'versions' | 'pending')[],
    parseRef: ({ path, options, field }) => {
      if (path.includes(' ')) throw new Fault('ref', { message: 'a path has no spaces', hint: 'write vault://PATH' });
      return {
        key: path,
        ...(options['version'] === undefined ? {} : { version: options['version'] }),
        ...(field === undefined ? {} : { field }),
      };
    },
    identity: () => identity,
    open: async () => {
      world.opened += 1;
      return {
        describe: async (refs: readonly ParsedRef[]): Promise<readonly Outcome<Metadata>[]> => {
          world.described.push(refs.map(({ key }) => key));
          return refs.map(({ key }) => {
            const known = world.metadata.get(key) ?? { presence: 'absent' as const };
            return known instanceof Fault ? failed(known) : done(known);
          });
        },
        resolve: async (keys) => {
          world.read.push(keys.map(({ key }) => key));
          return keys.map(({ key }) => {
            const value = world.values.get(key) ?? new Fault('not-found', 'there is nothing');
            if (value instanceof Fault) return failed(value);
            return done({ bytes: typeof value === 'string' ? SecretValue.fromText(value) : SecretValue.fromBytes(value), version: '1' });
          });
        },
        versions: async ({ key }) => {
          const known = world.versions.get(key);
          if (known === undefined) throw new Fault('not-found', 'there is nothing');
          return known;
        },
        pending: {
          find: async ({ key }) => {
            world.searched.push(key);
            const known = world.pending.get(key);
            if (known instanceof Fault) throw known;
            return known;
          },
          create: () => Promise.reject(notHere),
          read: () => Promise.reject(notHere),
          promote: () => Promise.reject(notHere),
          abandon: () => Promise.reject(notHere),
        },
        doctor: async () => {
          if (world.report instanceof Fault) throw world.report;
          return world.report;
        },
        close: async () => {
          world.closed += 1;
        },
      };
    },
  });
}

const notHere = new Fault('unsupported', 'nothing is rotated here');
