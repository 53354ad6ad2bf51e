/** Requests about parameters, as every part of the adapter sends them. */
import type { SSMClient } from '@aws-sdk/client-ssm';

import type { AwsConnection, RegionalCall } from '../aws-common/connection.ts';

export type Store = AwsConnection<SSMClient>;

/** Describes a request about one parameter. */
export const callFor = (name: string, verb: string, action: string, kind: 'read' | 'write' = 'read'): RegionalCall => ({
  what: `${verb} ${name}`,
  subject: `parameter ${name}`,
  permission: `ssm:${action}`,
  kind,
});
