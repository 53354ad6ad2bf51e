/** `${profile}` and `${project}`: the only two, and only in references and provider options. */
import type { Position } from '../core/errors.ts';
import type { Problems } from './problems.ts';

export interface Variables {
  readonly project?: string | undefined;
  readonly profile?: string | undefined;
  /**
   * The base of a manifest with profiles is checked by itself, though it never runs so: what only a profile can say
   * is not missed there.
   */
  readonly baseOnly: boolean;
}

/** The text with both replaced; undefined, and reported, where that can't be done. */
export function expand(text: string, variables: Variables, at: Position, problems: Problems, name?: string): string | undefined {
  if (!text.includes('${')) return text;
  let failed = false;
  const fail = (message: string, hint: string): string => {
    problems.add({ code: 'REF_INVALID', message, hint, at, name });
    failed = true;
    return '';
  };
  const expanded = text.replace(/\$\{([^}]*)(\}?)/g, (_, variable: string, end: string) => {
    if (end === '') return fail('a ${ has no closing }', 'write ${profile} or ${project}');
    if (variable === 'profile') {
      if (variables.profile !== undefined) return variables.profile;
      return variables.baseOnly
        ? 'profile'
        : fail('${profile} is used, but no profile is in effect', 'add --profile NAME, or defaultProfile to the manifest');
    }
    if (variable === 'project')
      return variables.project ?? fail('${project} is used, but the manifest names no project', 'add project: NAME to the manifest');
    return fail('a ${…} that does not exist here', 'there are ${profile} and ${project}; to put secrets together use template');
  });
  return failed ? undefined : expanded;
}
