/** What a run would do with each secret, known offline: `explain` shows it. */
import type { Manifest, SecretSpec } from '../core/model.ts';
import { SecretValue } from '../core/secret-value.ts';
import { compose } from '../run/compose.ts';
import { isDangerous } from '../run/dangerous-names.ts';
import { inProfile } from '../manifest/index.ts';
import type { ResolvedSecret } from '../run/resolve.ts';

export interface Fate {
  /** Whether the profile in effect takes it at all. */
  readonly selected: boolean;
  readonly injected: boolean;
  /** Whether a run refuses its name. */
  readonly refused: boolean;
  /**
   * What becomes of a value that the parent's environment has under this name: `wins`, `replaced`, or `default-yields`
   * (it wins only where the default would be used); undefined where it has none that would be inherited.
   */
  readonly parent?: 'wins' | 'replaced' | 'default-yields';
}

/** @param env the parent's environment */
export function fateOf(spec: SecretSpec, manifest: Manifest, env: Readonly<Record<string, string | undefined>>): Fate {
  const selected = inProfile(spec, manifest.profile);
  const refused = isDangerous(spec.name) && !manifest.env.allowDangerous.includes(spec.name);
  const injected = selected && spec.as !== 'none' && !refused;
  if (!injected) return { selected, injected, refused: refused && selected && spec.as !== 'none' };
  const parent = parentOf(spec, manifest, env);
  return { selected, injected, refused, ...(parent === undefined ? {} : { parent }) };
}

/** Asks the stage that decides it, with an empty value in the place of the secret. */
function parentOf(spec: SecretSpec, manifest: Manifest, env: Readonly<Record<string, string | undefined>>): Fate['parent'] {
  const outcome = (from: ResolvedSecret['from']): 'wins' | 'replaced' | undefined => {
    const { kept, overridden } = compose({
      parent: env,
      rules: manifest.env,
      secrets: [{ spec, injected: true, secret: { value: SecretValue.fromText(''), from } }],
      credentialsUsed: [],
      runId: '',
      pathOf: () => '',
      argv: [],
      maxExecBytes: Number.POSITIVE_INFINITY,
      foldCase: process.platform === 'win32',
    });
    return kept.length > 0 ? 'wins' : overridden.length > 0 ? 'replaced' : undefined;
  };
  const usual = outcome(spec.source.kind === 'value' ? 'value' : spec.source.kind === 'template' ? 'template' : 'provider');
  return usual === 'replaced' && spec.default !== undefined && outcome('default') === 'wins' ? 'default-yields' : usual;
}
