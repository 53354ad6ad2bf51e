/** What references to both services have in common: they name a document, and pin it by a version or a label. */
import { Fault } from '../../core/fault.ts';
import type { ParsedRef } from '../../provider-kit/contract.ts';

/** What is wrong with a reference; it is never quoted. */
export const wrong = (message: string, hint: string): Fault => new Fault('ref', { message, hint });

interface Parts {
  readonly version: string | undefined;
  readonly stage: string | undefined;
  readonly field: string | undefined;
}

export const parsedRef = (key: string, { version, stage, field }: Parts): ParsedRef => ({
  key,
  ...(version === undefined ? {} : { version }),
  ...(stage === undefined ? {} : { stage }),
  ...(field === undefined ? {} : { field }),
});

interface Written {
  readonly path: string;
  readonly options: Readonly<Record<string, string>>;
  readonly field?: string;
}

/** The reference's parts for a document. @param label the option that a stage is written as */
export const writtenRef = ({ key, version, stage, field }: ParsedRef, label: 'stage' | 'label'): Written => ({
  path: key,
  options: { ...(version === undefined ? {} : { version }), ...(stage === undefined ? {} : { [label]: stage }) },
  ...(field === undefined ? {} : { field }),
});
