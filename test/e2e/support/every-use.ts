/** What a person does with the program, all of it. */
import type { EveryManager } from './managers.ts';

export interface Step {
  readonly args: readonly string[];
  readonly input?: string;
  /** Default: 0. */
  readonly code?: number;
}

/** One use of every command, and of those that reach a value once for each manager. */
export function everyUse({ one, values, writable }: EveryManager, imported: string): readonly Step[] {
  one.write('.env', `IMPORTED_KEY=${imported}\n`);
  one.write('value.txt', values['FROM_LOCAL'] ?? '');
  const names = Object.keys(values);
  return [
    ...writable.map((name): Step => ({ args: ['set', name], input: values[name] ?? '' })),
    { args: ['set', 'FROM_LOCAL', '--from-file', 'value.txt'] },
    { args: ['import', '.env', '--yes'] },
    { args: ['setup', '--yes', '--no-input'], code: 1 },
    ...names.map((name): Step => ({ args: ['get', name, '--reveal'] })),
    { args: ['run', '--', 'sh', '-c', 'exit 0'] },
    { args: ['run', '--mask', 'never', '--', 'true'] },
    { args: ['run', '--dry-run', '--', 'true'] },
    { args: ['list', '--read'] },
    // The Vault of these tests knows no metadata.
    { args: ['check', '--read'], code: 1 },
    { args: ['describe', 'FROM_VAULT', '--read'] },
    { args: ['explain'] },
    { args: ['history', 'FROM_LOCAL'] },
    { args: ['scan', '--ignored', '.'], code: 1 },
    { args: ['scan', '--duplicates'] },
    { args: ['redact'], input: `it is ${values['FROM_AWS']}\n` },
    { args: ['doctor'] },
    { args: ['whoami'] },
    { args: ['providers'] },
    { args: ['trust', '--yes'] },
    { args: ['move', 'IMPORTED_KEY', '--to', 'vault://secret/moved#value', '--overwrite'] },
    { args: ['remove', 'IMPORTED_KEY', '--yes'] },
    { args: ['ps'] },
    { args: ['list', '--csv'] },
    { args: ['rotate', 'FROM_LOCAL', '--using', 'generate', '--dry-run'] },
    { args: ['rotate', 'FROM_LOCAL', '--using', 'generate', '--yes'] },
    { args: ['rollback', 'FROM_LOCAL', '--to', '1', '--yes'] },
    { args: ['revoke', 'FROM_LOCAL', '--version', '2', '--reason', 'offboarding', '--yes'] },
    { args: ['schedule', 'kubernetes'] },
    { args: ['audit', 'show'] },
    { args: ['audit', 'show', '--json'] },
    { args: ['audit', 'verify'] },
    { args: ['audit', 'head'] },
    { args: ['audit', 'who', 'FROM_LOCAL'] },
    { args: ['audit', 'export', '--format', 'ocsf'] },
    { args: ['completion', 'bash'] },
    { args: ['schema'] },
  ];
}
