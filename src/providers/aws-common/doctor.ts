/** The health report of both adapters: sign-in, reachability, kind of credentials. Reads no secret. */
import { Fault } from '../../core/fault.ts';
import type { Check, DoctorReport, Operation } from '../../provider-kit/contract.ts';
import { failedCheck } from '../../provider-kit/failed-check.ts';
import type { AwsClient, AwsConnection } from './connection.ts';
import type { Credentials } from './sign-in.ts';

/** A request that any identity of the service may send; it answers the account's number where it can. */
type Probe = (op: Operation) => Promise<string | undefined>;

/** Never throws a Fault: what fails is a check. */
export async function doctor<C extends AwsClient>(
  connection: AwsConnection<C>,
  title: string,
  probe: Probe,
  op: Operation,
): Promise<DoctorReport> {
  let credentials: Credentials;
  let region: string;
  try {
    credentials = await connection.signIn(op);
    region = await connection.region();
  } catch (error) {
    return { checks: [failedCheck('sign-in', error)] };
  }
  const longLived = credentials.accessKeyId.startsWith('AKIA');
  const checks: Check[] = [
    longLived
      ? {
          title: 'sign-in',
          status: 'warn',
          message: 'signed in with a long-lived access key',
          hint: 'use a role, AWS SSO or web identity instead: aws configure sso',
        }
      : {
          title: 'sign-in',
          status: 'ok',
          message: credentials.sessionToken === undefined ? 'signed in' : 'signed in with temporary credentials',
        },
  ];
  let account = credentials.accountId;
  try {
    account = (await probe(op)) ?? account;
    checks.push({ title: 'reachable', status: 'ok', message: `${title} answers in ${region}` });
  } catch (error) {
    const check = failedCheck('reachable', error);
    // Not being allowed to list says nothing about reading one secret.
    checks.push(error instanceof Fault && error.kind === 'denied' ? { ...check, status: 'warn' } : check);
  }
  // As the AWS CLI shows it.
  const key = `access key ****${credentials.accessKeyId.slice(-4)}`;
  const identity = [account === undefined ? [] : `account ${account}`, key, region].flat().join(', ');
  return { identity, checks };
}
