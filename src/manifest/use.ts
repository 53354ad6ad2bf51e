/** Whether the providers may be used as the secrets in effect use them. */
import { shownWord } from '../core/suggest.ts';
import type { PlacedReference, ProviderConfig, SecretSpec } from '../core/model.ts';
import type { Variables } from './expand.ts';
import type { Problems } from './problems.ts';
import { inProfile } from './template.ts';

/** Reports providers used outside their profiles, and `local` without a project. */
export function checkUse(
  secrets: ReadonlyMap<string, SecretSpec>,
  providers: ReadonlyMap<string, ProviderConfig>,
  variables: Variables,
  problems: Problems,
): void {
  let homeless: (PlacedReference & { readonly name: string }) | undefined;
  for (const spec of secrets.values()) {
    if (!variables.baseOnly && !inProfile(spec, variables.profile)) continue;
    for (const placed of referencesOf(spec)) {
      const provider = providers.get(placed.reference.provider);
      if (provider === undefined) continue;
      if (provider.use === 'local') homeless ??= { ...placed, name: spec.name };
      if (!variables.baseOnly && !inProfile(provider, variables.profile)) {
        const { owner, contact, runbook } = spec;
        const limits = (provider.profiles ?? []).filter((profile) => shownWord(profile) !== undefined).join(', ');
        problems.invalid(placed.at, `the provider ${provider.name} may be used in other profiles only`, {
          name: spec.name,
          provider: provider.name,
          reference: placed.reference.text,
          hint: `give the secret another reference here, or limit it with profiles${limits === '' ? '' : ` to ${limits}`}`,
          owner,
          contact,
          runbook,
        });
      }
    }
  }
  if (homeless !== undefined && variables.project === undefined)
    problems.invalid(homeless.at, 'the local store needs to know whose secrets these are', {
      name: homeless.name,
      hint: 'add project: NAME to the manifest; secrets init makes one',
    });
}

/** All references that a run or a rotation of this secret may read. */
function referencesOf(spec: SecretSpec): readonly PlacedReference[] {
  return [
    ...(spec.source.kind === 'references' ? spec.source.references : []),
    ...(spec.rotate?.admin === undefined ? [] : [spec.rotate.admin]),
  ];
}
