/** The built library, used by a program of somebody else's. */
import { spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { canary } from './support/canary.ts';
import { environmentOf } from './support/cli.ts';
import { REPOSITORY } from './support/home.ts';
import { project } from './support/project.ts';

const SCRIPT = `
import { Handover, launch, load, lookUp, nobody, prepare, Run, supervise } from '${join(REPOSITORY, 'dist', 'index.js')}';

const { env } = process;
const { manifest } = await load({ cwd: process.cwd(), env });
const run = new Run(manifest, { env, prompter: nobody, notice: console.error });
const handover = new Handover([]);
try {
  const command = lookUp(['sh', '-c', 'echo "$FILE"; test "$(cat "$FILE")" = "$SRC" && test "$(cat "$FD")" = "$SRC"'], env, process.cwd());
  const { composed } = await prepare(manifest, run, { select: {}, argv: command.argv, handover });
  handover.make(composed.files);
  const launched = await launch(command, { env: composed.env, parent: env, cwd: process.cwd(), keepFds: [], descriptors: handover.descriptors });
  handover.started(launched.child);
  process.exitCode = (await supervise(launched.child)).code;
} finally {
  handover.remove();
  await run.close();
}
process._rawDebug('own words');
`;

describe('A60 the library', () => {
  it('hands files and descriptors over, and shows no environment where NODE_DEBUG asks for it', async () => {
    const one = await project({
      manifest: 'version: 1\nsecrets:\n  FILE: { ref: "env://SRC", as: file }\n  FD: { ref: "env://SRC", as: fd }\n  PLAIN: env://SRC\n',
    });
    const script = one.write('use.mjs', SCRIPT);
    const value = canary();
    const env = environmentOf(one.home, { SRC: value, NODE_DEBUG: 'child_process' });
    const { status, stdout, stderr } = spawnSync(process.execPath, [script], { cwd: one.dir, env, encoding: 'utf8' });
    expect(stderr).toBe('own words\n');
    expect(status).toBe(0);
    expect(stdout).not.toBe('\n');
    expect(existsSync(stdout.trim())).toBe(false);
  });
});
