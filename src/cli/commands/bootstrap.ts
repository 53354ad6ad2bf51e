/**
 * `secrets bootstrap PROVIDER`: a first credential for a machine that has none, which can be used once. For Vault a
 * response-wrapped secret id of an AppRole.
 *
 * --json: `{ provider, role, roleId, accessor, expiresAt, file }`, and `token` with --reveal.
 */
import path from 'node:path';
import type { Command } from 'commander';
import { formatDuration, parseDuration } from '../../core/duration.ts';
import { SecretsError } from '../../core/errors.ts';
import { plainWord } from '../../core/fault.ts';
import type { VaultOptions } from '../../providers/vault/options.ts';
import type { Wrapped, WrapRequest } from '../../providers/vault/bootstrap.ts';
import { entryNamed, withAdapterHost } from '../adapter-host.ts';
import { recordAlone } from '../auditing.ts';
import type { CommandModule } from '../commands.ts';
import type { Context } from '../context.ts';
import { writeOut } from '../out-file.ts';
import { withSpinner } from '../spinner.ts';

interface BootstrapOptions {
  readonly role?: string;
  readonly mount: string;
  readonly ttl: string;
  readonly out?: string;
  readonly reveal?: boolean;
}

const LONGEST = 24 * 3_600_000;
const PATH_PART = /^[\w.-]+$/;

export const define: CommandModule['define'] = (command, open) => {
  command
    .argument('<provider>', 'a provider of the kind vault')
    .option('--role <name>', 'the AppRole that the machine will sign in as')
    .option('--mount <path>', 'where the AppRole method is mounted', 'approle')
    .option('--ttl <duration>', 'how long it can be exchanged', '10m')
    .option('--out <file>', 'write it there; the file must not be there yet')
    .option('--reveal', 'write it to stdout')
    .action(async (name: string, options: BootstrapOptions, self: Command) => bootstrap(open(self), name, options));
};

async function bootstrap(context: Context, name: string, options: BootstrapOptions): Promise<void> {
  const { out, reveal } = options;
  const request = requestOf(name, options);
  if ((out === undefined) === (reveal !== true)) {
    throw usage(
      out === undefined ? 'this makes a credential, and is not told where to put it' : '--out and --reveal exclude each other',
      `secrets bootstrap ${name} --role ${request.role} --out FILE, or --reveal in front of a pipe to the machine`,
    );
  }
  const entry = await entryNamed(context, name, {
    use: 'vault',
    otherwise: 'only Vault and OpenBao have wrapped one-use credentials',
    hint: 'secrets bootstrap vault --role ROLE --out FILE',
  });
  const { wrapSecretId } = await import('../../providers/vault/bootstrap.ts');
  const made = await withSpinner(context, `asking ${name}`, () =>
    withAdapterHost(context, entry, 'operator', (settings, host, op) => wrapSecretId(settings as VaultOptions, host, request, op)),
  );
  await recordAlone(context, { event: 'bootstrap', name, reference: `auth/${request.mount}/role/${request.role}`, result: 'ok' });
  const file = out === undefined ? undefined : path.resolve(context.cwd, out);
  if (file !== undefined) await writeOut(file, made.token.reveal(), LOST);
  report(context, name, request, made, file);
}

function requestOf(name: string, { role, mount, ttl }: BootstrapOptions): WrapRequest {
  const hint = `secrets bootstrap ${PATH_PART.test(name) ? name : 'vault'} --role ROLE --ttl 10m --out FILE`;
  if (role === undefined) throw usage('the role is missing', hint);
  if (!PATH_PART.test(role)) throw usage('--role takes the name of an AppRole', hint);
  if (!mount.split('/').every((part) => PATH_PART.test(part) && part !== '..' && part !== '.'))
    throw usage('--mount takes a path such as approle', hint);
  const lifetimeMs = parseDuration(ttl);
  if (lifetimeMs === undefined || lifetimeMs < 1_000 || lifetimeMs > LONGEST) throw usage('--ttl takes a duration from 1s to 24h', hint);
  return { role, mount, lifetimeMs };
}

// It ends by itself: nobody has it, and its time is short.
const LOST = { lost: 'the credential is lost, and ends unused', hint: 'name another file' };

function report(context: Context, provider: string, request: WrapRequest, made: Wrapped, file: string | undefined): void {
  const { output } = context;
  const accessor = plainWord(made.accessor);
  const roleId = plainWord(made.roleId);
  const expiresAt = new Date(Date.now() + request.lifetimeMs).toISOString();
  if (output.json) {
    const token = file === undefined ? made.token.reveal().toString('latin1') : undefined;
    output.resultJson({ provider, role: request.role, roleId, accessor, expiresAt, file, token });
    return;
  }
  if (file === undefined) output.result(made.token.reveal());
  else output.result(`wrote a wrapped secret id of the role ${request.role} to ${path.relative(context.cwd, file) || file}\n`);
  const revoke = accessor === undefined ? '' : `; bao token revoke -accessor ${accessor} ends it sooner`;
  output.notice(`it can be exchanged once, within ${formatDuration(request.lifetimeMs)}${revoke}`);
  const role = roleId === undefined ? '' : `, roleId: ${roleId}`;
  const mount = request.mount === 'approle' ? '' : `, mount: ${request.mount}`;
  output.notice(`on the machine, in the provider's auth: { method: approle, wrapped: true, secretIdFile: FILE${mount}${role} }`);
}

const usage = (message: string, hint: string): SecretsError => new SecretsError({ code: 'USAGE', message, hint });
