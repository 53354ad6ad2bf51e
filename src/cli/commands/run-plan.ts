/** `secrets run --dry-run`: what would be fetched and injected, offline. */
import type { Delivery, EnvRules, Manifest } from '../../core/model.ts';
import { documentId } from '../../provider-kit/session.ts';
import { isDangerous } from '../../run/dangerous-names.ts';
import { plan } from '../../run/plan.ts';
import { select, type SelectOptions } from '../../run/select.ts';
import type { Context } from '../context.ts';
import { printTable } from '../table.ts';

const WAYS: Readonly<Record<Delivery, string>> = {
  env: 'variable',
  file: 'path of a file',
  fd: 'path of a descriptor',
  none: 'not injected',
};

export async function printPlan(
  context: Context,
  manifest: Manifest,
  options: SelectOptions,
  rules: EnvRules,
  argv: readonly string[],
): Promise<void> {
  const planned = await plan(manifest, select(manifest, options));
  const documents = new Set<string>();
  const rows = planned.secrets.map(({ spec, injected, references }) => {
    for (const { configured, parsed } of references) documents.add(`${configured.config.name} ${documentId(parsed)}`);
    return {
      name: spec.name,
      from: references.length > 0 ? references.map((reference) => reference.placed.reference.text).join(', ') : spec.source.kind,
      injected,
      as: spec.as,
      refused: injected && isDangerous(spec.name) && !rules.allowDangerous.includes(spec.name),
    };
  });
  if (context.output.json) {
    context.output.resultJson({ profile: manifest.profile, command: argv, documents: documents.size, secrets: rows });
    return;
  }
  printTable(
    context.output,
    ['NAME', 'FROM', 'AS'],
    rows.map((row) => [row.name, row.from, row.refused ? 'refused: dangerous name' : row.injected ? WAYS[row.as] : 'not injected']),
  );
  context.output.notice(
    `${documents.size} ${documents.size === 1 ? 'document' : 'documents'} would be fetched; nothing was asked or started`,
  );
}
