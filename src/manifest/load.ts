/** Text -> checked model: the files read, one profile applied, every mistake told at once. */
import { throwIssues, type Issue } from '../core/errors.ts';
import type { Manifest } from '../core/model.ts';
import { shownWord } from '../core/suggest.ts';
import { readDefinitions } from './definitions.ts';
import { partsOf, type LayerPart } from './layers.ts';
import { checkCase } from './names.ts';
import { readEnvFiles, readOverlays, type EnvFile } from './overlay.ts';
import { Problems, type Note } from './problems.ts';
import { checkProfiles, defaultProfile, isProtected, profileChain, profileHint, profileNames } from './profiles.ts';
import { readProviders } from './providers.ts';
import { readSecrets } from './secrets.ts';
import { readSettings } from './settings.ts';
import { PLAIN_NAME } from './shape.ts';
import { readSources, type SourceFile, type Sources } from './sources.ts';
import { checkTemplates } from './template.ts';
import { textOf, under } from './tree.ts';
import { checkUse } from './use.ts';

export interface LoadInput {
  /** Working directory: where the search begins, and what shown paths are relative to. */
  readonly cwd: string;
  /** What `--manifest` or SECRETS_MANIFEST says. */
  readonly manifest?: string | undefined;
  /** What `--profile` or SECRETS_PROFILE says. */
  readonly profile?: string | undefined;
  /** Paths of `--env-file`. */
  readonly envFiles?: readonly string[] | undefined;
  /** `--ref NAME=REFERENCE`. */
  readonly refs?: readonly { readonly name: string; readonly reference: string }[] | undefined;
  /** The user's `config.yaml`; it need not exist. It may hold `providers`, `env`, `mask` and `audit`. */
  readonly userConfigFile?: string | undefined;
  /** As in `process.platform`, which is the default. */
  readonly platform?: string | undefined;
}

export interface Loaded {
  readonly manifest: Manifest;
  readonly warnings: readonly Note[];
}

/**
 * Loads the manifest for one profile: the one asked for, else `defaultProfile`, else the base alone.
 * Positions of `--ref` count the references given: `--ref:2:1` is the second.
 *
 * @throws SecretsError with every mistake: MANIFEST_NOT_FOUND (unless `refs` or `envFiles` are given), MANIFEST_INVALID,
 *   REF_INVALID, PROVIDER_UNKNOWN, IO, and USAGE for a profile that does not exist
 */
export async function loadManifest(input: LoadInput): Promise<Loaded> {
  const problems = new Problems();
  const sources = await readAll(input, problems);
  const choice = problems.failed && sources.main === undefined ? undefined : chooseProfile(sources, input.profile, problems);
  const manifest = choice === undefined ? emptyManifest(sources) : applyProfile(sources, choice.profile, input, problems, 'run');
  throwIssues(problems.issues);
  return { manifest, warnings: problems.notes };
}

/** What {@link checkWholeManifest} found. */
export interface WholeCheck {
  readonly issues: readonly Issue[];
  readonly warnings: readonly Note[];
  /** The profile that {@link loadManifest} would load, as far as it can be read; undefined where there is no manifest. */
  readonly manifest?: Manifest;
}

/**
 * Checks the base and every profile. Nothing is thrown: the issues of all of them come together, each once. What a
 * run would only refuse because of how it was asked for (a protected profile beside `.secretsrc.local`) is no mistake
 * of the manifest.
 */
export async function checkWholeManifest(input: LoadInput): Promise<WholeCheck> {
  const problems = new Problems();
  const sources = await readAll(input, problems);
  if (sources.main === undefined && problems.failed) return { issues: problems.issues, warnings: problems.notes };
  const choice = chooseProfile(sources, input.profile, problems);
  const profiles = profileNames(filesOf(sources));
  for (const profile of [undefined, ...profiles]) applyProfile(sources, profile, input, problems, 'check');
  const manifest = applyProfile(sources, choice?.profile, input, problems, 'check');
  return { issues: problems.issues, warnings: problems.notes, manifest };
}

/** Every file that a load is about, read once. */
interface Read extends Sources {
  readonly envFiles: readonly EnvFile[];
}

async function readAll(input: LoadInput, problems: Problems): Promise<Read> {
  const optional = (input.refs ?? []).length > 0 || (input.envFiles ?? []).length > 0;
  const sources = await readSources({ cwd: input.cwd, manifest: input.manifest, userConfigFile: input.userConfigFile, optional }, problems);
  checkProfiles(filesOf(sources), problems);
  return { ...sources, envFiles: readEnvFiles(input, problems) };
}

/** The files of the repository, the furthest extended first. */
const filesOf = ({ extended, main, local }: Sources): readonly SourceFile[] =>
  [...extended, main, local].filter((file) => file !== undefined);

/** The profile to load; undefined where the one asked for does not exist, which is reported. */
function chooseProfile(
  sources: Sources,
  asked: string | undefined,
  problems: Problems,
): { readonly profile: string | undefined } | undefined {
  const files = filesOf(sources);
  const known = profileNames(files);
  if (asked !== undefined) {
    if (known.includes(asked) || (sources.main === undefined && PLAIN_NAME.test(asked))) return { profile: asked };
    problems.add({
      code: 'USAGE',
      message: 'the manifest has no profile of the name that was asked for',
      hint: known.length === 0 ? 'it has no profiles: leave --profile and SECRETS_PROFILE away' : profileHint(asked, known),
    });
    return undefined;
  }
  const node = defaultProfile(files);
  const profile = textOf(node);
  if (node === undefined || profile === undefined || !known.includes(profile)) return { profile: undefined };
  const shared = files.filter((file) => file.kind !== 'local');
  if (isProtected(shared, profileChain(shared, profile, problems)))
    problems.invalid(node.at, 'a protected profile must be asked for by name, so it cannot be the default', {
      hint: `secrets run --profile ${shownWord(profile) ?? 'NAME'}`,
    });
  return { profile };
}

/** @param purpose a check looks at every profile, also at those that nobody asked to run */
function applyProfile(
  sources: Read,
  profile: string | undefined,
  input: LoadInput,
  problems: Problems,
  purpose: 'run' | 'check',
): Manifest {
  const shared = filesOf(sources).filter((file) => file.kind !== 'local');
  const isProtectedOne = profile !== undefined && isProtected(shared, profileChain(shared, profile, problems));
  if (isProtectedOne && sources.local !== undefined && purpose === 'run')
    problems.invalid(
      sources.local.root.at,
      `personal overrides do not go with the protected profile ${shownWord(profile) ?? 'in effect'}`,
      {
        hint: `move ${sources.local.shown} away for this run, or use another profile`,
      },
    );
  const files = isProtectedOne ? shared : filesOf(sources);
  const chain = profile === undefined ? [] : profileChain(files, profile, problems);
  const profiles = profileNames(files);
  const parts = files.map((file) => partsOf(file, chain));
  const [personal] = sources.user === undefined ? [] : partsOf(sources.user, []);
  const all: readonly LayerPart[] = [...(personal === undefined ? [] : [personal]), ...parts.flat()];

  const project = shared
    .toReversed()
    .map((file) => textOf(under(file.root, 'project')))
    .find((name) => name !== undefined);
  const variables = { project, profile, baseOnly: profile === undefined && purpose === 'check' && profiles.length > 0 };
  const providers = readProviders(all, { variables, profiles, chain, dir: sources.dir, problems });
  const overlays = readOverlays(sources.envFiles, input.refs, providers, problems);
  const extendedCount = sources.extended.length;
  const definitions = readDefinitions(parts.slice(0, extendedCount), parts.slice(extendedCount).flat(), overlays, problems);
  const secrets = readSecrets(definitions, { variables, providers, profiles, chain, problems });
  checkTemplates(secrets, variables, problems);
  checkUse(secrets, providers, variables, problems);
  checkCase(secrets.values(), input.platform ?? process.platform, problems);
  return {
    ...emptyManifest(sources),
    files: [
      ...(sources.path === undefined ? [] : [sources.path]),
      ...[...sources.extended.toReversed(), ...files.filter((file) => file.kind === 'local')].map((file) => file.path),
      ...(sources.user === undefined ? [] : [sources.user.path]),
      ...sources.envFiles.map(({ path }) => path),
    ],
    ...(project === undefined ? {} : { project }),
    ...(profile === undefined ? {} : { profile }),
    profiles,
    protected: isProtectedOne,
    providers,
    ...readSettings(parts.flat(), personal, isProtectedOne, problems),
    secrets,
  };
}

/** A manifest that says nothing. */
function emptyManifest(sources: Sources): Manifest {
  return {
    ...(sources.path === undefined ? {} : { path: sources.path }),
    dir: sources.dir,
    files: [],
    profiles: [],
    protected: false,
    providers: new Map(),
    env: { inherit: true, pass: [], keep: [], allowDangerous: [] },
    mask: { mode: 'auto', minLength: 6, requirePty: false },
    audit: { required: false, sinks: ['file'] },
    policy: { overAge: 'warn', require: [] },
    secrets: new Map(),
  };
}
