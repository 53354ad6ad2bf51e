/** `secrets run --replace`: what forbids it, and becoming the program. */
import { SecretsError, throwIssues } from '../core/errors.ts';
import type { Manifest, MaskRules } from '../core/model.ts';
import { restoreCores, type CoreFilter } from '../platform/core-files.ts';
import { descriptorsToKeep } from '../platform/descriptors.ts';
import { needsMasking } from '../platform/output-kind.ts';
import type { Command } from '../run/launch.ts';
import type { Prepared } from '../run/prepare.ts';
import { lacksInterpreter, leaseRefusals, replaceBy, replacementFor, replaceRefusals, type Replacement } from '../run/replace.ts';
import { select } from '../run/select.ts';
import type { Context } from './context.ts';
import { keepRule, type RunOptions } from './run-options.ts';
import { shown } from './run-report.ts';
import { selectOptionsOf } from './select-options.ts';

/**
 * Before anything is fetched.
 * @returns what is going to be executed
 * @throws SecretsError with everything that stands against it
 */
export function planReplacement(context: Context, manifest: Manifest, options: RunOptions, command: Command, mask: MaskRules): Replacement {
  const staying = { '--ttl': options.ttl, '--kill-after': options.killAfter, '--stop-signal': options.stopSignal };
  throwIssues(
    replaceRefusals({
      command,
      mask: mask.mode,
      protectedProfile: manifest.protected ? (manifest.profile ?? '') : undefined,
      specs: select(manifest, selectOptionsOf(options)).injected,
      keep: descriptorsToKeep(command.argv.slice(1), context.env, keepRule(options.keepFd ?? [])),
      staying: [
        ...Object.entries(staying).flatMap(([name, value]) => (value === undefined ? [] : [name])),
        ...(options.dieWithParent === true ? ['--die-with-parent'] : []),
        ...(options.watch === true ? ['--watch'] : []),
      ],
    }),
  );
  if (lacksInterpreter(command.file)) {
    context.output.error(
      new SecretsError({
        code: 'USAGE',
        message: `${shown(command.argv[0])}: it is a text without a first line that names its interpreter`,
        hint: 'begin it with #!/bin/sh, or run it as: sh FILE',
      }),
      'nothing was fetched',
    );
    process.exit(126);
  }
  return replacementFor(command);
}

/** @throws SecretsError where a value has a lease */
export const refuseLeases = ({ valid }: Prepared): void => throwIssues(leaseRefusals(valid.secrets));

/** @param cores the setting for core files that the program gets; undefined: ours */
export function becomeProgram(context: Context, prepared: Prepared, replacement: Replacement, mask: MaskRules, cores: CoreFilter): never {
  if (mask.mode === 'auto' && needsMasking(mask.mode)) {
    context.output.notice('nothing that the program prints is masked, since with --replace nobody stays to do it');
  }
  if (!replacement.resetsSignals) {
    context.output.notice('the program ignores SIGPIPE, since the env of this system cannot reset it');
  }
  restoreCores(cores);
  return replaceBy(replacement, prepared.composed.env);
}
