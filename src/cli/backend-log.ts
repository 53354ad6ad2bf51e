/** Where a backend's own log says who read a secret, whoever it was: the query to type. Pure. */
import type { PlannedReference } from '../run/plan.ts';

export interface BackendQuery {
  /** What is asked. */
  readonly title: string;
  /** A command, or a query for a console; undefined where there is no log. */
  readonly query?: string;
}

/** Sixty days reach over most intervals of rotation; the console's own limit is ninety. */
const DAYS = 60;

export function backendQuery({ parsed, configured }: PlannedReference, now: Date): BackendQuery {
  const { config } = configured;
  const since = new Date(now.getTime() - DAYS * 86_400_000).toISOString().slice(0, 10);
  switch (config.use) {
    case 'aws-secrets-manager':
      return { title: 'AWS CloudTrail', query: cloudTrail('GetSecretValue', lastOfArn(parsed.key), config.options['region'], since) };
    case 'aws-parameter-store':
      return { title: 'AWS CloudTrail', query: cloudTrail('GetParameters', parsed.key, config.options['region'], since) };
    case 'vault':
      return { title: 'the audit log of Vault, on its server', query: vaultQuery(parsed.key) };
    case 'azure-key-vault':
      return { title: 'Azure Monitor, if the vault sends its logs there (KQL)', query: azureQuery(parsed.key, config.options['vaultUrl']) };
    case 'local':
      return { title: 'a local store is a folder of files: its only log is this one' };
    case 'env':
    case 'keychain':
      return { title: 'the system keeps no log of that' };
    default:
      return { title: `the log of ${configured.provider.title}, if it keeps one` };
  }
}

/** In single quotes of a POSIX shell. */
const quoted = (text: string): string => `'${text.replaceAll("'", `'\\''`)}'`;

const lastOfArn = (key: string): string => (key.startsWith('arn:') ? (key.split(':').at(-1) ?? key) : key);

function cloudTrail(event: string, name: string, region: unknown, since: string): string {
  const where = typeof region === 'string' ? ` --region ${quoted(region)}` : '';
  const text = name.replaceAll(/[\\`']/g, '\\$&');
  const query = `Events[?contains(CloudTrailEvent, '${text}')].[EventTime,Username,EventId]`;
  return `aws cloudtrail lookup-events${where} --lookup-attributes AttributeKey=EventName,AttributeValue=${event} --start-time ${since} --query ${quoted(query)} --output table`;
}

/** KV version 2 has `data` behind the mount; which path is the mount is not known here. */
function vaultQuery(key: string): string {
  const parts = key.split('/').map((part) => part.replaceAll(/[.*+?^${}()|[\]\\"]/g, '.'));
  const filter = `select(.type == "response" and (.request.path | test("^${parts.join('/(data/)?')}$"))) | {time, who: .auth.display_name, entity: .auth.entity_id, from: .request.remote_address, id: .request.id}`;
  return `jq -c ${quoted(filter)} /var/log/vault/audit.log`;
}

function azureQuery(key: string, vaultUrl: unknown): string {
  const [first = '', second] = key.split('/');
  const path = second === undefined ? `/secrets/${first}` : `://${first}.vault.azure.net/secrets/${second}`;
  const where = second === undefined && typeof vaultUrl === 'string' ? `${vaultUrl.replace(/\/+$/, '')}${path}` : path;
  return [
    'AzureDiagnostics',
    `| where ResourceProvider == "MICROSOFT.KEYVAULT" and OperationName == "SecretGet" and requestUri_s contains "${where.replaceAll('"', '')}"`,
    '| project TimeGenerated, identity_claim_appid_g, identity_claim_oid_g, CallerIPAddress, ResultSignature, correlationId_g',
  ].join('\n');
}
