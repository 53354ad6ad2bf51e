/** Reads references where they stand: expanded, taken apart, their provider known. */
import { isNotAvailable } from '../core/builtin.ts';
import type { Issue, Position } from '../core/errors.ts';
import type { PlacedReference, ProviderConfig } from '../core/model.ts';
import { parseReference, schemeOf } from '../core/reference.ts';
import { didYouMean, shownWord } from '../core/suggest.ts';
import { expand, type Variables } from './expand.ts';
import { foreignRecipe } from './foreign.ts';
import type { Problems } from './problems.ts';

export interface ReferenceContext {
  readonly variables: Variables;
  readonly providers: ReadonlyMap<string, ProviderConfig>;
  readonly problems: Problems;
}

const NO_REFERENCE: Pick<Issue, 'message' | 'hint'> = {
  message: 'this is no reference to a secret',
  hint: 'write a plain setting as { value: … }; store a secret with: secrets set NAME',
};

/** Undefined, and reported, when the text is no reference of a provider in effect. The text is never quoted. */
export function readReference(text: string, at: Position, context: ReferenceContext, name?: string): PlacedReference | undefined {
  const { providers, problems } = context;
  const fail = (issue: Pick<Issue, 'message' | 'hint'> & Partial<Issue>): undefined => {
    problems.add({ code: 'REF_INVALID', at, name, ...issue });
  };
  const scheme = schemeOf(text);
  if (scheme === undefined || !providers.has(scheme)) {
    const recipe = foreignRecipe(text);
    if (recipe !== undefined) return fail(recipe);
    if (scheme === undefined && !text.startsWith('${')) return fail(NO_REFERENCE);
  }
  const expanded = expand(text, context.variables, at, problems, name);
  if (expanded === undefined) return undefined;
  const parsed = parseReference(expanded);
  if (!parsed.ok) return fail({ message: parsed.message, hint: parsed.hint });
  const { provider } = parsed.reference;
  if (providers.has(provider)) return { reference: parsed.reference, at };
  const shown = shownWord(provider);
  const near = didYouMean(provider, providers.keys());
  if (isNotAvailable(provider))
    return fail({
      code: 'PROVIDER_UNKNOWN',
      message: `the provider ${provider} is not available in this version`,
      hint: 'secrets providers',
    });
  return fail({
    code: 'PROVIDER_UNKNOWN',
    message: `there is no provider ${shown ?? 'of this name'}`,
    hint: near ?? 'add it under providers; write a plain setting as { value: … }',
    ...(shown === undefined ? {} : { provider: shown }),
  });
}
