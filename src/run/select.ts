/** Stage 2: which secrets of the manifest this run is about. Pure. */
import { throwIssues, type Issue } from '../core/errors.ts';
import type { Manifest, SecretSpec } from '../core/model.ts';
import { inProfile } from '../manifest/index.ts';
import { suggest } from '../core/suggest.ts';

export interface SelectOptions {
  /** Only these names; what their templates need comes along without being injected. */
  readonly only?: readonly string[];
  readonly except?: readonly string[];
  /** Only secrets with one of these tags. */
  readonly tags?: readonly string[];
}

export interface Selection {
  /** In the order of the manifest. */
  readonly injected: readonly SecretSpec[];
  /** Resolved because a template needs them or `as: none` says so, but not injected. */
  readonly support: readonly SecretSpec[];
  /** Left out because the profile in effect is not among theirs. */
  readonly outOfProfile: readonly SecretSpec[];
}

/** @throws SecretsError USAGE with every name that can't be selected */
export function select(manifest: Manifest, options: SelectOptions): Selection {
  const issues: Issue[] = [];
  for (const name of [...(options.only ?? []), ...(options.except ?? [])]) {
    const spec = manifest.secrets.get(name);
    if (spec === undefined) issues.push(unknownName(name, manifest));
    else if (options.only?.includes(name) === true && !inProfile(spec, manifest.profile)) {
      issues.push({
        code: 'USAGE',
        name,
        at: spec.at,
        message: `it is limited to the profiles ${(spec.profiles ?? []).join(', ')}, and this is ${manifest.profile ?? 'no profile'}`,
        hint: `add --profile ${spec.profiles?.[0] ?? 'NAME'}`,
      });
    }
  }
  const tags = new Set([...manifest.secrets.values()].flatMap((spec) => spec.tags));
  for (const tag of options.tags ?? []) {
    if (!tags.has(tag)) {
      issues.push({
        code: 'USAGE',
        message: `no secret has the tag ${tag}`,
        hint: tags.size > 0 ? `known tags: ${[...tags].sort().join(', ')}` : 'secrets explain',
      });
    }
  }
  throwIssues(issues);

  const wanted = (spec: SecretSpec): boolean =>
    (options.only === undefined || options.only.includes(spec.name)) &&
    options.except?.includes(spec.name) !== true &&
    (options.tags === undefined || spec.tags.some((tag) => options.tags?.includes(tag) === true));

  const chosen = [...manifest.secrets.values()].filter(wanted);
  const usable = chosen.filter((spec) => inProfile(spec, manifest.profile));
  const injected = usable.filter((spec) => spec.as !== 'none');
  const support = new Map(usable.filter((spec) => spec.as === 'none').map((spec) => [spec.name, spec]));
  const visit = (spec: SecretSpec): void => {
    if (spec.source.kind !== 'template') return;
    for (const part of spec.source.parts) {
      const needed = 'name' in part ? manifest.secrets.get(part.name) : undefined;
      if (needed === undefined || support.has(needed.name)) continue;
      if (!injected.includes(needed)) support.set(needed.name, needed);
      visit(needed);
    }
  };
  for (const spec of [...injected, ...support.values()]) visit(spec);
  return { injected, support: [...support.values()], outOfProfile: chosen.filter((spec) => !inProfile(spec, manifest.profile)) };
}

/** The usage error for a name that the manifest does not have. */
export function unknownName(name: string, manifest: Manifest): Issue {
  const near = suggest(name, manifest.secrets.keys());
  const known = [...manifest.secrets.keys()];
  return {
    code: 'USAGE',
    message: `the manifest has no secret ${/^[\w.-]{1,64}$/.test(name) ? name : 'of that name'}`,
    hint:
      near !== undefined
        ? `did you mean ${near}?`
        : known.length > 0
          ? `it has ${known.slice(0, 8).join(', ')}${known.length > 8 ? ', …' : ''}`
          : 'secrets set NAME adds one',
  };
}
