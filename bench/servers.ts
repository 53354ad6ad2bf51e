/**
 * A process of its own that plays Vault, AWS Secrets Manager and Parameter Store on two ports: one answers at once, the
 * other after the delay of a network. Every value is there, so that only the number of requests decides.
 */
import { randomBytes } from 'node:crypto';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';

/** Milliseconds from a request to its answer on the slow port. */
const DELAY_MS = 20;

/** What the process says to its parent: first where it listens, then, whenever asked, the requests since it was last asked. */
export type Message =
  | { readonly at: 'listening'; readonly quick: string; readonly slow: string }
  | { readonly at: 'asked'; readonly requests: number };

const values = new Map<string, string>();
let requests = 0;

function valueOf(name: string): string {
  const known = values.get(name) ?? `canary-${randomBytes(12).toString('hex')}`;
  values.set(name, known);
  return known;
}

function answerVault(path: string): object {
  if (path.startsWith('/v1/sys/internal/ui/mounts/')) return { data: { path: 'kv/', type: 'kv', options: { version: '2' } } };
  const metadata = { version: 1, created_time: '2026-01-01T00:00:00Z', deletion_time: '', destroyed: false };
  if (path.includes('/metadata/')) return { data: { created_time: metadata.created_time, current_version: 1, versions: { 1: metadata } } };
  if (path.includes('/subkeys/')) return { data: { subkeys: { value: null }, metadata } };
  return { data: { data: { value: valueOf(path) }, metadata } };
}

const DATE = 1_767_225_600;

function answerAws(target: string, body: Readonly<Record<string, unknown>>): object {
  const entry = (name: string): object => ({
    ARN: `arn:aws:secretsmanager:eu-west-1:000000000000:secret:${name}-AbCdEf`,
    Name: name,
    VersionId: '00000000-0000-4000-8000-000000000000',
    VersionStages: ['AWSCURRENT'],
    SecretString: valueOf(name),
    CreatedDate: DATE,
  });
  const names = (key: string): readonly string[] => (body[key] as readonly string[] | undefined) ?? [];
  switch (target) {
    case 'secretsmanager.GetSecretValue':
      return entry(String(body['SecretId']));
    case 'secretsmanager.BatchGetSecretValue':
      return { SecretValues: names('SecretIdList').map(entry), Errors: [] };
    case 'secretsmanager.ListSecrets':
      return listPage(Number(body['NextToken'] ?? 0), Number(body['MaxResults']));
    case 'AmazonSSM.GetParameters':
      return {
        Parameters: names('Names').map((name) => ({
          Name: name,
          Type: 'SecureString',
          Value: valueOf(name),
          Version: 1,
          LastModifiedDate: DATE,
        })),
        InvalidParameters: [],
      };
    default:
      throw new Error(`an unexpected request: ${target}`);
  }
}

/** As many secrets as a list is measured with, one version each. */
const LISTED = 500;

function listPage(from: number, most: number): object {
  const to = Math.min(LISTED, from + most);
  return {
    SecretList: Array.from({ length: to - from }, (_, index) => ({
      Name: `app/s${from + index}`,
      CreatedDate: DATE,
      LastChangedDate: DATE,
      SecretVersionsToStages: { '00000000-0000-4000-8000-000000000000': ['AWSCURRENT'] },
    })),
    ...(to < LISTED ? { NextToken: String(to) } : {}),
  };
}

async function answer(request: IncomingMessage, response: ServerResponse, delayMs: number): Promise<void> {
  const chunks: Buffer[] = [];
  for await (const chunk of request) chunks.push(chunk as Buffer);
  requests++;
  const target = request.headers['x-amz-target'];
  const made =
    typeof target === 'string'
      ? answerAws(target, JSON.parse(Buffer.concat(chunks).toString('utf8')) as Record<string, unknown>)
      : answerVault(request.url ?? '');
  const send = (): void => {
    response.writeHead(200, { 'content-type': typeof target === 'string' ? 'application/x-amz-json-1.1' : 'application/json' });
    response.end(JSON.stringify(made));
  };
  if (delayMs === 0) send();
  else setTimeout(send, delayMs);
}

async function listen(delayMs: number): Promise<string> {
  const server = createServer((request, response) => void answer(request, response, delayMs).catch(() => response.destroy()));
  server.keepAliveTimeout = 60_000;
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
}

if (process.send === undefined) throw new Error('this is started by the measurements');
const tell = (message: Message): void => void process.send?.(message);
process.on('message', () => {
  tell({ at: 'asked', requests });
  requests = 0;
});
process.on('disconnect', () => process.exit(0));
tell({ at: 'listening', quick: await listen(0), slow: await listen(DELAY_MS) });
