/** Templates: `postgres://app:${DB_PASSWORD|url}@db/app`. */
import type { Position } from '../core/errors.ts';
import type { SecretSpec, TemplateFilter, TemplatePart } from '../core/model.ts';
import { didYouMean, suggest } from '../core/suggest.ts';
import type { Variables } from './expand.ts';
import type { Problems } from './problems.ts';
import { ENVIRONMENT_NAME, FILTERS } from './shape.ts';

/**
 * `${NAME|filter|filter}` is a part, `$$` a dollar sign, and any other dollar sign itself. What can't be read is
 * reported and left out.
 */
export function readTemplate(text: string, at: Position, name: string, problems: Problems): readonly TemplatePart[] {
  const parts: TemplatePart[] = [];
  let literal = '';
  let end = 0;
  for (const match of text.matchAll(/\$\$|\$\{([^}]*)(\}?)/g)) {
    literal += text.slice(end, match.index);
    end = match.index + match[0].length;
    if (match[0] === '$$') literal += '$';
    else {
      const part = readPart(match[1] ?? '', match[2] === '}', at, name, problems);
      if (part === undefined) continue;
      if (literal !== '') parts.push({ text: literal });
      literal = '';
      parts.push(part);
    }
  }
  literal += text.slice(end);
  return literal === '' ? parts : [...parts, { text: literal }];
}

function readPart(inner: string, closed: boolean, at: Position, name: string, problems: Problems): TemplatePart | undefined {
  if (!closed)
    return void problems.invalid(at, 'a ${ in the template has no closing }', { name, hint: 'write ${NAME}, or $${ for the characters' });
  const [target = '', ...words] = inner.split('|').map((word) => word.trim());
  if (!ENVIRONMENT_NAME.test(target))
    return void problems.invalid(at, 'a ${…} in the template holds no name of a secret', { name, hint: 'write ${NAME} or ${NAME|url}' });
  const filters: TemplateFilter[] = [];
  for (const word of words) {
    const filter = FILTERS.find((known) => known === word);
    if (filter === undefined)
      return void problems.invalid(at, 'the template uses a filter that does not exist', {
        name,
        hint: didYouMean(word, FILTERS) ?? `filters: ${FILTERS.join(', ')}`,
      });
    filters.push(filter);
  }
  return { name: target, filters };
}

/** Names that the template of a secret uses, each once. */
export function templateNames(spec: SecretSpec | undefined): readonly string[] {
  if (spec?.source.kind !== 'template') return [];
  return [...new Set(spec.source.parts.flatMap((part) => ('name' in part ? [part.name] : [])))];
}

/** Whether a secret is in effect: it is limited to no profiles, or the one in effect is among them. */
export function inProfile(spec: Pick<SecretSpec, 'profiles'>, profile: string | undefined): boolean {
  return spec.profiles === undefined || (profile !== undefined && spec.profiles.includes(profile));
}

/** Reports templates that use what is not there, what another profile is limited to, or each other in a circle. */
export function checkTemplates(
  secrets: ReadonlyMap<string, SecretSpec>,
  { profile, baseOnly }: Pick<Variables, 'profile' | 'baseOnly'>,
  problems: Problems,
): void {
  for (const spec of secrets.values()) {
    for (const target of templateNames(spec)) {
      const { at } = spec.source.kind === 'template' ? spec.source : spec;
      const found = secrets.get(target);
      if (found === undefined) {
        const near = suggest(target, secrets.keys());
        problems.invalid(at, 'the template uses a secret that the manifest does not have', {
          name: spec.name,
          hint: near === undefined ? 'add it under secrets, with as: none if the program need not see it' : `did you mean ${near}?`,
        });
      } else if (inProfile(spec, profile) && !inProfile(found, profile) && !baseOnly) {
        problems.invalid(at, `the template uses ${target}, which is limited to other profiles`, {
          name: spec.name,
          hint: `limit ${spec.name} to the same profiles`,
        });
      }
    }
  }
  reportCircles(secrets, problems);
}

function reportCircles(secrets: ReadonlyMap<string, SecretSpec>, problems: Problems): void {
  const settled = new Set<string>();
  for (const start of secrets.keys()) {
    // Depth first with a list of our own: a chain may be longer than the call stack.
    const path: { readonly name: string; readonly left: string[] }[] = [];
    const open = new Set<string>();
    const enter = (name: string): void => {
      path.push({ name, left: [...templateNames(secrets.get(name))] });
      open.add(name);
    };
    if (!settled.has(start)) enter(start);
    for (let top = path.at(-1); top !== undefined; top = path.at(-1)) {
      const next = top.left.pop();
      if (next === undefined) {
        settled.add(top.name);
        open.delete(top.name);
        path.pop();
      } else if (open.has(next)) {
        const source = secrets.get(next)?.source;
        const message = top.name === next ? 'the template uses itself' : `templates use each other in a circle, ${top.name} among them`;
        if (source?.kind === 'template') problems.invalid(source.at, message, { name: next, hint: 'take one of them out' });
      } else if (!settled.has(next)) enter(next);
    }
  }
}
