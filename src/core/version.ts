/** The version of the package; the build puts it in. */
declare const SECRETS_VERSION: string | undefined;

export const VERSION: string = typeof SECRETS_VERSION === 'string' ? SECRETS_VERSION : '0.0.0-source';
