import { execFileSync } from 'node:child_process';
import { chmodSync, closeSync, constants, existsSync, openSync, readFileSync, writeFileSync } from 'node:fs';
import { createServer, type AddressInfo, type Server, type Socket } from 'node:net';
import { join } from 'node:path';
import { createServer as createTlsServer } from 'node:tls';
import { beforeAll, describe, expect, it } from 'vitest';
import { AuditLog, type AuditLogOptions } from '../../src/audit/audit-log.ts';
import { canonical, type ChainedRecord } from '../../src/audit/record.ts';
import { execSink } from '../../src/audit/sinks/exec.ts';
import { otlpSink } from '../../src/audit/sinks/otlp.ts';
import { SINK_MS, SinkFault } from '../../src/audit/sinks/sink.ts';
import { streamSink } from '../../src/audit/sinks/stream.ts';
import { message, syslogSink } from '../../src/audit/sinks/syslog.ts';
import { SecretsError } from '../../src/core/errors.ts';
import { makeCertificates, type Certificates } from '../bed/certificates.ts';
import { atEnd } from '../e2e/support/at-end.ts';
import { faultServer } from '../e2e/support/fault-server.ts';
import { tempDir } from '../e2e/support/home.ts';
import { noKeychain } from './support.ts';

const record: ChainedRecord = {
  v: 1,
  ts: '2026-11-24T10:00:00.000Z',
  seq: 0,
  run: '00000000-0000-4000-8000-000000000000',
  event: 'resolve',
  actor: 'ana',
  host: 'box',
  name: 'DB',
  reference: 'vault://secret/dü#value',
  result: 'ok',
  ms: 12,
};
const line = canonical(record);

/** A server that keeps what it is sent; gives the port. */
async function listening(
  server: Server,
  event: 'connection' | 'secureConnection' = 'connection',
): Promise<{ readonly port: number; readonly text: () => Promise<string> }> {
  const received = Promise.withResolvers<string>();
  server.on(event, (socket: Socket) => {
    const chunks: Buffer[] = [];
    socket.on('data', (chunk) => chunks.push(chunk));
    socket.on('end', () => {
      received.resolve(Buffer.concat(chunks).toString('utf8'));
      socket.end();
    });
    socket.on('error', () => undefined);
  });
  await new Promise<void>((resolve) => {
    server.listen(0, '127.0.0.1', resolve);
  });
  atEnd(() => void server.close());
  return { port: (server.address() as AddressInfo).port, text: () => received.promise };
}

let certificates: Certificates;
beforeAll(async () => {
  certificates = await makeCertificates(
    tempDir('certificates'),
    async (program, args) => void execFileSync(program, args, { stdio: 'ignore' }),
  );
});

describe('syslog', () => {
  const expected = `<37>1 2026-11-24T10:00:00.000Z box secrets 7 resolve - ${line}`;

  it('has the messages of RFC 5424', () => {
    expect(message(record, line, 'box', 7)).toBe(expected);
    expect(message({ ...record, result: 'denied' }, line, 'b x', 7)).toMatch(/^<36>1 \S+ b_x secrets 7 resolve - \{/);
  });

  it('goes over TCP, each message with its length in bytes', async () => {
    const server = await listening(createServer());
    await syslogSink({ address: `tcp://127.0.0.1:${server.port}`, dir: '/', env: {} }).send([line, line]);
    const text = await server.text();
    const first = /^(\d+) /.exec(text);
    const length = Number(first?.[1]);
    const one = Buffer.from(text)
      .subarray(first?.[0].length, (first?.[0].length ?? 0) + length)
      .toString('utf8');
    expect(one).toMatch(/^<37>1 .* resolve - \{.*\}$/);
    expect(one).toContain('dü');
    expect(text.split('<37>1 ')).toHaveLength(3);
  });

  it('goes over TLS to a server that an authority vouches for, and to no other', async () => {
    const { certFile, keyFile, caFile } = certificates;
    const server = await listening(createTlsServer({ cert: readFileSync(certFile), key: readFileSync(keyFile) }), 'secureConnection');
    const address = `tls://localhost:${server.port}`;
    await expect(syslogSink({ address, dir: '/', env: {} }).send([line])).rejects.toThrow(/cannot be reached/);
    await syslogSink({ address, caFile, dir: '/', env: {} }).send([line]);
    expect(await server.text()).toContain(' resolve - {');
  });

  it('says that nobody is there', async () => {
    await expect(syslogSink({ address: 'tcp://127.0.0.1:1', dir: '/', env: {} }).send([line])).rejects.toThrow(/ECONNREFUSED/);
    await expect(syslogSink({ address: 'unix:/nowhere/log', dir: '/', env: process.env }).send([line])).rejects.toBeInstanceOf(SinkFault);
  });
});

describe('OTLP', () => {
  it('gets log records in JSON, with the headers of the environment', async () => {
    const server = await faultServer(() => ({ body: {} }));
    await otlpSink({ endpoint: server.url, dir: '/', env: { OTEL_EXPORTER_OTLP_HEADERS: 'x-team=a%20b,bad' } }).send([line]);
    const [request] = server.requests;
    expect(request).toMatchObject({ method: 'POST', path: '/v1/logs' });
    expect(request?.headers['x-team']).toBe('a b');
    const body = JSON.parse(request?.body ?? '') as { resourceLogs: { scopeLogs: { logRecords: Record<string, unknown>[] }[] }[] };
    const [log] = body.resourceLogs[0]?.scopeLogs[0]?.logRecords ?? [];
    expect(log).toMatchObject({
      timeUnixNano: '1795514400000000000',
      severityNumber: 9,
      eventName: 'secrets.resolve',
      body: { stringValue: line },
    });
    expect(log?.['attributes']).toContainEqual({ key: 'secrets.ms', value: { intValue: '12' } });
  });

  it('has not taken what was refused or rejected', async () => {
    const refusing = await faultServer(() => ({ status: 503 }));
    await expect(otlpSink({ endpoint: refusing.url, dir: '/', env: {} }).send([line])).rejects.toThrow(/503/);
    const rejecting = await faultServer(() => ({ body: { partialSuccess: { rejectedLogRecords: '1' } } }));
    await expect(otlpSink({ endpoint: rejecting.url, dir: '/', env: {} }).send([line])).rejects.toThrow(/rejected 1/);
    await expect(otlpSink({ endpoint: 'http://log.example.com', dir: '/', env: {} }).send([line])).rejects.toBeInstanceOf(SinkFault);
  });

  it('is not waited for without an end', async () => {
    const silent = await faultServer(() => ({ instead: 'hang' }));
    const since = performance.now();
    await expect(otlpSink({ endpoint: silent.url, dir: '/', env: {} }).send([line])).rejects.toThrow(/within 2 s|in time|interrupted/);
    expect(performance.now() - since).toBeLessThan(SINK_MS + 1_500);
  });
});

describe('a program', () => {
  it('gets the lines, and nothing of our environment', async () => {
    const dir = tempDir('sink');
    writeFileSync(join(dir, 'ship'), `#!/bin/sh\ncat > ${dir}/out\nenv > ${dir}/env\n`);
    chmodSync(join(dir, 'ship'), 0o755);
    await execSink({ command: ['./ship'], dir, env: { ...process.env, TOKEN: 'canary-token' } }).send([line, line]);
    expect(readFileSync(join(dir, 'out'), 'utf8')).toBe(`${line}\n${line}\n`);
    expect(readFileSync(join(dir, 'env'), 'utf8')).not.toContain('canary');
  });

  it('has not taken them when it fails, is not there, or does not end', async () => {
    const send = (...command: [string, ...string[]]): Promise<void> => execSink({ command, dir: '/', env: process.env }).send([line]);
    await expect(send('false')).rejects.toThrow(/ended with 1/);
    await expect(send('./nothing-here')).rejects.toThrow(/cannot be started/);
    await expect(send('sleep', '60')).rejects.toThrow(/within 2 s/);
  });
});

describe('a descriptor', () => {
  it('gets the lines', async () => {
    const file = join(tempDir('sink'), 'out');
    const fd = openSync(file, 'w');
    await streamSink(fd, 'a file').send([line]);
    closeSync(fd);
    expect(readFileSync(file, 'utf8')).toBe(`${line}\n`);
    expect(() => streamSink(999, 'nothing').check?.()).toThrow(/not open/);
    await expect(streamSink(999, 'nothing').send([line])).rejects.toBeInstanceOf(SinkFault);
  });

  it.runIf(process.platform === 'linux')('of a pipe that nobody empties does not hold us', async () => {
    const file = join(tempDir('sink'), 'pipe');
    execFileSync('mkfifo', [file]);
    const reader = openSync(file, constants.O_RDONLY | constants.O_NONBLOCK);
    const writer = openSync(file, constants.O_WRONLY);
    const since = performance.now();
    await expect(streamSink(writer, 'the pipe').send(Array.from({ length: 2_000 }, () => line))).rejects.toThrow(/took nothing/);
    expect(performance.now() - since).toBeLessThan(SINK_MS + 2_000);
    for (const fd of [reader, writer]) closeSync(fd);
  });
});

describe('several places', () => {
  const open = (more: Partial<AuditLogOptions>): { readonly log: AuditLog; readonly said: string[] } => {
    const said: string[] = [];
    const log = new AuditLog({
      run: record.run,
      env: {},
      cwd: '/',
      stateFolder: tempDir('state'),
      rules: { required: false, sinks: ['file'], dir: '/' },
      project: undefined,
      profile: undefined,
      trust: undefined,
      reason: undefined,
      keychain: noKeychain,
      warn: ({ message }) => said.push(message),
      detail: () => undefined,
      ...more,
    });
    return { log, said };
  };
  const entry = { event: 'resolve', name: 'DB', result: 'ok' } as const;
  const dead = { use: 'syslog', address: 'tcp://127.0.0.1:1' };

  it('satisfy a required log when one has taken the record, and the other is told of once', async () => {
    const { log, said } = open({ rules: { required: true, sinks: ['file', dead], dir: '/' } });
    await log.record([entry]);
    await log.record([entry]);
    expect(said).toEqual([expect.stringContaining('ECONNREFUSED')]);
    expect(readFileSync(log.file ?? '', 'utf8').split('\n')).toHaveLength(3);
  });

  it('fail a required log when none has, and warn otherwise', async () => {
    const failing = open({ rules: { required: true, sinks: [dead], dir: '/' } });
    await expect(failing.log.record([entry])).rejects.toMatchObject({ code: 'AUDIT_WRITE_FAILED' });
    await expect(open({ rules: { required: true, sinks: [], dir: '/' } }).log.record([entry])).rejects.toBeInstanceOf(SecretsError);
    await expect(open({ rules: { required: true, sinks: ['file'], dir: '/' }, stateFolder: undefined }).log.record([])).rejects.toThrow(
      /home folder/,
    );
    const warning = open({ rules: { required: false, sinks: [dead], dir: '/' } });
    await warning.log.record([entry]);
    expect(warning.said).toHaveLength(1);
    const homeless = open({ stateFolder: join(tempDir('state'), 'home', '.local', 'state', 'secrets') });
    await homeless.log.record([entry]);
    expect([homeless.said, existsSync(homeless.log.file ?? '')]).toEqual([[], false]);
    const nowhere = open({ stateFolder: undefined });
    await nowhere.log.record([entry]);
    expect(nowhere.said).toEqual([]);
  });

  it('get the same lines in the same order, as the log has them', async () => {
    const dir = tempDir('sink');
    const command = ['sh', '-c', `cat >> ${dir}/out`];
    const { log } = open({ env: process.env, rules: { required: false, sinks: ['file', { use: 'exec', command }], dir: '/' } });
    await Promise.all([log.record([entry, entry]), log.record([entry]), log.record([{ ...entry, event: 'reveal' }])]);
    expect(readFileSync(join(dir, 'out'), 'utf8')).toBe(readFileSync(log.file ?? '', 'utf8'));
  });
});
