// Around `npm pack`: puts npm-shrinkwrap.json beside package.json, with the packages that users install and nothing else.
import { readFileSync, rmSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';

const root = path.dirname(path.dirname(fileURLToPath(import.meta.url)));
const shrinkwrap = path.join(root, 'npm-shrinkwrap.json');
if (process.argv[2] === 'after') {
  rmSync(shrinkwrap, { force: true });
} else {
  const lock = JSON.parse(readFileSync(path.join(root, 'package-lock.json'), 'utf8'));
  const packages = Object.entries(lock.packages).filter(([, entry]) => entry.dev !== true);
  const own = { ...lock.packages[''] };
  delete own.devDependencies;
  lock.packages = { ...Object.fromEntries(packages), '': own };
  writeFileSync(shrinkwrap, `${JSON.stringify(lock, undefined, 2)}\n`);
}
