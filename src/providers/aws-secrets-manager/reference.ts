/** References of Secrets Manager: `aws://NAME` or an ARN verbatim after `aws://`, with `?stage=` or `?version=`. Offline. */
import type { Reference } from '../../core/reference.ts';
import type { ParsedRef } from '../../provider-kit/contract.ts';
import { checkField } from '../../provider-kit/json-document.ts';
import { parsedRef, writtenRef, wrong } from '../aws-common/references.ts';

const NAME = /^[\w/+=.@-]{1,512}$/;
const ARN = /^arn:aws[a-z-]*:secretsmanager:([a-z0-9-]+):\d{12}:secret:([\w/+=.@-]{1,519})$/;
/** What AWS puts behind the name to make an ARN. */
const SUFFIX = /-[A-Za-z0-9]{6}$/;
const VERSION = /^[A-Za-z0-9-]{8,64}$/;
const STAGE = /^[\w+=.@:-]{1,256}$/;

/** The label of the version that is in use. */
export const CURRENT = 'AWSCURRENT';
/** The label of the version that a rotation is about to put into use. */
export const PENDING = 'AWSPENDING';

/** Reads a reference. Throws Fault 'ref' with what is wrong; the reference is never quoted. */
export function parseRef(reference: Reference): ParsedRef {
  const { path, field } = reference;
  const { version, stage, ...others } = reference.options;
  if (Object.keys(others).length > 0)
    throw wrong('a Secrets Manager reference takes the options stage and version', 'write ?version=ID or ?stage=LABEL');
  if (version !== undefined && stage !== undefined)
    throw wrong('a version and a stage exclude each other', 'write ?version=ID or ?stage=LABEL');
  if (version !== undefined && !VERSION.test(version)) throw wrong('the version is not an id', 'secrets history NAME lists the versions');
  if (stage !== undefined && !STAGE.test(stage)) throw wrong('the stage is not a label', 'write a label such as AWSPREVIOUS');
  if (path.startsWith('arn:') && !ARN.test(path)) {
    throw wrong('this is not the ARN of a secret', 'write aws://arn:aws:secretsmanager:REGION:ACCOUNT:secret:NAME');
  }
  if (!path.startsWith('arn:') && !NAME.test(path))
    throw wrong('a secret of Secrets Manager has a name of letters, digits and /_+=.@-', 'correct the name');
  checkField(field);
  // The label of the current version says nothing: so both ways to write it are one document.
  return parsedRef(path, { version, stage: stage === CURRENT ? undefined : stage, field });
}

/** The reference's parts for a document. */
export const formatRef = (ref: ParsedRef): ReturnType<typeof writtenRef> => writtenRef(ref, 'stage');

/** The region in a key that is an ARN. */
export const regionOfKey = (key: string): string | undefined => ARN.exec(key)?.[1];

/** The account in an ARN. */
export const accountOfArn = (arn: string | undefined): string | undefined =>
  arn === undefined ? undefined : /^arn:[^:]+:[^:]+:[^:]*:(\d{12}):/.exec(arn)?.[1];

export const isArn = (key: string): boolean => key.startsWith('arn:');

/**
 * The names that the secret of a key can have: that of an ARN is known but for the suffix, which may be missing in it.
 */
export function possibleNames(key: string): readonly string[] {
  const name = ARN.exec(key)?.[2];
  if (name === undefined) return [key];
  return SUFFIX.test(name) ? [name, name.replace(SUFFIX, '')] : [name];
}

/** Whether an answer that names its secret by ARN or name is the one for a key. */
export function answersKey(key: string, answer: { readonly ARN?: string | undefined; readonly Name?: string | undefined }): boolean {
  if (answer.Name === key || answer.ARN === key) return true;
  const { ARN: arn } = answer;
  if (arn === undefined) return false;
  if (isArn(key)) return arn.startsWith(key) && arn.length === key.length + 7 && SUFFIX.test(arn);
  return answer.Name === undefined && possibleNames(arn).at(-1) === key;
}
