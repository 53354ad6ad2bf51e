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
void require('../dist/secrets.cjs').main(process.argv.slice(2));
