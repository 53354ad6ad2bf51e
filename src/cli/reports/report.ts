/** What `check` found, in the form that every output is made from. */
import type { Issue, Ownership, Position } from '../../core/errors.ts';
import type { Finding } from '../findings.ts';

/** A secret that was checked. */
export interface Checked {
  readonly name: string;
  /** Whether it was asked for, and does not only serve a template that was. */
  readonly asked: boolean;
  /** Its manifest as it is shown. */
  readonly manifest: string;
  readonly at: Position | undefined;
  readonly findings: readonly Finding[];
  readonly warnings: readonly Finding[];
}

export interface Report {
  readonly checked: readonly Checked[];
  /** Managers that could not be asked and manifests that could not be taken. */
  readonly failed: readonly Issue[];
}

/** A path as code scanners want it: from the working directory, with slashes. */
export type RelativePath = (file: string) => string;

/** `owner: payments (#payments)` and `runbook: https://…`, as far as they are known. */
export function whomText({ owner, contact, runbook }: Ownership): readonly string[] {
  const whom = [owner, contact === undefined ? undefined : `(${contact})`].filter((part) => part !== undefined).join(' ');
  return [...(whom === '' ? [] : [`owner: ${whom}`]), ...(runbook === undefined ? [] : [`runbook: ${runbook}`])];
}
