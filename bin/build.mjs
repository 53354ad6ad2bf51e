// Builds dist/: the program and the library, bundled with their lazy parts apart, type declarations, and the notices
// of the packages inside.
import { execFileSync } from 'node:child_process';
import { existsSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { build } from 'rolldown';

const root = path.dirname(path.dirname(fileURLToPath(import.meta.url)));
const at = (...parts) => path.join(root, ...parts);
const { version, optionalDependencies = {} } = JSON.parse(readFileSync(at('package.json'), 'utf8'));

// What `secrets run` needs stands in one file: each file more costs a third of a millisecond at every start.
const onThePath = [
  /[\\/]src[\\/](?:core|manifest|trust)[\\/]/,
  /[\\/]src[\\/]run[\\/](?!streams|masking|inspect|write|generate|replace|watch)/,
  /[\\/]src[\\/]provider-kit[\\/](?!conformance|endpoint|keychain|pending)/,
  /[\\/]src[\\/]platform[\\/](?!http|keychain|lock|pty|execute|init-program|parent-death|remembered)/,
  /[\\/]src[\\/]audit[\\/](?:audit-log|chain|key|log-writer|parts|places|record|who|sinks[\\/]sink)\.ts/,
  /[\\/]src[\\/]providers[\\/]built-in/,
  /[\\/]src[\\/]cli[\\/](?:program|commands|context|debug-facts|emergency|output|options|repeat-options|session|prompts|spinner|auditing|trust-gate|select-options|ci-masks|run-(?:options|output|report|start|supervise)|within|commands[\\/]run)\.ts/,
  /[\\/]node_modules[\\/](?:yaml|commander|p-limit|yocto-queue|env-paths|fastest-levenshtein)[\\/]/,
];

// And what reading the local store needs in another.
const toReadLocal =
  /[\\/]src[\\/](?:providers[\\/]local[\\/](?!age\.|write|doctor|create|options|reencrypt|custody|pending|state))|[\\/]node_modules[\\/]@scure[\\/]base/;

const bundle = (input, output) =>
  build({
    cwd: root,
    input,
    platform: 'node',
    external: [...Object.keys(optionalDependencies), /^@lydell\//],
    // ES modules first, so that what an SDK does not use is left out.
    // yaml for browsers is smaller, and prints nothing whatever LOG_STREAM and LOG_TOKENS say.
    resolve: { mainFields: ['module', 'main'], alias: { yaml: at('node_modules', 'yaml', 'browser', 'dist', 'index.js') } },
    transform: { define: { SECRETS_VERSION: JSON.stringify(version) }, target: 'node22.21' },
    output: { dir: 'dist', minify: true, comments: false, ...output },
    logLevel: 'warn',
  });

rmSync(at('dist'), { recursive: true, force: true });
const results = [
  // CommonJS: starting Node's loader of ES modules alone takes a third of what starting Node takes.
  await bundle({ secrets: 'src/cli/main.ts' }, { format: 'cjs', entryFileNames: '[name].cjs' }),
  await bundle(
    { program: 'src/cli/program.ts' },
    {
      format: 'cjs',
      entryFileNames: '[name].cjs',
      chunkFileNames: 'program/[name]-[hash].cjs',
      codeSplitting: {
        groups: [
          { name: 'local', test: (id) => toReadLocal.test(id), priority: 1 },
          { name: 'run', test: (id) => onThePath.some((pattern) => pattern.test(id)), priority: 2 },
        ],
      },
    },
  ),
  await bundle(
    { index: 'src/index.ts', conformance: 'src/provider-kit/conformance/index.ts' },
    { format: 'esm', entryFileNames: '[name].js', chunkFileNames: 'library/[name]-[hash].js' },
  ),
];
toAscii(at('dist', 'program'));
writeFileSync(
  at('dist', 'THIRD_PARTY_NOTICES'),
  notices(results.flatMap(({ output }) => output.flatMap((chunk) => Object.keys(chunk.modules ?? {})))),
);

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
writeFileSync(
  types,
  JSON.stringify({
    extends: '../tsconfig.json',
    compilerOptions,
    files: ['../src/index.ts', '../src/provider-kit/conformance/index.ts'],
    include: [],
  }),
);
execFileSync(process.execPath, [at('node_modules', 'typescript', 'bin', 'tsc'), '-p', types], { stdio: 'inherit' });
rmSync(types);

/**
 * Escapes what is not ASCII, which minified code has in strings, templates and patterns only: with a single such
 * character V8 keeps a whole file in twice the memory, and each start takes a twentieth longer.
 */
function toAscii(folder) {
  for (const name of readdirSync(folder)) {
    const file = path.join(folder, name);
    const text = readFileSync(file, 'utf8');
    // In raw text, and behind a backslash, an escape would mean something else.
    if (/String\.raw|\\[\u0080-\uffff]/.test(text)) continue;
    writeFileSync(
      file,
      text.replaceAll(/[\u0080-\uffff]/g, (unit) => `\\u${unit.charCodeAt(0).toString(16).padStart(4, '0')}`),
    );
  }
}

/** The licence text of every package whose code is in the bundle. */
function notices(modules) {
  const folders = modules.flatMap((id) => /^(.*[\\/]node_modules[\\/](?:@[^\\/]+[\\/])?[^\\/]+)[\\/]/.exec(id)?.[1] ?? []);
  const texts = new Set(
    [...new Set(folders)].sort().map((folder) => {
      const { name, version: of, license } = JSON.parse(readFileSync(path.join(folder, 'package.json'), 'utf8'));
      const file = readdirSync(folder).find((entry) => /^(?:licen[cs]e|copying)/i.test(entry));
      const text = file !== undefined && existsSync(path.join(folder, file)) ? readFileSync(path.join(folder, file), 'utf8').trim() : '';
      return `${name} ${of} (${license})\n\n${text}`;
    }),
  );
  return `${[...texts].sort().join('\n\n---\n\n')}\n`;
}
