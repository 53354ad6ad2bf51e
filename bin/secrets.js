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

// Keeps the compiled program, never data, in the user's cache folder: a start then takes a sixth less. Only in a folder
// that is this user's own and private, since what is in there is executed.
function keepCompiled() {
  const { HOME: home, XDG_CACHE_HOME: cache } = process.env;
  const parent =
    cache !== undefined && cache.startsWith('/') ? cache : home !== undefined && home.startsWith('/') ? home + '/.cache' : undefined;
  if (process.platform === 'win32' || parent === undefined || process.env.NODE_COMPILE_CACHE !== undefined) return;
  const { lstatSync, mkdirSync } = require('node:fs');
  const folder = parent + '/secrets';
  const isOurs = () => {
    const stat = lstatSync(folder, { throwIfNoEntry: false });
    return stat !== undefined && stat.isDirectory() && stat.uid === process.getuid() && (stat.mode & 0o077) === 0;
  };
  try {
    if (!isOurs()) mkdirSync(folder, { recursive: true, mode: 0o700 });
    if (isOurs()) require('node:module').enableCompileCache(folder);
  } catch {
    // no such folder to be had: every start compiles anew
  }
}
