/** The manifest that a new project begins with. */
import { addSecret, type NewEntry } from './edit.ts';
import { blockLines, scalarText, type Plain } from './edit-text.ts';

export interface StarterInput {
  /** Namespace of the local store, and what `${project}` stands for. */
  readonly project: string;
  /** Where new secrets go; default: the local store, which needs no entry. */
  readonly provider?: {
    readonly name: string;
    /** Id of its adapter, where the name does not say it. */
    readonly use?: string | undefined;
    readonly options?: Readonly<Record<string, Plain>> | undefined;
    /** A reference of the provider's, for the comment that shows how a secret is written. */
    readonly example?: string | undefined;
  };
  readonly secrets?: readonly { readonly name: string; readonly entry: NewEntry }[];
}

/** Text of a new manifest, with comments that say what goes where. */
export function newManifest({ project, provider, secrets = [] }: StarterInput): string {
  const entry: Record<string, Plain> = { ...(provider?.use === undefined ? {} : { use: provider.use }), ...provider?.options };
  const providers =
    provider !== undefined && Object.keys(entry).length > 0
      ? ['', blockLines('providers', { [provider.name]: entry }, '', '\n').trimEnd()]
      : [];
  const text = [
    '# Which secrets this project needs and where they are. It holds references, never values: commit it.',
    '# Start a program with them in its environment: secrets run -- COMMAND',
    'version: 1',
    `project: ${scalarText(project)}`,
    ...providers,
    '',
    '# NAME: reference, or NAME: { value: text } for a plain setting.',
    'secrets:',
    ...(secrets.length > 0 ? [] : [`  # API_KEY: ${provider?.example ?? 'local://api-key'}`]),
    '',
  ].join('\n');
  return secrets.reduce((result, { name, entry: secret }) => addSecret(result, name, secret), text);
}
