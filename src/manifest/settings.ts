/** `env`, `mask`, `audit` and `policy` in effect. Where the user's `config.yaml` speaks as well, the stricter wins. */
import type { AuditRules, EnvRules, Manifest, MaskRules, PolicyField, PolicyRules } from '../core/model.ts';
import type { LayerPart } from './layers.ts';
import { mergeFields, type Fields } from './merge.ts';
import type { Problems } from './problems.ts';
import { entriesOf, textOf, textsOf, toPlain, under, type Node } from './tree.ts';

export type Settings = Pick<Manifest, 'env' | 'mask' | 'audit' | 'policy'>;

const MODES = ['never', 'auto', 'always'] as const satisfies readonly MaskRules['mode'][];

/**
 * @param parts those of the repository, the furthest first
 * @param personal the user's own, if any
 */
export function readSettings(
  parts: readonly LayerPart[],
  personal: LayerPart | undefined,
  protectedProfile: boolean,
  problems: Problems,
): Settings {
  const shared = (section: string): Fields =>
    parts.reduce<Fields>((fields, part) => mergeFields(fields, sectionOf(part, section)), new Map());
  const own = (section: string): Fields => (personal === undefined ? new Map() : sectionOf(personal, section));
  const [env, mask, audit, policy] = [shared('env'), shared('mask'), shared('audit'), shared('policy')];
  const node = (fields: Fields, key: string): Node | undefined => fields.get(key)?.node;
  if (protectedProfile) refuseWeakening(env, mask, problems);
  const names = (key: string): readonly string[] =>
    stricter(textsOf(node(env, key)), textsOf(node(own('env'), key)), (one, other) => one.filter((name) => other.includes(name))) ?? [];
  const requireOf = (fields: Fields): readonly PolicyField[] => (textsOf(node(fields, 'require')) ?? []) as readonly PolicyField[];
  const mode = stricter(
    modeOf(node(mask, 'mode')) ?? (protectedProfile ? 'auto' : undefined),
    modeOf(node(own('mask'), 'mode')),
    (one, other) => (MODES.indexOf(one) >= MODES.indexOf(other) ? one : other),
  );
  return {
    env: {
      inherit: stricter(inheritOf(node(env, 'inherit')), inheritOf(node(own('env'), 'inherit')), stricterInherit) ?? true,
      pass: names('pass'),
      keep: protectedProfile ? [] : names('keep'),
      allowDangerous: names('allowDangerous'),
    } satisfies EnvRules,
    mask: {
      mode: mode ?? 'auto',
      minLength: stricter(numberOf(node(mask, 'minLength')), numberOf(node(own('mask'), 'minLength')), Math.min) ?? 6,
      requirePty: isTrue(node(mask, 'requirePty')) || isTrue(node(own('mask'), 'requirePty')),
    } satisfies MaskRules,
    audit: {
      required: protectedProfile || isTrue(node(audit, 'required')) || isTrue(node(own('audit'), 'required')),
      ...sinksFrom(sinksOf(node(audit, 'sinks')), sinksOf(node(own('audit'), 'sinks'))),
    } satisfies AuditRules,
    policy: { overAge: textOf(node(policy, 'overAge')) === 'refuse' ? 'refuse' : 'warn', require: requireOf(policy) } satisfies PolicyRules,
  };
}

function sectionOf({ node, file }: LayerPart, section: string): Fields {
  return new Map(
    [...entriesOf(under(node, section))].map(([key, entry]) => [key, { ...entry, dir: file.dir, personal: file.kind === 'user' }]),
  );
}

function refuseWeakening(env: Fields, mask: Fields, problems: Problems): void {
  const keep = env.get('keep');
  if ((textsOf(keep?.node) ?? []).length > 0 && keep !== undefined)
    problems.invalid(keep.keyAt, "a protected profile keeps no values of the parent's", { hint: 'set keep: [] in the protected profile' });
  const mode = mask.get('mode');
  if (mode !== undefined && textOf(mode.node) === 'never')
    problems.invalid(mode.node.at, 'a protected profile always masks', { hint: 'set mask: { mode: auto } in the protected profile' });
}

/** What one says where the other is silent, else what the rule makes of both. */
function stricter<T>(one: T | undefined, other: T | undefined, rule: (one: T, other: T) => T): T | undefined {
  return one === undefined || other === undefined ? (one ?? other) : rule(one, other);
}

function inheritOf(node: Node | undefined): EnvRules['inherit'] | undefined {
  return node?.kind === 'scalar' && typeof node.value === 'boolean' ? node.value : textsOf(node);
}

function stricterInherit(one: EnvRules['inherit'], other: EnvRules['inherit']): EnvRules['inherit'] {
  if (one === false || other === false) return false;
  if (one === true) return other;
  if (other === true) return one;
  return [
    ...new Set([
      ...one.filter((name) => other.some((glob) => covers(glob, name))),
      ...other.filter((name) => one.some((glob) => covers(glob, name))),
    ]),
  ];
}

/** Whether everything that the second glob matches is matched by the first as well, for globs with `*` only. */
function covers(glob: string, name: string): boolean {
  const [head = '', ...rest] = glob.split('*');
  if (rest.length === 0) return head === name;
  if (!name.startsWith(head)) return false;
  const tail = rest.pop() ?? '';
  let place = head.length;
  for (const piece of rest) {
    const found = name.indexOf(piece, place);
    if (found < 0) return false;
    place = found + piece.length;
  }
  return name.length - tail.length >= place && name.endsWith(tail);
}

function sinksOf(node: Node | undefined): readonly unknown[] | undefined {
  return node?.kind === 'list' ? node.items.map((item) => toPlain(item)) : undefined;
}

/** The sinks of both, since each may ask for a record. */
function sinksFrom(shared: readonly unknown[] | undefined, own: readonly unknown[] = []): Pick<AuditRules, 'sinks' | 'personal'> {
  const known = new Set((shared ?? []).map((sink) => JSON.stringify(sink)));
  const personal = own.filter((sink) => !known.has(JSON.stringify(sink)));
  if (shared === undefined && personal.length === 0) return { sinks: ['file'] };
  return { sinks: [...(shared ?? []), ...personal], ...(personal.length === 0 ? {} : { personal }) };
}

const modeOf = (node: Node | undefined): MaskRules['mode'] | undefined => MODES.find((mode) => mode === textOf(node));
const numberOf = (node: Node | undefined): number | undefined =>
  node?.kind === 'scalar' && typeof node.value === 'number' ? node.value : undefined;
const isTrue = (node: Node | undefined): boolean => node?.kind === 'scalar' && node.value === true;
