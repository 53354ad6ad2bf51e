/** A bundle as the stages of a run know it: a manifest without providers, and values that need no fetching. */
import type { Manifest, SecretSpec } from '../core/model.ts';
import { parseReference } from '../core/reference.ts';
import type { Resolved } from '../run/resolve.ts';
import type { Bundle, SealedSecret } from './bundle.ts';

export interface Unpacked {
  readonly manifest: Manifest;
  readonly settled: ReadonlyMap<string, Resolved>;
}

/** @param file the sealed file, for messages */
export function unpack(bundle: Bundle, file: string, dir: string): Unpacked {
  const { project, profile, secrets } = bundle;
  return {
    manifest: {
      dir,
      files: [file],
      ...(project === undefined ? {} : { project }),
      ...(profile === undefined ? {} : { profile }),
      profiles: profile === undefined ? [] : [profile],
      protected: bundle.protected,
      providers: new Map(),
      // Whoever knows our recipient can make a bundle: what a child may get besides is for this host to say.
      env: { inherit: true, pass: [], keep: [], allowDangerous: [] },
      mask: bundle.mask,
      audit: { required: bundle.protected, sinks: ['file'] },
      policy: { overAge: 'warn', require: [] },
      secrets: new Map(secrets.map((secret) => [secret.name, specOf(secret, file)])),
    },
    settled: new Map(secrets.map((secret) => [secret.name, resolvedOf(secret)])),
  };
}

function specOf({ name, as, sensitive, reference, owner, contact, runbook }: SealedSecret, file: string): SecretSpec {
  const at = { file, line: 1, column: 1 };
  const parsed = reference === undefined ? undefined : parseReference(reference);
  return {
    name,
    at,
    // The value is settled, so this only says where it once came from.
    source:
      parsed?.ok === true ? { kind: 'references', references: [{ reference: parsed.reference, at }] } : { kind: 'value', value: '', at },
    required: true,
    sensitive,
    consumers: [],
    tags: [],
    as,
    layers: [{ label: 'sealed file', at }],
    ...(owner === undefined ? {} : { owner }),
    ...(contact === undefined ? {} : { contact }),
    ...(runbook === undefined ? {} : { runbook }),
  };
}

const resolvedOf = ({ value, yields, version, createdAt, expiresAt }: SealedSecret): Resolved => ({
  state: 'resolved',
  secret: {
    value,
    from: yields ? 'value' : 'sealed',
    ...(version === undefined ? {} : { version }),
    ...(createdAt === undefined ? {} : { createdAt: new Date(createdAt) }),
    ...(expiresAt === undefined ? {} : { expiresAt: new Date(expiresAt) }),
  },
});
