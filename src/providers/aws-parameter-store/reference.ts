/** References of Parameter Store: `ssm:///prod/db` for `/prod/db`, `ssm://db` for `db`, with `?version=` or `?label=`. Offline. */
import type { Reference } from '../../core/reference.ts';
import type { DocumentKey, ParsedRef } from '../../provider-kit/contract.ts';
import { checkField } from '../../provider-kit/json-document.ts';
import { refusePendingKey } from '../../provider-kit/pending.ts';
import { parsedRef, writtenRef, wrong } from '../aws-common/references.ts';

const NAME = /^(?:\/[\w.-]+)+$|^[\w.-]+$/;
export const NAME_LENGTH = 1011;
const VERSION = /^[1-9]\d{0,9}$/;
const LABEL = /^(?!\d|aws|ssm)[\w.-]{1,100}$/i;

/** Reads a reference; a label is the stage of a document. Throws Fault 'ref' with what is wrong; the reference is never quoted. */
export function parseRef(reference: Reference): ParsedRef {
  const { path, field } = reference;
  const { version, label, ...others } = reference.options;
  if (Object.keys(others).length > 0)
    throw wrong('a Parameter Store reference takes the options version and label', 'write ?version=3 or ?label=NAME');
  if (version !== undefined && label !== undefined)
    throw wrong('a version and a label exclude each other', 'write ?version=3 or ?label=NAME');
  if (version !== undefined && !VERSION.test(version)) throw wrong('a version of Parameter Store is a number', 'write ?version=3');
  if (label !== undefined && !LABEL.test(label))
    throw wrong('a label has letters, digits and _.-, and begins with none of: digit, aws, ssm', 'correct the label');
  checkName(path);
  refusePendingKey(path);
  checkField(field);
  return parsedRef(path, { version, stage: label, field });
}

/** The reference's parts for a document. */
export const formatRef = (ref: ParsedRef): ReturnType<typeof writtenRef> => writtenRef(ref, 'label');

/** The name as GetParameters takes it: `NAME`, `NAME:3` or `NAME:label`. */
export function selectorOf({ key, version, stage }: DocumentKey): string {
  const pin = version ?? stage;
  return pin === undefined ? key : `${key}:${pin}`;
}

function checkName(path: string): void {
  if (path.startsWith('arn:')) throw wrong('a parameter is named without an ARN', 'write ssm:///PATH/NAME');
  if (path.includes(':')) throw wrong('a version or label is not part of the name', 'write ?version=3 or ?label=NAME');
  if (!path.startsWith('/') && path.includes('/'))
    throw wrong('a parameter name with / begins with /', 'write ssm:///PATH/NAME, with three /');
  if (!NAME.test(path) || path.length > NAME_LENGTH) throw wrong('a parameter has a name of letters, digits and /_.-', 'correct the name');
}
