// The main job on the embedded store: a throw-away project, a real child, and nothing left behind.
import { copyFileSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { execa } from 'execa';

const root = path.dirname(path.dirname(fileURLToPath(import.meta.url)));
const folder = mkdtempSync(path.join(tmpdir(), 'secrets-demo-'));
const project = path.join(folder, 'api');
const home = path.join(folder, 'home');
// What the program under `secrets run` does: it shows the names it got, and how its values begin.
const child = `
for (const name of ['SESSION_KEY', 'DB_PASSWORD', 'DATABASE_URL', 'LOG_LEVEL', 'SECRETS_RUN']) {
  const value = process.env[name];
  const shown = value === undefined ? '(not set)' : name === 'LOG_LEVEL' ? value : value.slice(0, name === 'DATABASE_URL' ? 15 : 2) + '…';
  console.log('  ' + name.padEnd(13) + shown);
}`;

/** Runs a command of the demo as a user would type it, in an environment of its own. */
async function step(title, shown, args) {
  process.stdout.write(`\n# ${title}\n$ secrets ${shown}\n`);
  await execa(process.execPath, [path.join(root, 'bin', 'secrets.js'), ...args], {
    cwd: project,
    env: {
      PATH: process.env.PATH,
      HOME: home,
      SECRETS_IDENTITY_FILE: path.join(home, 'identity.txt'),
      SECRETS_CONFIG_DIR: home,
      SECRETS_STATE_DIR: home,
      SECRETS_STORE: path.join(home, 'store'),
      LANG: 'C.UTF-8',
    },
    extendEnv: false,
    stdio: ['ignore', 'inherit', 'inherit'],
  });
}

let failed = false;
try {
  mkdirSync(project);
  mkdirSync(home, { mode: 0o700 });
  mkdirSync(path.join(project, '.git'));
  copyFileSync(path.join(root, '.secretsrc.example'), path.join(project, '.secretsrc'));
  writeFileSync(path.join(project, 'server.js'), child);
  await step('A fresh clone: look at what its manifest decides, and trust it', 'trust --yes', ['trust', '--yes']);
  await step('Make the values that the manifest says may be made', 'setup --yes', ['setup', '--yes']);
  await step('What is there, without any value', 'list', ['list']);
  await step('Where each variable comes from', 'explain', ['explain']);
  await step('Run a program with them', 'run -- node server.js', ['run', '--', process.execPath, 'server.js']);
  process.stdout.write('\nNothing of this is left behind. Next: secrets init in a project of yours.\n');
} catch (error) {
  failed = true;
  process.stderr.write(`demo: a step failed (${error.exitCode ?? error.code ?? 'unknown'})\n`);
} finally {
  rmSync(folder, { recursive: true, force: true });
}
process.exitCode = failed ? 1 : 0;
