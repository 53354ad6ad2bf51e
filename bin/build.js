// Builds dist/: the program and the library, bundled with their lazy parts apart, type declarations, and the notices
// of the packages inside.
import { execFileSync } from 'node:child_process';
import { existsSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { build } from 'esbuild';

const root = path.dirname(path.dirname(fileURLToPath(import.meta.url)));
const at = (...parts) => path.join(root, ...parts);
const { version, optionalDependencies = {} } = JSON.parse(readFileSync(at('package.json'), 'utf8'));

rmSync(at('dist'), { recursive: true, force: true });
const { metafile } = await build({
  absWorkingDir: root,
  entryPoints: { secrets: 'src/cli/main.ts', index: 'src/index.ts' },
  outdir: 'dist',
  bundle: true,
  splitting: true,
  minify: true,
  format: 'esm',
  platform: 'node',
  // ES modules first, so that what an SDK does not use is left out.
  mainFields: ['module', 'main'],
  target: 'node22.21',
  chunkNames: 'chunks/[name]-[hash]',
  external: Object.keys(optionalDependencies),
  define: { SECRETS_VERSION: JSON.stringify(version) },
  // Packages in CommonJS inside the bundle still ask for Node's own modules by require().
  banner: { js: "import{createRequire as __createRequire}from'node:module';const require=__createRequire(import.meta.url);" },
  legalComments: 'none',
  metafile: true,
  logLevel: 'warning',
});
writeFileSync(at('dist', 'THIRD_PARTY_NOTICES'), notices(Object.keys(metafile.inputs)));

// Declarations of what the library's entry reaches; the project's own configuration also covers the tests.
const types = at('dist', 'tsconfig.json');
const compilerOptions = {
  noEmit: false,
  emitDeclarationOnly: true,
  declaration: true,
  rewriteRelativeImportExtensions: true,
  rootDir: '../src',
  outDir: 'types',
  typeRoots: ['../node_modules/@types'],
};
writeFileSync(types, JSON.stringify({ extends: '../tsconfig.json', compilerOptions, files: ['../src/index.ts'], include: [] }));
execFileSync(process.execPath, [at('node_modules', 'typescript', 'bin', 'tsc'), '-p', types], { stdio: 'inherit' });
rmSync(types);

/** The licence text of every package whose code is in the bundle. */
function notices(inputs) {
  const packages = new Set(inputs.flatMap((input) => /^(.*node_modules\/(?:@[^/]+\/)?[^/]+)\//.exec(input)?.[1] ?? []));
  const texts = [...packages].sort().map((folder) => {
    const { name, version: of, license } = JSON.parse(readFileSync(at(folder, 'package.json'), 'utf8'));
    const file = readdirSync(at(folder)).find((entry) => /^(?:licen[cs]e|copying)/i.test(entry));
    const text = file !== undefined && existsSync(at(folder, file)) ? readFileSync(at(folder, file), 'utf8').trim() : '';
    return `${name} ${of} (${license})\n\n${text}`;
  });
  return `${texts.join('\n\n---\n\n')}\n`;
}
