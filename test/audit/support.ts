/** A log of its own for a test, and runs that write to it. */
import { randomUUID } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { AuditKey } from '../../src/audit/chain.ts';
import type { AuditEntry } from '../../src/audit/event.ts';
import { keyFileOf, keyFor } from '../../src/audit/key.ts';
import { LogWriter, type Draft } from '../../src/audit/log-writer.ts';
import { tempDir } from '../e2e/support/home.ts';

export interface TestLog {
  readonly dir: string;
  readonly file: string;
  readonly key: AuditKey;
  run(partBytes?: number): TestRun;
  lines(): readonly string[];
}

interface TestRun {
  readonly id: string;
  draft(more?: Partial<AuditEntry>): Draft;
  /** Appends so many records in one write. */
  write(count?: number, more?: Partial<AuditEntry>): Promise<readonly string[]>;
}

export const noKeychain = async (): Promise<never> => {
  throw new Error('no keychain');
};

export async function testLog(): Promise<TestLog> {
  const dir = tempDir('audit');
  const file = join(dir, 'audit.jsonl');
  const key = await keyFor({ file: keyFileOf(file), custody: 'file', keychain: noKeychain });
  return {
    dir,
    file,
    key,
    lines: () => readFileSync(file, 'utf8').split('\n').slice(0, -1),
    run: (partBytes) => {
      const id = randomUUID();
      const draft = (more: Partial<AuditEntry> = {}): Draft => ({
        v: 1,
        ts: new Date().toISOString(),
        run: id,
        actor: 'ana',
        host: 'box',
        event: 'resolve',
        name: 'DB',
        reference: 'vault://secret/db#value',
        result: 'ok',
        ...more,
      });
      const writer = new LogWriter({
        file,
        key,
        recovered: () => draft({ event: 'recovered' }),
        ...(partBytes === undefined ? {} : { partBytes }),
      });
      return {
        id,
        draft,
        write: (count = 1, more = {}) =>
          writer.append(
            Array.from({ length: count }, () => draft(more)),
            false,
          ),
      };
    },
  };
}
