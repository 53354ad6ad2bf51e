/** Stage 5: all problems at once, or the complete set. Nothing is launched on a partial one. */
import { throwIssues, type Issue } from '../core/errors.ts';
import { formatDuration } from '../core/duration.ts';
import type { Fault } from '../core/fault.ts';
import type { SecretSpec } from '../core/model.ts';
import type { PlannedReference } from './plan.ts';
import type { Resolution, Resolved, ResolvedSecret } from './resolve.ts';

export interface ValidSecret {
  readonly spec: SecretSpec;
  readonly injected: boolean;
  readonly secret: ResolvedSecret;
}

export interface ValidSet {
  readonly secrets: readonly ValidSecret[];
  /** Optional secrets that are absent everywhere. */
  readonly absent: readonly SecretSpec[];
  readonly warnings: readonly Issue[];
}

export interface ValidateOptions {
  readonly now: Date;
  /** What to do about a sign-in that is missing, where more is known than the adapter knows. */
  readonly signInHint?: ((name: string, fault: Fault, adapter: string) => string | undefined) | undefined;
}

/** @throws SecretsError with everything that is missing, denied, unreachable or out of date */
export function validate(resolution: Resolution, options: ValidateOptions): ValidSet {
  const { manifest } = resolution.plan;
  const issues: Issue[] = [];
  const warnings: Issue[] = [];
  const absent: SecretSpec[] = [];
  const secrets: ValidSecret[] = [];
  for (const { spec, injected } of resolution.plan.secrets) {
    const result = resolution.results.get(spec.name);
    if (result === undefined) continue;
    if (result.state !== 'resolved') {
      if (result.state !== 'failed' && !spec.required) absent.push(spec);
      else if (result.state === 'incomplete' && result.missing.some((name) => isReported(name, resolution))) continue;
      else issues.push(issueOf(spec, result, options));
      continue;
    }
    const { secret } = result;
    if (secret.expiresAt !== undefined && secret.expiresAt <= options.now) {
      issues.push({
        ...about(spec, secret.reference),
        code: 'VALUE_INVALID',
        message: `its manager says that it expired on ${day(secret.expiresAt)}`,
        hint: setCommand(spec),
      });
      continue;
    }
    if (spec.maxAge !== undefined && secret.createdAt !== undefined && options.now.getTime() - secret.createdAt.getTime() > spec.maxAge) {
      const issue: Issue = {
        ...about(spec, secret.reference),
        code: 'VALUE_INVALID',
        message: `it is from ${day(secret.createdAt)}, older than its maxAge of ${formatDuration(spec.maxAge)}`,
        hint: setCommand(spec),
      };
      (manifest.policy.overAge === 'refuse' ? issues : warnings).push(issue);
    }
    secrets.push({ spec, injected, secret });
  }
  throwIssues(issues);
  return { secrets, absent, warnings };
}

/** Everything that has a value, however old it is: what is worth masking. */
export const resolvedOf = ({ plan, results }: Resolution): readonly ValidSecret[] =>
  plan.secrets.flatMap(({ spec, injected }) => {
    const result = results.get(spec.name);
    return result?.state === 'resolved' ? [{ spec, injected, secret: result.secret }] : [];
  });

/** What stores a value: by its reference where only the command line knows the name. */
function setCommand({ name, source, layers }: SecretSpec): string {
  const isTyped = layers.at(-1)?.label.startsWith('--') === true && source.kind === 'references';
  const first = isTyped ? source.references[0]?.reference.text : undefined;
  return `secrets set ${first === undefined ? name : `'${first}'`}`;
}

const day = (date: Date): string => date.toISOString().slice(0, 10);

/** A template's missing part that has an issue of its own need not be said twice. */
function isReported(name: string, { plan, results }: Resolution): boolean {
  const result = results.get(name);
  const required = plan.secrets.find((secret) => secret.spec.name === name)?.spec.required ?? false;
  return result !== undefined && result.state !== 'resolved' && (required || result.state === 'failed');
}

/** Who and where, for an issue about a secret. */
export function about(
  spec: SecretSpec,
  reference?: PlannedReference,
): Pick<Issue, 'name' | 'at' | 'reference' | 'provider' | 'owner' | 'contact' | 'runbook'> {
  return {
    name: spec.name,
    at: reference?.placed.at ?? spec.at,
    reference: reference?.placed.reference.text,
    provider: reference?.placed.reference.provider,
    owner: spec.owner,
    contact: spec.contact,
    runbook: spec.runbook,
  };
}

function issueOf(spec: SecretSpec, result: Exclude<Resolved, { state: 'resolved' }>, { signInHint }: ValidateOptions): Issue {
  if (result.state === 'incomplete') {
    return {
      ...about(spec),
      code: 'REQUIRED_MISSING',
      message: `its template needs ${result.missing.join(', ')}`,
      hint: `secrets set ${result.missing[0] ?? 'NAME'}`,
    };
  }
  const { fault, reference } = result;
  const setHint = result.state === 'absent' && reference.configured.provider.capabilities.includes('put') ? setCommand(spec) : undefined;
  const outer = signInHint?.(spec.name, fault, reference.configured.config.use);
  return { ...about(spec, reference), code: fault.code, message: fault.detail.message, hint: outer ?? setHint ?? fault.detail.hint };
}
