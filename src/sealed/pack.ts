/** A bundle of what a run would have injected. */
import { randomBytes } from 'node:crypto';
import { throwIssues, type Issue } from '../core/errors.ts';
import type { Manifest, Milliseconds } from '../core/model.ts';
import type { Prepared } from '../run/prepare.ts';
import { about, type ValidSecret } from '../run/validate.ts';
import type { Bundle, SealedSecret } from './bundle.ts';

export interface Terms {
  readonly lifetime: Milliseconds;
  readonly uses: number | undefined;
  readonly command: readonly string[] | undefined;
}

/** @throws SecretsError for values that would be worth nothing where the bundle is opened */
export function pack({ valid }: Pick<Prepared, 'valid'>, manifest: Manifest, terms: Terms, now: Date): Bundle {
  const taken = valid.secrets.filter(({ injected }) => injected);
  throwIssues(taken.flatMap((one) => problemOf(one, manifest)));
  return {
    id: randomBytes(16).toString('hex'),
    project: manifest.project,
    profile: manifest.profile,
    protected: manifest.protected,
    createdAt: now,
    expiresAt: new Date(now.getTime() + terms.lifetime),
    uses: terms.uses,
    command: terms.command,
    mask: manifest.mask,
    secrets: taken.map((one) => sealed(one)),
  };
}

function problemOf({ spec, secret }: ValidSecret, { env }: Manifest): readonly Issue[] {
  const where = about(spec, secret.reference);
  if (secret.lease !== undefined) {
    return [
      {
        ...where,
        code: 'CAPABILITY_UNSUPPORTED',
        message: 'its credential is made for this sign-in and ends with it',
        hint: `leave it out: --except ${spec.name}`,
      },
    ];
  }
  if (!env.allowDangerous.includes(spec.name)) return [];
  // Whoever has our recipient could make such a file, so a file alone must not decide what a program loads.
  return [
    {
      ...where,
      code: 'ENV_INVALID',
      message: 'a name that changes how programs start is not taken from a sealed file',
      hint: `leave it out: --except ${spec.name}`,
    },
  ];
}

function sealed({ spec, secret }: ValidSecret): SealedSecret {
  return {
    name: spec.name,
    as: spec.as,
    sensitive: spec.sensitive,
    yields: secret.from === 'value' || secret.from === 'default',
    reference: secret.reference?.placed.reference.text,
    version: secret.version,
    createdAt: secret.createdAt?.toISOString(),
    expiresAt: secret.expiresAt?.toISOString(),
    owner: spec.owner,
    contact: spec.contact,
    runbook: spec.runbook,
    value: secret.value,
  };
}
