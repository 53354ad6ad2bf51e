/** What the stages did, as the audit log records it. Pure. */
import type { AuditEntry } from '../audit/event.ts';
import type { Fault } from '../core/fault.ts';
import type { Manifest } from '../core/model.ts';
import type { Access } from '../provider-kit/session.ts';
import type { Prepared } from './prepare.ts';
import type { ResolvedSecret } from './resolve.ts';

/** @param readAs what the reads were for: `resolve` to hand the values out, `use` to compare, copy or mask them */
export function accessEntries(
  accesses: readonly Access[],
  readAs: 'resolve' | 'use',
  manifests: readonly Pick<Manifest, 'secrets'>[],
  principals: ReadonlyMap<string, string> = new Map(),
): readonly AuditEntry[] {
  const named = new Map<string, string>();
  for (const { name, source } of manifests.flatMap(({ secrets }) => [...secrets.values()])) {
    if (source.kind === 'references')
      for (const { reference } of source.references) if (!named.has(reference.text)) named.set(reference.text, name);
  }
  return accesses.map(({ event, name, reference, provider, version, requestId, fault, ms }) =>
    entry({
      event: event === 'read' ? readAs : event,
      name: name ?? named.get(reference),
      reference,
      version,
      request: requestId,
      identity: principals.get(provider),
      result: resultOf(fault),
      code: fault?.code,
      source: 'provider',
      ms,
    }),
  );
}

/** What a sealed file or the run around this one had, and what the child gets; a child that gets nothing is recorded as well. */
export function launchEntries({ valid, composed }: Prepared): readonly AuditEntry[] {
  const injected = new Set(composed.injected);
  const secrets = valid.secrets.filter(({ secret }) => secret.from !== 'value' && secret.from !== 'default');
  const about = ({ reference, version }: ResolvedSecret): Pick<Given, 'reference' | 'version'> => ({
    reference: reference?.placed.reference.text,
    version,
  });
  const taken = secrets.flatMap(({ spec, secret }): readonly AuditEntry[] => {
    const what = { name: spec.name, ...about(secret), result: 'ok' as const };
    if (secret.from === 'sealed') {
      const [reference] = spec.source.kind === 'references' ? spec.source.references : [];
      return [entry({ ...what, event: 'unseal', reference: reference?.reference.text, source: 'sealed' })];
    }
    return secret.outerRun === undefined ? [] : [entry({ ...what, event: 'resolve', source: 'parent' })];
  });
  const given = secrets.flatMap(({ spec, secret }) =>
    injected.has(spec.name) ? [entry({ event: 'launch', name: spec.name, ...about(secret), result: 'ok' })] : [],
  );
  return [...taken, ...(given.length === 0 ? [entry({ event: 'launch', result: 'ok' })] : given)];
}

/** What goes into a sealed file. */
export const sealEntries = ({ valid }: Pick<Prepared, 'valid'>): readonly AuditEntry[] =>
  valid.secrets
    .filter(({ secret }) => secret.from !== 'value' && secret.from !== 'default')
    .map(({ spec, secret }) =>
      entry({ event: 'seal', name: spec.name, reference: secret.reference?.placed.reference.text, version: secret.version, result: 'ok' }),
    );

/** A value that was shown. */
export const revealEntry = (name: string | undefined, { reference, version }: ResolvedSecret): AuditEntry =>
  entry({ event: 'reveal', name, reference: reference?.placed.reference.text, version, result: 'ok' });

type Given = { readonly [K in keyof AuditEntry]?: AuditEntry[K] | undefined } & Pick<AuditEntry, 'event' | 'result'>;

/** Fields that are not known stay undefined, which the log leaves out: taking them out here costs as much as signing. */
const entry = (given: Given): AuditEntry => given as AuditEntry;

function resultOf(fault: Fault | undefined): AuditEntry['result'] {
  switch (fault?.kind) {
    case undefined:
      return 'ok';
    case 'denied':
    case 'unauthenticated':
    case 'locked':
      return 'denied';
    case 'not-found':
    case 'no-field':
      return 'absent';
    default:
      return 'failed';
  }
}
