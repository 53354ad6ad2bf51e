/** One case's view of the adapter under test: sessions, values and checks that every case needs. */
import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { failed, Fault } from '../../core/fault.ts';
import type { FaultKind, Outcome } from '../../core/fault.ts';
import { parseReference } from '../../core/reference.ts';
import type { Reference } from '../../core/reference.ts';
import { SecretValue } from '../../core/secret-value.ts';
import type {
  AnySession,
  Capability,
  CapabilityMethods,
  Document,
  DocumentKey,
  Operation,
  ParsedRef,
  Patch,
  Provider,
} from '../contract.ts';
import { extractField } from '../json-document.ts';
import type { ConformanceHarness } from './harness.ts';
import { LeakDetector } from './leaks.ts';

export class Subject {
  readonly provider: Provider;
  readonly harness: ConformanceHarness;
  /** In every value that the case makes. */
  readonly marker = `canary-${randomBytes(12).toString('hex')}`;
  readonly leaks: LeakDetector;
  /** As the adapter's schema gives them. */
  readonly options: unknown;
  readonly #sessions: AnySession[] = [];
  readonly #names: string[] = [];

  private constructor(provider: Provider, harness: ConformanceHarness, options: unknown) {
    this.provider = provider;
    this.harness = harness;
    this.options = options;
    this.leaks = new LeakDetector([this.marker, ...(harness.sensitive ?? [])]);
  }

  static async create(provider: Provider, harness: ConformanceHarness): Promise<Subject> {
    return new Subject(provider, harness, await checkOptions(provider, harness.options));
  }

  /** Closes what the case opened and removes what it stored. */
  async end(): Promise<void> {
    for (const session of this.#sessions) await session.close();
    for (const name of this.#names) await this.harness.remove(name);
  }

  name(): string {
    const name = `conf-${randomBytes(6).toString('hex')}`;
    this.#names.push(name);
    return name;
  }

  /** A value that holds the marker. */
  text(more = ''): string {
    return `${this.marker}-${randomBytes(4).toString('hex')}${more}`;
  }

  parsed(name: string, field?: string, more: Readonly<Record<string, string>> = {}): ParsedRef {
    const reference = this.reference(name, field);
    return this.provider.parseRef({ ...reference, options: { ...reference.options, ...more } }, this.options);
  }

  reference(name: string, field?: string): Reference {
    const parsed = parseReference(this.harness.reference(name, field));
    assert.ok(parsed.ok, 'the harness gives a reference that can be read');
    return parsed.reference;
  }

  /** A session over the harness's options, or over others; closed at the end of the case. */
  async open(options?: unknown): Promise<AnySession> {
    const host = this.harness.host();
    const checked = options === undefined ? this.options : await checkOptions(this.provider, options);
    const identity = this.provider.identity(checked, host);
    this.leaks.check('the identity', identity);
    const session = await this.provider.open(checked, {
      ...host,
      notice: (message) => {
        this.leaks.check('a notice', message);
        host.notice(message);
      },
    });
    this.#sessions.push(session);
    return session;
  }

  /** An operation without retries, so that what is seen is the adapter's own doing. */
  operation(signal: AbortSignal = new AbortController().signal): Operation {
    return {
      signal,
      call: (options, send) => {
        this.leaks.check('the name of a request', options);
        return send(AbortSignal.any([signal]));
      },
    };
  }

  /** Reads references as the kit would: documents first, then their fields. */
  async read(session: AnySession, refs: readonly ParsedRef[], op: Operation = this.operation()): Promise<readonly Outcome<Buffer>[]> {
    const outcomes = await this.documents(session, refs, op);
    return outcomes.map((outcome, index) => {
      if (!outcome.ok) return outcome;
      const field = refs[index]?.field;
      const value = field === undefined ? { ok: true as const, value: outcome.value.bytes } : extractField(outcome.value.bytes, field);
      return value.ok ? { ok: true, value: value.value.reveal() } : value;
    });
  }

  /** One outcome for each reference, whatever happens; a fault of the whole call is that of each. */
  async documents(
    session: AnySession,
    refs: readonly ParsedRef[],
    op: Operation = this.operation(),
  ): Promise<readonly Outcome<Document>[]> {
    const keys = refs.map(keyOf);
    let outcomes: readonly Outcome<Document>[];
    try {
      outcomes = await session.resolve(keys, op);
    } catch (error) {
      const fault = this.fault(error);
      return keys.map(() => failed(fault));
    }
    assert.equal(outcomes.length, keys.length, 'one outcome for each key');
    for (const outcome of outcomes) {
      if (!outcome.ok) this.fault(outcome.fault);
      else this.leaks.check('a document', outcome.value);
    }
    return outcomes;
  }

  /** Asserts that a read gave exactly these bytes. */
  equal(outcome: Outcome<Buffer> | undefined, expected: Uint8Array | string): void {
    assert.ok(outcome !== undefined);
    assert.ok(outcome.ok, outcome.ok ? '' : `expected a value, got ${outcome.fault.kind}: ${outcome.fault.message}`);
    // Not deepEqual: its message would print both values.
    assert.ok(outcome.value.equals(Buffer.from(expected)), 'the value is, byte for byte, what was stored');
  }

  /** Asserts that something caught is a Fault that shows nothing; gives it. */
  fault(error: unknown): Fault {
    this.leaks.check('a fault', error);
    assert.ok(error instanceof Fault, `only faults are thrown, got ${error instanceof Error ? error.constructor.name : typeof error}`);
    assert.equal(error.cause, undefined, 'a fault keeps no cause');
    return error;
  }

  /** Asserts that an outcome failed in one of these ways. */
  failed(outcome: Outcome<unknown> | undefined, ...kinds: readonly FaultKind[]): Fault {
    assert.ok(outcome !== undefined && !outcome.ok, `expected ${kinds.join(' or ')}, got a value`);
    return this.kind(this.fault(outcome.fault), kinds);
  }

  /** Asserts that a call throws a Fault of one of these kinds. */
  async throws(call: () => Promise<unknown>, ...kinds: readonly FaultKind[]): Promise<Fault> {
    const outcome = await call().then(
      () => undefined,
      (error: unknown) => ({ error }),
    );
    assert.ok(outcome !== undefined, `expected ${kinds.join(' or ')}, but it succeeded`);
    return this.kind(this.fault(outcome.error), kinds);
  }

  kind(fault: Fault, kinds: readonly FaultKind[]): Fault {
    assert.ok(kinds.includes(fault.kind), `expected ${kinds.join(' or ')}, got ${fault.kind}: ${fault.message}`);
    return fault;
  }

  /** The session with a declared capability's methods. */
  with<C extends Capability>(session: AnySession, capability: C): AnySession & CapabilityMethods[C] {
    assert.ok(capability in session, `the session has ${capability}`);
    return session as unknown as AnySession & CapabilityMethods[C];
  }

  /** Writes a value where `ref` points, in full or as a field. */
  async put(session: AnySession, ref: ParsedRef, value: Uint8Array | string, expect?: string): Promise<string | undefined> {
    const { field } = ref;
    const patch: Patch = {
      value: SecretValue.fromBytes(Buffer.from(value)),
      rotatedAt: new Date(),
      ...(field === undefined ? {} : { field }),
    };
    const expectation = expect === undefined ? {} : { expect };
    const result = await this.with(session, 'put').put(keyOf(ref), patch, expectation, this.operation());
    this.leaks.check('the result of a write', result);
    return result.version;
  }
}

/** The document that a reference is in. */
export function keyOf({ key, version, stage }: ParsedRef): DocumentKey {
  return { key, ...(version === undefined ? {} : { version }), ...(stage === undefined ? {} : { stage }) };
}

async function checkOptions(provider: Provider, options: unknown): Promise<unknown> {
  const result = await provider.options['~standard'].validate(options);
  if (result.issues !== undefined) assert.fail(`the options are refused: ${result.issues.map((issue) => issue.message).join('; ')}`);
  return result.value;
}
