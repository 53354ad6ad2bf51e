/** `secrets schedule`: prints, and never installs, what makes a scheduler run `secrets rotate --due` once a day. */
import { createHash } from 'node:crypto';
import path from 'node:path';
import { Argument, Option, type Command } from 'commander';
import { SecretsError } from '../../core/errors.ts';
import { findCommand } from '../../platform/command.ts';
import type { CommandModule } from '../commands.ts';
import type { Context } from '../context.ts';
import { SCHEDULE_FORMATS, scheduleText, type ScheduleFormat } from '../schedule-texts.ts';
import { loadFor } from '../session.ts';

interface ScheduleOptions {
  readonly at?: string;
}

export const define: CommandModule['define'] = (command, open) => {
  command
    .addArgument(new Argument('<format>', 'for which scheduler').choices(SCHEDULE_FORMATS))
    .addOption(new Option('--at <time>', 'when, as HH:MM in UTC; default: a time of the night that differs from project to project'))
    .addHelpText(
      'after',
      `
  secrets schedule crontab                                   one line for crontab -e
  secrets schedule github > .github/workflows/rotate.yml     a workflow`,
    )
    .action(async (format: ScheduleFormat, options: ScheduleOptions, self: Command) => schedule(open(self), format, options));
};

async function schedule(context: Context, format: ScheduleFormat, { at }: ScheduleOptions): Promise<void> {
  const { manifest } = await loadFor(context);
  const { dir, profile } = manifest;
  const own = [
    ...(context.manifest === undefined || manifest.path === undefined ? [] : ['--manifest', path.relative(dir, manifest.path)]),
    ...(profile === undefined || context.profile === undefined ? [] : ['--profile', profile]),
  ];
  const found = findCommand('secrets', context.env['PATH'], context.cwd);
  const facts = {
    dir,
    program: found.ok ? found.file : 'secrets',
    project: manifest.project ?? path.basename(dir),
    options: own,
    ...(at === undefined ? nightTime(dir) : timeOf(at)),
  };
  context.output.result(scheduleText(format, facts));
  if (![...manifest.secrets.values()].some(({ rotate }) => rotate?.every !== undefined))
    context.output.notice('no secret of this manifest says how often it is rotated: add rotate: { using: generate, every: 30d } to one');
}

/** Between 1:00 and 4:59, the same each time: not everybody asks the managers at once. */
function nightTime(dir: string): { readonly hour: number; readonly minute: number } {
  const hash = createHash('sha256').update(dir).digest();
  return { hour: 1 + (hash.readUInt8(0) % 4), minute: hash.readUInt8(1) % 60 };
}

function timeOf(text: string): { readonly hour: number; readonly minute: number } {
  const match = /^([01]?\d|2[0-3]):([0-5]\d)$/.exec(text);
  if (match === null) throw new SecretsError({ code: 'USAGE', message: '--at is not a time of the day', hint: '--at 03:17' });
  return { hour: Number(match[1]), minute: Number(match[2]) };
}
