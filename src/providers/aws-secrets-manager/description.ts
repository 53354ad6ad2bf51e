/** What AWS says of a secret without its value. */
import type { DescribeSecretCommandOutput } from '@aws-sdk/client-secrets-manager';

import type { Metadata } from '../../provider-kit/contract.ts';
import type { Tag } from '../aws-common/rotated-tags.ts';

/** A secret as AWS describes it, without its value. */
export interface Description {
  /** The version that each label stands at. */
  readonly versionAt: ReadonlyMap<string, string>;
  readonly tags: readonly Tag[];
  /** When AWS deletes it, if that is planned. */
  readonly deletedAt: Date | undefined;
  readonly dates: Pick<Metadata, 'createdAt' | 'nextRotationAt' | 'lastUsedAt'>;
}

/** What AWS says of a secret when it is described, and in a list. */
type Answer = Pick<
  DescribeSecretCommandOutput,
  'CreatedDate' | 'NextRotationDate' | 'LastAccessedDate' | 'DeletedDate' | 'VersionIdsToStages' | 'Tags'
>;

export function descriptionOf(secret: Answer): Description {
  const { CreatedDate, NextRotationDate, LastAccessedDate, VersionIdsToStages = {}, Tags = [] } = secret;
  return {
    versionAt: new Map(Object.entries(VersionIdsToStages).flatMap(([version, labels]) => labels.map((label) => [label, version] as const))),
    tags: Tags.map(({ Key, Value }) => ({ Key, Value })),
    deletedAt: secret.DeletedDate,
    dates: {
      ...(CreatedDate === undefined ? {} : { createdAt: CreatedDate }),
      ...(NextRotationDate === undefined ? {} : { nextRotationAt: NextRotationDate }),
      ...(LastAccessedDate === undefined ? {} : { lastUsedAt: LastAccessedDate }),
    },
  };
}
