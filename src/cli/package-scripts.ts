/** The scripts of a package.json, and how they are changed to start their program through `secrets run`. Pure. */
import { SecretValue } from '../core/secret-value.ts';
import { replaceField } from '../provider-kit/json-document.ts';

export interface Script {
  readonly name: string;
  readonly command: string;
  /** What it becomes; undefined where it is more than one program, or starts through `secrets run` already. */
  readonly wrapped?: string;
  readonly why?: 'wrapped already' | 'several commands';
  /** Whether it starts the project's own program, as `start` and `dev` do. */
  readonly usual: boolean;
}

const USUAL = /^(?:start|dev|develop|serve|worker|migrate|seed)(?::|$)/;
/** npm's own hooks run where nobody has secrets. */
const HOOK = /^(?:(?:pre|post)?(?:install|uninstall|pack|publish|version|prepare|shrinkwrap)|prepublishOnly|dependencies)$/;
/** Assignments in front of the program, as `NODE_ENV=production node server.js` has them. */
const ASSIGNMENTS = /^(?:[A-Za-z_]\w*=(?:[^\s"'`$;&|<>()]*|"[^"`$]*"|'[^']*')\s+)*/;

/** @returns undefined if it is no package.json with scripts */
export function scriptsOf(packageJson: string, envFile: string): readonly Script[] | undefined {
  let parsed: unknown;
  try {
    parsed = JSON.parse(packageJson);
  } catch {
    return undefined;
  }
  const scripts = typeof parsed === 'object' && parsed !== null && 'scripts' in parsed ? parsed.scripts : undefined;
  if (typeof scripts !== 'object' || scripts === null) return undefined;
  return Object.entries(scripts).flatMap(([name, command]): readonly Script[] => {
    const around = /^(?:pre|post)(.+)$/.exec(name)?.[1];
    if (typeof command !== 'string' || HOOK.test(name) || (around !== undefined && around in scripts)) return [];
    const usual = USUAL.test(name);
    if (/(?:^|\s)(?:secrets|secretsrc)\s+(?:run|exec)\b/.test(command)) return [{ name, command, why: 'wrapped already', usual }];
    const wrapped = wrap(command, envFile);
    return [wrapped === undefined ? { name, command, why: 'several commands', usual } : { name, command, wrapped, usual }];
  });
}

/** The command started through `secrets run`; undefined where the shell makes several programs of it. */
export function wrap(command: string, envFile: string): string | undefined {
  const text = command.trim();
  const assignments = ASSIGNMENTS.exec(text)?.[0] ?? '';
  const program = withoutEnvFile(text.slice(assignments.length), envFile);
  if (program === '' || /^[A-Za-z_]\w*=/.test(program) || hasShellSyntax(program)) return undefined;
  return `${assignments}secrets run -- ${program}`;
}

/** Takes the option away by which node itself reads the file, since node fails when the file is gone. */
function withoutEnvFile(program: string, envFile: string): string {
  const name = envFile.replace(/[.*+?^${}()|[\]\\]/g, '\\$&');
  return program.replace(new RegExp(`\\s+--env-file(?:-if-exists)?(?:=|\\s+)(?:\\./)?${name}(?=\\s|$)`, 'g'), '');
}

/** Whether anything outside quotes would make the shell start more than this program, or use our own variables. */
function hasShellSyntax(program: string): boolean {
  const bare = program.replace(/"(?:[^"\\`$]|\\.)*"|'[^']*'/g, '""');
  return /[;&|<>()`$\n]/.test(bare);
}

/** The text with these scripts changed; everything else stays byte for byte. */
export function wrapScripts(packageJson: string, scripts: readonly Script[]): string {
  return scripts.reduce((text, { name, wrapped }) => {
    if (wrapped === undefined) return text;
    const field = `/scripts/${name.replaceAll('~', '~0').replaceAll('/', '~1')}`;
    const replaced = replaceField(SecretValue.fromText(text), field, SecretValue.fromText(wrapped));
    return replaced.ok ? replaced.value.reveal().toString('utf8') : text;
  }, packageJson);
}
