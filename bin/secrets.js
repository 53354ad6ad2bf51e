#!/usr/bin/env node
// Refuses an old Node in words that it can still read, then starts the built program.
var version = process.versions.node.split('.').map(Number);
if (version[0] < 22 || (version[0] === 22 && version[1] < 21)) {
  process.stderr.write(
    'secrets: error[DEPENDENCY_MISSING]: this needs Node 22.21 or later, and this is Node ' +
      process.versions.node +
      '\n  hint: install a current Node from https://nodejs.org\n',
  );
  process.exit(69);
}
keepCompiled();
void require('../dist/secrets.cjs').main(process.argv.slice(2));

// Keeps the compiled program, never data, in the user's cache folder: a start then takes a sixth less. Only in folders
// that are this user's own and private, since what is in there is executed; a home that is not there is not made.
function keepCompiled() {
  const { HOME: home, XDG_CACHE_HOME: cache } = process.env;
  const own =
    cache !== undefined && cache.startsWith('/') ? [cache] : home !== undefined && home.startsWith('/') ? [home, home + '/.cache'] : [];
  if (process.platform === 'win32' || own.length === 0 || process.env.NODE_COMPILE_CACHE !== undefined) return;
  const { lstatSync, mkdirSync, statSync } = require('node:fs');
  const isOurs = (stat, shared) => stat !== undefined && stat.isDirectory() && stat.uid === process.getuid() && (stat.mode & shared) === 0;
  try {
    if (!isOurs(statSync(own[0], { throwIfNoEntry: false }), 0o022)) return;
    for (const folder of [...own.slice(1), own.at(-1) + '/secrets']) {
      if (!isOurs(lstatSync(folder, { throwIfNoEntry: false }), 0o022)) mkdirSync(folder, { mode: 0o700 });
    }
    if (isOurs(lstatSync(own.at(-1) + '/secrets'), 0o077)) require('node:module').enableCompileCache(own.at(-1) + '/secrets');
  } catch {
    // no such folder to be had: every start compiles anew
  }
}
