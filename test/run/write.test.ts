import { beforeEach, describe, expect, it } from 'vitest';
import type { Position } from '../../src/core/errors.ts';
import { done, failed, Fault } from '../../src/core/fault.ts';
import type { Manifest, ProviderConfig } from '../../src/core/model.ts';
import { parseReference } from '../../src/core/reference.ts';
import { SecretValue } from '../../src/core/secret-value.ts';
import { defineProvider, type Capability, type DocumentKey, type Provider, type SessionFor } from '../../src/provider-kit/contract.ts';
import { Deadline } from '../../src/provider-kit/deadline.ts';
import { replaceField } from '../../src/provider-kit/json-document.ts';
import { Sessions, type ConfiguredProvider } from '../../src/provider-kit/session.ts';
import type { PlannedReference } from '../../src/run/plan.ts';
import { isSame, overlaps, putNewValue, putValue, readValues, removeValue, valueRefusal, writeRefusal } from '../../src/run/write.ts';
import { testHost } from '../support/host.ts';

const AT: Position = { file: '.secretsrc', line: 1, column: 1 };
const text = (value: string): SecretValue => SecretValue.fromText(value);

interface Stored {
  readonly value: SecretValue;
  readonly version: number;
}

/** A manager in memory. It keeps versions, unless it is told that it can't. */
class Memory {
  readonly documents = new Map<string, Stored>();
  readonly writes: { readonly key: string; readonly field: string | undefined; readonly expect: string | undefined }[] = [];
  /** Called in front of each write, as another writer would be. */
  interfere: () => void = () => undefined;

  provider(options: { readonly versions?: boolean; readonly fields?: boolean; readonly readOnly?: boolean } = {}): Provider {
    const capabilities: Capability[] =
      options.readOnly === true
        ? ['describe']
        : ['describe', 'put', 'remove', ...(options.versions === false ? [] : (['versions'] as const))];
    return defineProvider<unknown, Capability>({
      contract: 1,
      scheme: 'memory',
      title: 'Memory',
      options: { '~standard': { version: 1, vendor: 'test', validate: (value) => ({ value }) } },
      needs: { network: false },
      limits: { valueBytes: 1024, binary: false, emptyValue: false },
      capabilities,
      parseRef: ({ path, field, options: { version } }) => ({
        key: path,
        ...(field === undefined ? {} : { field }),
        ...(version === undefined ? {} : { version }),
      }),
      identity: () => 'memory',
      open: () => Promise.resolve(this.#session(options) as SessionFor<Capability>),
    });
  }

  #session({
    versions = true,
    fields = true,
  }: {
    readonly versions?: boolean;
    readonly fields?: boolean;
  }): Partial<SessionFor<Capability>> {
    const versionOf = (stored: Stored): { version?: string } => (versions ? { version: String(stored.version) } : {});
    return {
      resolve: (keys) =>
        Promise.resolve(
          keys.map(({ key }) => {
            const stored = this.documents.get(key);
            return stored === undefined
              ? failed(new Fault('not-found', 'nothing there'))
              : done({ bytes: stored.value, ...versionOf(stored) });
          }),
        ),
      describe: (refs) =>
        Promise.resolve(
          refs.map(({ key }) => {
            const stored = this.documents.get(key);
            if (!versions) return done({ presence: 'unknown' as const });
            if (stored === undefined) return done({ presence: 'absent' as const });
            const known = fields ? { fields: Object.keys(JSON.parse(stored.value.reveal().toString()) as object) } : {};
            return done({ presence: 'present' as const, ...versionOf(stored), ...known });
          }),
        ),
      put: (key: DocumentKey, patch, { expect }) => {
        this.interfere();
        this.writes.push({ key: key.key, field: patch.field, expect });
        const stored = this.documents.get(key.key);
        if (expect !== undefined && expect !== (stored === undefined ? 'absent' : String(stored.version)))
          return Promise.reject(new Fault('conflict', 'another version is current'));
        const replaced = patch.field === undefined ? done(patch.value) : replaceField(stored?.value, patch.field, patch.value);
        if (!replaced.ok) return Promise.reject(replaced.fault);
        const version = (stored?.version ?? 0) + 1;
        this.documents.set(key.key, { value: replaced.value, version });
        return Promise.resolve({ version: String(version) });
      },
      remove: ({ key }) => (this.documents.delete(key) ? Promise.resolve() : Promise.reject(new Fault('not-found', 'nothing there'))),
      close: () => Promise.resolve(),
    };
  }

  at(key: string): string | undefined {
    return this.documents.get(key)?.value.reveal().toString();
  }
}

const config = (options: Readonly<Record<string, unknown>> = {}): ProviderConfig => ({
  name: 'memory',
  use: 'memory',
  options,
  positionOf: () => AT,
  personal: false,
  baseDir: '/',
});

function planned(reference: string, provider: Provider, options: Readonly<Record<string, unknown>> = {}): PlannedReference {
  const parsed = parseReference(reference);
  if (!parsed.ok) throw new Error(parsed.message);
  const configured: ConfiguredProvider = { config: config(options), provider, options };
  return { placed: { reference: parsed.reference, at: AT }, configured, parsed: provider.parseRef(parsed.reference, options) };
}

// Nothing of it is read but what `inspect` passes on.
const MANIFEST = {} as Manifest;

describe('writing through a session', () => {
  let memory = new Memory();
  let deadline = new Deadline(5_000);
  let sessions = new Sessions(deadline, 1_000, () => testHost());
  beforeEach(() => {
    memory = new Memory();
    deadline = new Deadline(5_000);
    deadline.close();
    sessions = new Sessions(deadline, 1_000, () => testHost());
  });

  it('writes what is new only where nothing is', async () => {
    const reference = planned('memory://a', memory.provider());
    expect(await putNewValue(reference, text('one'), MANIFEST, sessions)).toEqual({ version: '1' });
    await expect(putNewValue(reference, text('two'), MANIFEST, sessions)).rejects.toMatchObject({ kind: 'conflict' });
    expect(memory.at('a')).toBe('one');
    expect(await putValue(reference, text('three'), undefined, sessions)).toEqual({ version: '2' });
    await expect(putValue(reference, text('four'), '1', sessions)).rejects.toMatchObject({ kind: 'conflict' });
    expect(memory.at('a')).toBe('three');
  });

  it.each([{ fields: true }, { fields: false }])(
    'adds a field beside its neighbours, under the version that it saw (%o)',
    async (options) => {
      memory.documents.set('team', { value: text('{"a":"1"}'), version: 7 });
      const provider = memory.provider(options);
      await putNewValue(planned('memory://team#b', provider), text('2'), MANIFEST, sessions);
      expect(memory.at('team')).toBe('{"a":"1","b":"2"}');
      expect(memory.writes).toEqual([{ key: 'team', field: 'b', expect: '7' }]);
      await expect(putNewValue(planned('memory://team#a', provider), text('9'), MANIFEST, sessions)).rejects.toMatchObject({
        kind: 'conflict',
      });
      expect(memory.at('team')).toBe('{"a":"1","b":"2"}');
    },
  );

  it('makes the document of a first field, unless somebody else just did', async () => {
    const provider = memory.provider();
    await putNewValue(planned('memory://new#a', provider), text('1'), MANIFEST, sessions);
    expect(memory.writes).toEqual([{ key: 'new', field: 'a', expect: 'absent' }]);
    memory.interfere = () => void memory.documents.set('other', { value: text('{"z":"9"}'), version: 1 });
    await expect(putNewValue(planned('memory://other#a', provider), text('1'), MANIFEST, sessions)).rejects.toMatchObject({
      kind: 'conflict',
    });
  });

  it('looks first where there are no versions to depend on', async () => {
    const reference = planned('memory://a', memory.provider({ versions: false }));
    await putNewValue(reference, text('one'), MANIFEST, sessions);
    expect(memory.writes).toEqual([{ key: 'a', field: undefined, expect: undefined }]);
    const later = new Sessions(deadline, 1_000, () => testHost());
    await expect(putNewValue(reference, text('two'), MANIFEST, later)).rejects.toMatchObject({ kind: 'conflict' });
    expect(memory.at('a')).toBe('one');
  });

  it('reads anew after a write', async () => {
    const reference = planned('memory://a', memory.provider());
    const read = async (): Promise<string | undefined> => {
      const [outcome] = await readValues([reference], MANIFEST, sessions);
      return outcome?.ok === true ? outcome.value.value.reveal().toString() : undefined;
    };
    await putNewValue(reference, text('one'), MANIFEST, sessions);
    expect(await read()).toBe('one');
    await putValue(reference, text('two'), undefined, sessions);
    expect(await read()).toBe('two');
  });

  it('reads and removes', async () => {
    const provider = memory.provider();
    memory.documents.set('a', { value: text('{"f":"canary"}'), version: 1 });
    const [whole, field, none] = await readValues(
      ['memory://a', 'memory://a#f', 'memory://b'].map((reference) => planned(reference, provider)),
      MANIFEST,
      sessions,
    );
    expect(whole?.ok === true && whole.value.value.equals(text('{"f":"canary"}'))).toBe(true);
    expect(field?.ok === true && field.value.value.equals(text('canary'))).toBe(true);
    expect(none).toMatchObject({ ok: false, fault: { kind: 'not-found' } });
    await removeValue(planned('memory://a', provider), sessions);
    await expect(removeValue(planned('memory://a', provider), sessions)).rejects.toMatchObject({ kind: 'not-found' });
  });
});

describe('refusals', () => {
  const provider = new Memory().provider();

  it('names what cannot be written to', () => {
    expect(writeRefusal(planned('memory://a', provider))).toBeUndefined();
    expect(writeRefusal(planned('memory://a', new Memory().provider({ readOnly: true })))).toMatchObject({
      code: 'CAPABILITY_UNSUPPORTED',
    });
    expect(writeRefusal(planned('memory://a?version=3', provider))).toMatchObject({ code: 'USAGE' });
  });

  it('names values that do not fit', () => {
    const reference = planned('memory://a', provider);
    expect(valueRefusal(reference, text('canary'))).toBeUndefined();
    for (const value of [text(''), text('x'.repeat(1025)), SecretValue.fromBytes(Buffer.from([0xff, 0xfe]))]) {
      expect(valueRefusal(reference, value)).toMatchObject({ code: 'VALUE_INVALID' });
    }
  });
});

describe('overlaps and isSame', () => {
  const provider = new Memory().provider();
  const ref = (reference: string, options = {}): PlannedReference => planned(reference, provider, options);

  it.each([
    ['memory://a', 'memory://a', true, true],
    ['memory://a', 'memory://b', false, false],
    ['memory://a#x', 'memory://a#x', true, true],
    ['memory://a#x', 'memory://a#y', false, false],
    ['memory://a', 'memory://a#y', true, false],
    ['memory://a?version=1', 'memory://a', true, false],
  ])('%s and %s', (one, other, overlapping, same) => {
    expect(overlaps(ref(one), ref(other))).toBe(overlapping);
    expect(overlaps(ref(other), ref(one))).toBe(overlapping);
    expect(isSame(ref(one), ref(other))).toBe(same);
  });

  it('keeps two backends apart', () => {
    expect(overlaps(ref('memory://a', { address: 'one' }), ref('memory://a', { address: 'two' }))).toBe(false);
  });
});
