/** Names that the tool proposes: of secrets in a store, and of a project. Pure but for the suffix's random bits. */
import { randomBytes } from 'node:crypto';

/** `DB_PASSWORD` and `dbPassword` as `db-password`: what stores of every kind take as a name. */
export function kebabOf(name: string): string {
  const words = /[a-z]/.test(name) ? name.replace(/([a-z0-9])([A-Z])/g, '$1-$2') : name;
  const kebab = words
    .toLowerCase()
    .replace(/[^a-z0-9]+/g, '-')
    .replace(/^-+|-+$/g, '');
  return kebab === '' ? 'secret' : kebab;
}

/**
 * `api-7f3c` for a folder called api: two checkouts of projects with the same name don't share their secrets.
 * @param folder name of a folder, of any characters
 */
export function projectNameFor(folder: string, suffix: string = randomBytes(2).toString('hex')): string {
  const base = kebabOf(folder.normalize('NFKD').replace(/[\u0300-\u036f]/g, ''))
    .slice(0, 40)
    .replace(/-+$/, '');
  return `${base === 'secret' && !/secret/i.test(folder) ? 'project' : base}-${suffix}`;
}
