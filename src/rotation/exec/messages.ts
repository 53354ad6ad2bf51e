/**
 * The protocol of the rotator `exec`: one JSON object a line, both ways, each with an id. Values stand in messages
 * only, as `{ "utf8": … }` or `{ "base64": … }`.
 */
import { isUtf8 } from 'node:buffer';
import * as z from 'zod/mini';
import { Fault, type FaultKind } from '../../core/fault.ts';
import { SecretValue } from '../../core/secret-value.ts';

export const EXEC_STEPS = ['create', 'set', 'test', 'finish', 'retire'] as const;

export type ExecStep = (typeof EXEC_STEPS)[number];

const wireValue = z.object({ utf8: z.optional(z.string()), base64: z.optional(z.string()) });

type WireValue = z.infer<typeof wireValue>;

/** The answer to `hello`: which steps the program knows, and which values it wants with `set` and `retire`. */
export const helloAnswer = z.object({
  steps: z.array(z.string()),
  needs: z.optional(z.array(z.enum(['current', 'admin']))),
});

export const stepAnswer = z.object({
  id: z.number(),
  ok: z.boolean(),
  /** Of a failure: `refused`, `unauthenticated`, `unavailable` or `options`; others count as unknown. */
  code: z.optional(z.string()),
  value: z.optional(wireValue),
  accepted: z.optional(z.boolean()),
});

export type StepAnswer = z.infer<typeof stepAnswer>;

export function toWire(value: SecretValue): WireValue {
  const bytes = value.reveal();
  return isUtf8(bytes) ? { utf8: bytes.toString('utf8') } : { base64: bytes.toString('base64') };
}

/** @throws Fault 'protocol' for an answer without a value */
export function fromWire(value: WireValue | undefined): SecretValue {
  if (value?.utf8 !== undefined && value.base64 === undefined) return SecretValue.fromText(value.utf8);
  if (value?.base64 !== undefined && value.utf8 === undefined) return SecretValue.fromBytes(Buffer.from(value.base64, 'base64'));
  throw wrongAnswer('a value is { "utf8": … } or { "base64": … }');
}

const KINDS: Readonly<Record<string, FaultKind>> = {
  refused: 'denied',
  unauthenticated: 'unauthenticated',
  unavailable: 'unavailable',
  options: 'options',
};

/** What a program says about its failure, by a code that is known: other words may be a value. */
export function faultOfProgram(step: string, code: string | undefined): Fault {
  const known = code !== undefined && Object.hasOwn(KINDS, code) ? KINDS[code] : undefined;
  return new Fault(known ?? 'unavailable', {
    message: `the program of the rotator says no to ${step}${known === undefined ? '' : ` (${code ?? ''})`}`,
    hint: 'see what it wrote above',
  });
}

export const wrongAnswer = (why: string): Fault =>
  new Fault('protocol', {
    message: `the program of the rotator does not keep to the protocol: ${why}`,
    hint: 'see rotate.command in the README',
  });
