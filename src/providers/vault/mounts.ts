/**
 * Finds the secrets engine that a document belongs to by asking `sys/internal/ui/mounts/<path>`, which any token
 * with some right below the mount may do. Mounts are never inside one another, so a known one covers all below it.
 */
import { done, failed, Fault, type Outcome } from '../../core/fault.ts';
import type { Operation } from '../../provider-kit/contract.ts';
import type { VaultClient } from './client.ts';
import { isObject, objectAt, stringAt, type JsonObject } from './json.ts';
import { covering, type Mount } from './paths.ts';

export class Mounts {
  readonly #client: VaultClient;
  readonly #known = new Map<string, Mount>();
  readonly #asking = new Map<string, Promise<Mount | undefined>>();

  constructor(client: VaultClient) {
    this.#client = client;
  }

  /**
   * The mounts of documents, in their order; undefined where the server does not say (403). Documents with the same
   * first segment are settled by one request where they can be, else by the first two segments, and so on: a round
   * of parallel requests each.
   */
  async locate(keys: readonly string[], op: Operation): Promise<readonly Outcome<Mount | undefined>[]> {
    const settled = new Map<string, Outcome<Mount | undefined>>();
    let open = [...new Set(keys)];
    for (let depth = 1; open.length > 0; depth++) {
      const groups = Map.groupBy(
        open.filter((key) => covering(this.#known, key) === undefined),
        (key) => key.split('/').slice(0, depth).join('/'),
      );
      await Promise.all(
        [...groups.values()].map(async (group) => {
          const [first] = group;
          if (first === undefined) return;
          try {
            settled.set(first, done(await this.#ask(first, op)));
          } catch (error) {
            if (!(error instanceof Fault)) throw error;
            for (const key of group) settled.set(key, failed(error));
          }
        }),
      );
      for (const key of open) {
        const mount = covering(this.#known, key);
        if (mount !== undefined) settled.set(key, done(mount));
      }
      open = open.filter((key) => !settled.has(key));
    }
    return keys.map((key) => settled.get(key) ?? done(undefined));
  }

  /** Those that the server told about so far, by their paths. */
  get known(): ReadonlyMap<string, Mount> {
    return this.#known;
  }

  /** The mount of one document. @throws Fault 'denied' where the server does not say */
  async find(key: string, op: Operation): Promise<Mount> {
    const [outcome] = await this.locate([key], op);
    if (outcome?.ok === false) throw outcome.fault;
    if (outcome?.value !== undefined) return outcome.value;
    throw this.hidden(key);
  }

  hidden(key: string): Fault {
    return new Fault('denied', {
      message: `${this.#client.host.provider} does not say which secrets engine ${key} belongs to: it is not mounted, or the token has no rights there`,
      hint: 'check the first part of the path and the namespace, and that a policy of the token names this mount',
      status: 403,
    });
  }

  /** Every mount that the token has some right in. */
  async all(op: Operation): Promise<readonly Mount[]> {
    const answer = await this.#client.call({ what: 'list the mounts', method: 'GET', path: 'sys/internal/ui/mounts' }, op);
    const entries = objectAt(objectAt(answer.json, 'data'), 'secret') ?? {};
    return Object.entries(entries).flatMap(([path, entry]) => (isObject(entry) ? [this.#keep(path, entry)] : []));
  }

  #ask(key: string, op: Operation): Promise<Mount | undefined> {
    const running = this.#asking.get(key);
    if (running !== undefined) return running;
    const asked = this.#lookUp(key, op).finally(() => this.#asking.delete(key));
    this.#asking.set(key, asked);
    return asked;
  }

  async #lookUp(key: string, op: Operation): Promise<Mount | undefined> {
    const request = {
      what: `find the mount of ${key}`,
      method: 'GET',
      path: `sys/internal/ui/mounts/${key}`,
      about: `the mount of ${key}`,
    } as const;
    try {
      const data = objectAt((await this.#client.call(request, op)).json, 'data');
      const path = stringAt(data, 'path');
      if (data !== undefined && path !== undefined && `${key}/`.startsWith(path) && path.endsWith('/')) return this.#keep(path, data);
      throw new Fault('protocol', { message: `${this.#client.host.provider} did not say where ${key} is mounted`, hint: 'secrets doctor' });
    } catch (error) {
      if (error instanceof Fault && (error.kind === 'denied' || error.kind === 'not-found')) return undefined;
      throw error;
    }
  }

  #keep(path: string, entry: JsonObject): Mount {
    const mount = { path, engine: engineOf(entry) };
    this.#known.set(path, mount);
    return mount;
  }
}

function engineOf(entry: JsonObject): Mount['engine'] {
  const type = stringAt(entry, 'type');
  if (type === 'kv') return stringAt(objectAt(entry, 'options'), 'version') === '2' ? 'kv2' : 'kv1';
  return type === 'generic' || type === 'cubbyhole' ? 'kv1' : 'other';
}
