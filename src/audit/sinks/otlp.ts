/** Records as log records of OpenTelemetry, by OTLP over HTTP in JSON. */
import os from 'node:os';
import path from 'node:path';
import { Fault } from '../../core/fault.ts';
import { VERSION } from '../../core/version.ts';
import { FIELD_NAMES, parseRecord } from '../record.ts';
import { SinkFault, withinLimit, type Sink } from './sink.ts';

export interface OtlpSinkOptions {
  /** Address of the collector; `/v1/logs` is added where it has no path. */
  readonly endpoint: string;
  readonly caFile?: string;
  readonly insecureHttp?: boolean;
  /** Folder that a relative path starts from. */
  readonly dir: string;
  /** For the proxy, and OTEL_EXPORTER_OTLP_HEADERS, which may hold a key and is therefore not in the manifest. */
  readonly env: Readonly<Record<string, string | undefined>>;
}

export function otlpSink({ endpoint, caFile, insecureHttp, dir, env }: OtlpSinkOptions): Sink {
  const what = `the collector at ${hostOf(endpoint)}`;
  return {
    what,
    send: (lines) =>
      withinLimit(what, async (signal) => {
        const { createHttpClient } = await import('../../platform/http.ts');
        try {
          const client = createHttpClient(
            {
              baseUrl: endpoint,
              headers: headersOf(env['OTEL_EXPORTER_OTLP_LOGS_HEADERS'] ?? env['OTEL_EXPORTER_OTLP_HEADERS']),
              ...(insecureHttp === true ? { insecureHttp } : {}),
              ...(caFile === undefined ? {} : { caFile: path.resolve(dir, caFile) }),
            },
            env,
          );
          try {
            const { status, body } = await client.request({
              method: 'POST',
              path: new URL(endpoint).pathname === '/' ? '/v1/logs' : '',
              headers: { 'content-type': 'application/json' },
              body: Buffer.from(JSON.stringify(payload(lines))),
              signal,
            });
            if (status < 200 || status > 299) throw new SinkFault(`${what} answered ${status}`, 'check audit.sinks');
            if (rejected(body) > 0) throw new SinkFault(`${what} rejected ${rejected(body)} of ${lines.length} records`);
          } finally {
            client.close();
          }
        } catch (error) {
          if (error instanceof Fault) throw new SinkFault(`${what}: ${error.detail.message}`, error.detail.hint);
          throw error;
        }
      }),
  };
}

function hostOf(endpoint: string): string {
  try {
    return new URL(endpoint).host;
  } catch {
    return 'an address that is none';
  }
}

/** `name=value,name=value`, percent-encoded, as OpenTelemetry has it. */
function headersOf(text: string | undefined): Readonly<Record<string, string>> {
  return Object.fromEntries(
    (text ?? '').split(',').flatMap((pair) => {
      const at = pair.indexOf('=');
      if (at <= 0) return [];
      try {
        return [[pair.slice(0, at).trim(), decodeURIComponent(pair.slice(at + 1).trim())]];
      } catch {
        return [];
      }
    }),
  );
}

function rejected(body: Buffer): number {
  try {
    const { partialSuccess } = JSON.parse(body.toString('utf8')) as { readonly partialSuccess?: { readonly rejectedLogRecords?: unknown } };
    return Number(partialSuccess?.rejectedLogRecords ?? 0);
  } catch {
    return 0;
  }
}

const text = (key: string, value: string): unknown => ({ key, value: { stringValue: value } });

/** An ExportLogsServiceRequest. */
export function payload(lines: readonly string[]): unknown {
  const logRecords = lines.flatMap((line) => {
    const record = parseRecord(line);
    if (record === undefined) return [];
    const time = `${new Date(record.ts).getTime()}000000`;
    const isOk = record.result === 'ok';
    return [
      {
        timeUnixNano: time,
        observedTimeUnixNano: time,
        severityNumber: isOk ? 9 : 13,
        severityText: isOk ? 'INFO' : 'WARN',
        eventName: `secrets.${record.event}`,
        body: { stringValue: line },
        attributes: FIELD_NAMES.flatMap((name) => {
          const value = record[name];
          if (value === undefined || name === 'v' || name === 'ts') return [];
          return [
            typeof value === 'number' ? { key: `secrets.${name}`, value: { intValue: String(value) } } : text(`secrets.${name}`, value),
          ];
        }),
      },
    ];
  });
  const attributes = [text('service.name', 'secrets'), text('service.version', VERSION), text('host.name', os.hostname())];
  return { resourceLogs: [{ resource: { attributes }, scopeLogs: [{ scope: { name: 'secrets.audit', version: VERSION }, logRecords }] }] };
}
