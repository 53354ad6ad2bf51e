/** The columns of `list`, by the names that `--sort` and `--csv` use. */
export const COLUMNS = [
  'manifest',
  'profile',
  'name',
  'kind',
  'provider',
  'reference',
  'version',
  'created',
  'rotated',
  'age',
  'maxAge',
  'due',
  'next',
  'expires',
  'used',
  'owner',
  'contact',
  'consumers',
  'shared',
  'tags',
  'state',
] as const;

export type ColumnName = (typeof COLUMNS)[number];
