/** Records in the forms that other programs take. Pure. */
import { asCellText, quotedCell } from '../core/csv.ts';
import { schemeOf } from '../core/reference.ts';
import { VERSION } from '../core/version.ts';
import type { Found } from './read.ts';
import { FIELD_NAMES, printable, safeJson, type ChainedRecord } from './record.ts';

export const FORMATS = ['jsonl', 'csv', 'ocsf'] as const;
export type Format = (typeof FORMATS)[number];

/** What stands before the first record. */
export const headOf = (format: Format): string => (format === 'csv' ? `${[...FIELD_NAMES, 'mac'].join(',')}\r\n` : '');

/** One record, with the end of its line. `jsonl` is the line as the log has it, so that it can still be checked. */
export function formatted({ record, line }: Found, format: Format): string {
  if (format === 'jsonl') return `${line}\n`;
  if (format === 'csv') return `${[...FIELD_NAMES, 'mac' as const].map((name) => csvCell(record[name])).join(',')}\r\n`;
  return `${safeJson(ocsf(record))}\n`;
}

function csvCell(value: string | number | undefined): string {
  if (value === undefined) return '';
  if (typeof value === 'number') return String(value);
  return quotedCell(asCellText(printable(value)));
}

/** OCSF 1.3, class API Activity. */
const [CATEGORY, CLASS] = [6, 6003];
const [CREATE, READ, UPDATE, DELETE, OTHER] = [1, 2, 3, 4, 99];

const ACTIVITIES: Readonly<Record<string, readonly [id: number, name: string]>> = {
  resolve: [READ, 'Read'],
  launch: [READ, 'Read'],
  reveal: [READ, 'Read'],
  use: [READ, 'Read'],
  seal: [READ, 'Read'],
  unseal: [READ, 'Read'],
  write: [UPDATE, 'Update'],
  rollback: [UPDATE, 'Update'],
  bootstrap: [CREATE, 'Create'],
  remove: [DELETE, 'Delete'],
  revoke: [DELETE, 'Delete'],
};

function ocsf(record: ChainedRecord): unknown {
  const { ts, run, event, actor, host, identity, name, reference, version, request, result, code, ms, mac } = record;
  const [id, activity] = ACTIVITIES[event] ?? (event.startsWith('rotate.') ? [UPDATE, 'Update'] : [OTHER, event]);
  const isOk = result === 'ok';
  return {
    category_uid: CATEGORY,
    category_name: 'Application Activity',
    class_uid: CLASS,
    class_name: 'API Activity',
    activity_id: id,
    activity_name: activity,
    type_uid: CLASS * 100 + id,
    time: Date.parse(ts),
    duration: ms,
    severity_id: result === 'denied' ? 3 : isOk ? 1 : 2,
    status_id: isOk ? 1 : 2,
    status: isOk ? 'Success' : 'Failure',
    status_code: code,
    status_detail: isOk ? undefined : result,
    metadata: {
      version: '1.3.0',
      uid: mac,
      log_name: 'audit',
      original_time: ts,
      correlation_uid: run,
      product: { name: 'secrets', vendor_name: 'secretsrc', version: VERSION },
    },
    actor: { user: { name: actor }, app_name: 'secrets', ...(identity === undefined ? {} : { session: { credential_uid: identity } }) },
    src_endpoint: { hostname: host },
    api: {
      operation: event,
      ...(request === undefined ? {} : { request: { uid: request } }),
      service: { name: (reference === undefined ? undefined : schemeOf(reference)) ?? 'secrets' },
    },
    ...(name === undefined && reference === undefined ? {} : { resources: [{ type: 'secret', name, uid: reference, version }] }),
    unmapped: Object.fromEntries(
      (['seq', 'ci', 'profile', 'trust', 'reason', 'source'] as const).flatMap((key) =>
        record[key] === undefined ? [] : [[key, record[key]]],
      ),
    ),
  };
}
