#!/usr/bin/env node
// Refuses an old Node in words that it can still read, then starts the built program.
const [major, minor] = process.versions.node.split('.').map(Number);
if (major < 22 || (major === 22 && minor < 21)) {
  process.stderr.write(
    `secrets: error[DEPENDENCY_MISSING]: this needs Node 22.21 or later, and this is Node ${process.versions.node}\n` +
      '  hint: install a current Node from https://nodejs.org\n',
  );
  process.exit(69);
}
const { main } = await import('../dist/secrets.js');
await main(process.argv.slice(2));
