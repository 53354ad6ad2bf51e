/**
 * Which versions are current, for many documents in few requests. OpenBao lists a folder with the metadata of what is in
 * it; other servers are asked for one document at a time.
 */
import { done, failed, Fault, type Outcome } from '../../core/fault.ts';
import type { DocumentKey, Operation } from '../../provider-kit/contract.ts';
import type { VaultClient } from './client.ts';
import { numberAt, objectAt, type JsonObject } from './json.ts';
import { isRefusedOrUnknown, versionState, withRule } from './kv.ts';
import type { Mounts } from './mounts.ts';
import { apiPath, type Mount } from './paths.ts';

type Stamp = string | undefined;

/** Below that a folder is not worth a list, which names everything else in it too. */
const WORTH_A_LIST = 3;
/** Entries of one list at most, so that a large folder costs no more than its documents would. */
const MOST_LISTED = 1_000;

export class Changes {
  readonly #client: VaultClient;
  readonly #mounts: Mounts;
  /** Folders that can't be listed so, by the server or by the policy: asked once. */
  readonly #unlisted = new Set<string>();

  constructor(client: VaultClient, mounts: Mounts) {
    this.#client = client;
    this.#mounts = mounts;
  }

  async of(keys: readonly DocumentKey[], op: Operation): Promise<readonly Outcome<Stamp>[]> {
    const located = await this.#mounts.locate(
      keys.map(({ key }) => key),
      op,
    );
    const folders = new Map<string, Promise<ReadonlyMap<string, JsonObject> | undefined>>();
    const counts = Map.groupBy(keys, ({ key }) => folderOf(key));
    const listed = (mount: Mount, folder: string): Promise<ReadonlyMap<string, JsonObject> | undefined> => {
      const known = folders.get(folder) ?? this.#list(mount, folder, op);
      folders.set(folder, known);
      return known;
    };
    return Promise.all(
      keys.map(async ({ key }, index): Promise<Outcome<Stamp>> => {
        const mount = located[index];
        if (mount?.ok === false) return mount;
        if (mount?.value === undefined) return failed(this.#mounts.hidden(key));
        if (mount.value.engine !== 'kv2')
          return failed(new Fault('unsupported', `only KV version 2 tells the versions of ${key} without their values`));
        try {
          const folder = folderOf(key);
          const isMany = (counts.get(folder)?.length ?? 0) >= WORTH_A_LIST && !this.#unlisted.has(folder);
          const entries = isMany ? await listed(mount.value, folder) : undefined;
          const entry = entries?.get(key.slice(folder.length));
          if (entry !== undefined) return done(this.#stampOf(entry));
          // A list that is not cut off has everything that there is.
          if (entries !== undefined && entries.size < MOST_LISTED) return done(undefined);
          return done(await this.#one(mount.value, key, op));
        } catch (error) {
          if (error instanceof Fault) return failed(error);
          throw error;
        }
      }),
    );
  }

  /** Metadata by name; undefined where this folder can't be listed so. */
  async #list(mount: Mount, folder: string, op: Operation): Promise<ReadonlyMap<string, JsonObject> | undefined> {
    try {
      const path = apiPath(mount, folder, 'detailed-metadata');
      const answer = await this.#client.call(
        { what: `list ${folder}`, method: 'GET', path, query: `list=true&limit=${MOST_LISTED}`, about: `the list of ${folder}` },
        op,
      );
      const info = objectAt(objectAt(answer.json, 'data'), 'key_info');
      return new Map(Object.keys(info ?? {}).flatMap((name) => (isFolder(name) ? [] : [[name, objectAt(info, name) ?? {}] as const])));
    } catch (error) {
      if (!isRefusedOrUnknown(error) && !(error instanceof Fault && error.kind === 'not-found')) throw error;
      // Also where nothing is there: the documents themselves tell that as well.
      this.#unlisted.add(folder);
      return undefined;
    }
  }

  async #one(mount: Mount, key: string, op: Operation): Promise<Stamp> {
    const path = apiPath(mount, key, 'metadata');
    try {
      const answer = await this.#client.call({ what: `describe ${key}`, method: 'GET', path, about: `metadata of ${key}` }, op);
      return this.#stampOf(objectAt(answer.json, 'data') ?? {});
    } catch (error) {
      if (error instanceof Fault && error.kind === 'not-found') return undefined;
      throw withRule(error, path, '"read"');
    }
  }

  #stampOf(data: JsonObject): Stamp {
    const version = numberAt(data, 'current_version');
    const entry = objectAt(objectAt(data, 'versions'), String(version));
    const isServed = version !== undefined && entry !== undefined && versionState(entry, this.#client.host.now()) === 'enabled';
    return isServed ? String(version) : undefined;
  }
}

const folderOf = (key: string): string => key.slice(0, key.lastIndexOf('/') + 1);
const isFolder = (name: string): boolean => name.endsWith('/');
