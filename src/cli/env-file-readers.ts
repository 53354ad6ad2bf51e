/**
 * Which programs of a project still read an env file, told from a handful of well-known files beside it, and what
 * each does once the file is gone and its variables are set. Pure; it knows the common cases and claims no more.
 */

export interface Reader {
  /** The file that says so, with the script where there is one: `package.json, script start`. */
  readonly where: string;
  readonly what: string;
  /**
   * `goes-on`: variables that are set win, and a missing file is no error; `change`: it fails without the file or
   * lets the file win; `look`: it depends on how it is called.
   */
  readonly verdict: 'goes-on' | 'change' | 'look';
  readonly advice?: string;
}

type Verdict = Pick<Reader, 'verdict' | 'advice'>;

const GOES_ON: Verdict = { verdict: 'goes-on' };
const change = (advice: string): Verdict => ({ verdict: 'change', advice });
const look = (advice: string): Verdict => ({ verdict: 'look', advice });

/** npm packages. */
const PACKAGES: Readonly<Record<string, Verdict>> = {
  dotenv: GOES_ON,
  'dotenv-cli': GOES_ON,
  'dotenv-expand': GOES_ON,
  'dotenv-flow': GOES_ON,
  'dotenv-safe': GOES_ON,
  '@dotenvx/dotenvx': look('dotenvx run --strict fails without the file: take dotenvx out of the script'),
  'env-cmd': change('env-cmd fails without the file: take it out of the script'),
  next: GOES_ON,
  vite: GOES_ON,
  astro: GOES_ON,
  nuxt: GOES_ON,
  '@sveltejs/kit': GOES_ON,
  'react-scripts': GOES_ON,
  gatsby: GOES_ON,
  expo: GOES_ON,
  '@nestjs/config': GOES_ON,
  prisma: GOES_ON,
};

interface FileRule extends Verdict {
  readonly files: readonly string[];
  /** `{file}` stands for the env file's name. */
  readonly pattern: string;
  readonly what: string;
}

const COMPOSE = ['compose.yaml', 'compose.yml', 'docker-compose.yml', 'docker-compose.yaml'];
const PYTHON = ['requirements.txt', 'pyproject.toml', 'Pipfile', 'setup.cfg'];

const RULES: readonly FileRule[] = [
  {
    files: COMPOSE,
    pattern: 'env_file:[^#]*?{file}',
    what: 'docker compose, env_file',
    ...change('compose fails without it: list the names under environment: (- DB_PASSWORD), and start secrets run -- docker compose up'),
  },
  { files: COMPOSE, pattern: '\\$\\{?[A-Z_]', what: 'docker compose, ${NAME}', ...look('start it as secrets run -- docker compose up') },
  {
    files: ['Dockerfile', 'Containerfile'],
    pattern: '^\\s*(?:COPY|ADD)\\s[^\\n]*{file}',
    what: 'image build',
    ...change('take the file out of the image; run secrets run in the entrypoint'),
  },
  {
    files: ['Makefile', 'GNUmakefile', 'makefile'],
    pattern: '^include\\s[^\\n]*{file}',
    what: 'make, include',
    ...change('write -include, or start make through secrets run'),
  },
  {
    files: ['Makefile', 'GNUmakefile', 'makefile', 'justfile', 'Justfile'],
    pattern: '--env-file[= ]\\S*{file}|(?:source|\\.)\\s+(?:\\./)?{file}',
    what: 'a recipe',
    ...change('start the program through secrets run instead'),
  },
  { files: ['justfile', 'Justfile'], pattern: 'set\\s+dotenv-load', what: 'just, dotenv-load', ...GOES_ON },
  {
    files: ['.envrc'],
    pattern: '^\\s*dotenv\\b(?!_if_exists)',
    what: 'direnv',
    ...change('take the dotenv line out: a shell that has the values gives them to every program'),
  },
  {
    files: ['.vscode/launch.json'],
    pattern: '"envFile"',
    what: 'VS Code, envFile',
    ...change('take envFile out, and start the editor or the program through secrets run'),
  },
  { files: ['Procfile', 'Procfile.dev'], pattern: '.', what: 'foreman and the like', ...GOES_ON },
  {
    files: PYTHON,
    pattern: 'python-dotenv|django-environ|python-decouple|pydantic-settings|environs',
    what: 'a Python loader',
    ...GOES_ON,
  },
  { files: ['Gemfile'], pattern: '[\'"]dotenv', what: 'dotenv (Ruby)', ...GOES_ON },
  { files: ['go.mod'], pattern: 'joho/godotenv', what: 'godotenv', ...look('godotenv.Load returns an error without the file') },
  {
    files: ['composer.json'],
    pattern: 'vlucas/phpdotenv',
    what: 'phpdotenv',
    ...look('load() fails without the file, safeLoad() does not'),
  },
  { files: ['composer.json'], pattern: 'laravel/framework', what: 'Laravel', ...GOES_ON },
  {
    files: ['composer.json'],
    pattern: 'symfony/dotenv',
    what: 'Symfony',
    ...look('it wants a .env file: keep one with the plain settings'),
  },
  {
    files: ['Cargo.toml'],
    pattern: '^dotenvy?\\b',
    what: 'dotenv (Rust)',
    ...look('dotenv().ok() goes on without the file, unwrap() does not'),
  },
  { files: ['serverless.yml'], pattern: 'useDotenv', what: 'Serverless Framework', ...GOES_ON },
  { files: ['bun.lock', 'bun.lockb', 'bunfig.toml'], pattern: '', what: 'Bun', ...GOES_ON },
];

/** The files whose content {@link findReaders} looks at. */
export const READER_FILES: readonly string[] = [...new Set(['package.json', ...RULES.flatMap(({ files }) => files)])];

/**
 * @param files content by name of those {@link READER_FILES} that exist
 * @param envFile name of the env file, such as `.env`
 */
export function findReaders(files: ReadonlyMap<string, string>, envFile: string): readonly Reader[] {
  const name = `(?<![\\w.-])${envFile.replace(/[.*+?^${}()|[\]\\]/g, '\\$&')}(?![\\w.-])`;
  const found = [...fromPackageJson(files.get('package.json') ?? '', name)];
  for (const { files: places, pattern, what, verdict, advice } of RULES) {
    const regex = new RegExp(pattern.replaceAll('{file}', name), 'ms');
    for (const where of places) {
      const text = files.get(where);
      if (text !== undefined && regex.test(text)) found.push({ where, what, verdict, ...(advice === undefined ? {} : { advice }) });
    }
  }
  return found;
}

function fromPackageJson(text: string, name: string): readonly Reader[] {
  let parsed: unknown;
  try {
    parsed = JSON.parse(text);
  } catch {
    return [];
  }
  const found: Reader[] = [];
  for (const section of ['dependencies', 'devDependencies']) {
    for (const dependency of Object.keys(sectionOf(parsed, section))) {
      const known = Object.hasOwn(PACKAGES, dependency) ? PACKAGES[dependency] : undefined;
      if (known !== undefined) found.push({ where: 'package.json', what: dependency, ...known });
    }
  }
  for (const [script, command] of Object.entries(sectionOf(parsed, 'scripts'))) {
    if (typeof command !== 'string' || !new RegExp(`--env-file(?:=|\\s+)(?:\\./)?${name}`).test(command)) continue;
    found.push({
      where: `package.json, script ${script}`,
      what: '--env-file',
      ...change('node fails without the file: take the option out'),
    });
  }
  return found;
}

function sectionOf(parsed: unknown, key: string): Readonly<Record<string, unknown>> {
  if (typeof parsed !== 'object' || parsed === null) return {};
  const section = (parsed as Record<string, unknown>)[key];
  return typeof section === 'object' && section !== null ? (section as Record<string, unknown>) : {};
}
