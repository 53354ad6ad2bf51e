/** Where a provider entry sends its requests, for people: only options that hold no credential. */
import type { ProviderConfig } from '../core/model.ts';

const SHOWN = ['address', 'vaultUrl', 'endpoint', 'url', 'region', 'namespace', 'path', 'profile'];

/** `https://vault.example.com, namespace team-a`; undefined where the entry says nothing of the kind. */
export function addressOf({ options }: Pick<ProviderConfig, 'options'>): string | undefined {
  const parts = SHOWN.flatMap((key) => {
    const value = Object.hasOwn(options, key) ? options[key] : undefined;
    if (typeof value !== 'string' || value === '') return [];
    const text = withoutCredentials(value);
    return [text.includes('://') ? text : `${key} ${text}`];
  });
  return parts.length === 0 ? undefined : parts.join(', ');
}

/** The same for an address that the environment gave, in front of what the entry says. */
export const addressText = (address: string, entry: string | undefined): string =>
  [withoutCredentials(address), ...(entry === undefined ? [] : [entry])].join(', ');

function withoutCredentials(text: string): string {
  if (!text.includes('://')) return text;
  const url = URL.parse(text);
  if (url === null) return '(not a URL)';
  if (url.username === '' && url.password === '' && url.search === '') return text;
  url.username = '';
  url.password = '';
  url.search = '';
  return url.href;
}
