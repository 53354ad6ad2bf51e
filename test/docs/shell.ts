/** Throw-away projects in which the README's commands run, typed as its reader would. */
import { spawn, spawnSync } from 'node:child_process';
import { mkdirSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { canary } from '../e2e/support/canary.ts';
import { environmentOf, PROGRAM } from '../e2e/support/cli.ts';
import { REPOSITORY, tempDir } from '../e2e/support/home.ts';
import { project, type Project } from '../e2e/support/project.ts';

export interface Shell {
  readonly dir: string;
  readonly project: Project;
  /** Runs a script by `sh -e`; the output is stdout and stderr as they come. */
  sh(script: string): Promise<{ readonly code: number | null; readonly output: string }>;
}

const MANIFEST = `version: 1
project: api
secrets:
  API_KEY: local://api-key
  LOG_LEVEL: { value: info }
`;

/** A project with a `.env`, a small program and no manifest. */
export async function freshShell(): Promise<Shell> {
  const made = await project({
    files: {
      '.env': `DB_PASSWORD=${canary()}\nSTRIPE_API_KEY=${canary()}\nPORT=3000\n`,
      'package.json': '{ "name": "api", "private": true, "scripts": { "start": "node server.js" } }\n',
      'server.js': 'console.log(`listening on ${process.env.PORT}, key ${process.env.STRIPE_API_KEY}`);\n',
    },
  });
  return shellIn(made);
}

/** One that has a manifest, with its value stored. */
export async function preparedShell(): Promise<Shell> {
  const made = await project({
    manifest: MANIFEST,
    files: { 'server.js': 'process.exit(process.env.API_KEY ? 0 : 3);\n', 'worker.js': "console.log('worker', process.env.API_KEY);\n" },
  });
  const shell = shellIn(made);
  const stored = await shell.sh(`secrets trust --yes; printf %s ${canary()} | secrets set API_KEY`);
  if (stored.code !== 0) throw new Error(stored.output);
  return shell;
}

function shellIn(made: Project): Shell {
  const bin = tempDir('bin');
  symlinkSync(PROGRAM, join(bin, 'secrets'));
  mkdirSync(join(made.dir, 'node_modules'));
  symlinkSync(REPOSITORY, join(made.dir, 'node_modules', 'secretsrc'));
  writeFileSync(join(made.dir, '.gitignore'), 'node_modules\n');
  spawnSync('git', ['init', '--quiet', made.dir], { stdio: 'ignore' });
  const state = tempDir('state');
  const env = environmentOf(made.home, {
    PATH: `${bin}:${made.home.env['PATH'] ?? ''}`,
    SECRETS_STORE: join(state, 'store'),
    SECRETS_STATE_DIR: state,
    SECRETS_TRUST: undefined,
  });
  return {
    dir: made.dir,
    project: made,
    sh: (script) =>
      new Promise((resolve, reject) => {
        const child = spawn('sh', ['-ec', `exec 2>&1\n${script}`], { cwd: made.dir, env, stdio: ['ignore', 'pipe', 'inherit'] });
        let output = '';
        child.stdout.setEncoding('utf8').on('data', (text: string) => (output += text));
        child.once('error', reject);
        child.once('close', (code) => resolve({ code, output }));
      }),
  };
}
