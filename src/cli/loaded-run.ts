/** Sessions for commands that also work where there is no manifest. */
import { SecretsError } from '../core/errors.ts';
import type { Loaded } from '../run/load.ts';
import type { Run } from '../run/prepare.ts';
import type { Context } from './context.ts';
import { loadFor, withRun, withSessions } from './session.ts';

type Work<T> = (loaded: Loaded, run: Run) => Promise<T>;

/** What stands in for a manifest: it makes the user's own configuration and the built-in providers known. */
const ASKS_NOBODY = [{ name: 'NONE', reference: 'env://NONE' }];

/**
 * `withRun`; where there is no manifest and none was asked for, with one that has no path and no secrets.
 * @throws SecretsError as `withRun` does, but for that MANIFEST_NOT_FOUND
 */
export async function withOrWithoutManifest<T>(context: Context, work: Work<T>): Promise<T> {
  try {
    return await withRun(context, work);
  } catch (error) {
    if (context.manifest !== undefined || !(error instanceof SecretsError) || error.code !== 'MANIFEST_NOT_FOUND') throw error;
  }
  const { manifest, warnings } = await loadFor(context, { refs: ASKS_NOBODY });
  return withSessions(context, { manifest: { ...manifest, secrets: new Map() }, warnings }, work);
}

/** For a command about these references: without any, it is about the manifest, which must be there then. */
export const withOptionalManifest = <T>(context: Context, references: readonly string[], work: Work<T>): Promise<T> =>
  references.length > 0 ? withOrWithoutManifest(context, work) : withRun(context, work);
