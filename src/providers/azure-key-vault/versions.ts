/** What the versions of a secret say about it, without its value. */
import type { SecretProperties } from '@azure/keyvault-secrets';

import type { Metadata, ParsedRef, VersionInfo } from '../../provider-kit/contract.ts';

const ROTATED = 'rotated.';

/** The current version: the newest, enabled or not. */
export const currentOf = (versions: readonly SecretProperties[]): SecretProperties | undefined => versions.at(-1);

/** Newest first. */
export const historyOf = (versions: readonly SecretProperties[]): readonly VersionInfo[] =>
  versions.toReversed().flatMap((properties) =>
    properties.version === undefined
      ? []
      : [
          {
            version: properties.version,
            current: properties === currentOf(versions),
            state: properties.enabled === false ? ('disabled' as const) : ('enabled' as const),
            ...(properties.createdOn === undefined ? {} : { createdAt: properties.createdOn }),
            ...(properties.expiresOn === undefined ? {} : { expiresAt: properties.expiresOn }),
          },
        ],
  );

/** @param versions oldest first */
export function metadataOf(ref: ParsedRef, versions: readonly SecretProperties[]): Metadata {
  const shown = ref.version === undefined ? currentOf(versions) : versions.find(({ version }) => version === ref.version);
  if (shown === undefined) return { presence: 'absent' };
  const made = versions[0]?.createdOn;
  const rotatedAt = rotationsOf(shown.tags);
  return {
    // Whether a field is in a document shows only in its value.
    presence: ref.field === undefined ? 'present' : 'unknown',
    versionCount: versions.length,
    ...(shown.version === undefined ? {} : { version: shown.version }),
    ...(made === undefined ? {} : { createdAt: made }),
    ...(shown.createdOn === undefined ? {} : { updatedAt: shown.createdOn }),
    ...(Object.keys(rotatedAt).length === 0 ? {} : { rotatedAt }),
    ...(shown.expiresOn === undefined ? {} : { expiresAt: shown.expiresOn }),
    ...(shown.enabled === undefined ? {} : { enabled: shown.enabled }),
  };
}

/** When each field was last written, from its tag. */
function rotationsOf(tags: Readonly<Record<string, string>> = {}): Record<string, Date> {
  const dated = Object.entries(tags).flatMap(([tag, text]) => {
    const date = new Date(text);
    return tag.startsWith(ROTATED) && !Number.isNaN(date.getTime()) ? [[tag.slice(ROTATED.length), date] as const] : [];
  });
  return Object.fromEntries(dated);
}

export const rotationTag = (field: string): string => `${ROTATED}${field}`;

export const isRotationTag = (tag: string): boolean => tag.startsWith(ROTATED);

/** The tag of a value that a rotation has made and not put into use yet: the rotation. */
export const PENDING_TAG = 'secrets-rotation';

export const isPendingVersion = ({ tags }: SecretProperties): boolean => tags?.[PENDING_TAG] !== undefined;
