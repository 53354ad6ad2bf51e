/** The head of the audit log in the summary of a CI job, where nobody who could cut off the log's end can change it. */
import { appendFileSync } from 'node:fs';
import { headOf } from '../audit/verify.ts';
import { ownLog } from './audit-options.ts';
import type { Context } from './context.ts';

/** @param file of the summary. Never throws: the summary is an offer of the runner's */
export function addHead(context: Context, file: string): void {
  const log = ownLog(context);
  const head = log === undefined ? undefined : headOf(log);
  if (head === undefined) return;
  try {
    appendFileSync(file, `secrets audit head: \`${head}\`\n`);
  } catch {
    // it says so in no place that somebody would look at
  }
}
