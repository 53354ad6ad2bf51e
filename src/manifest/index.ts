/** The manifest: finding it, loading it as a checked model, editing it. */
export { parseDotenv, type DotenvEntry } from './dotenv.ts';
export { addSecret, removeSecret, setReference } from './edit.ts';
export { codeOfNamed, findManifest, LOCAL_NAME, MANIFEST_NAMES, readTextFile } from './files.ts';
export { foreignRecipe } from './foreign.ts';
export { checkWholeManifest, loadManifest, type Loaded, type LoadInput } from './load.ts';
export { OWN_VARIABLES } from './names.ts';
export { newManifest, type StarterInput } from './starter.ts';
export { inProfile } from './template.ts';
export { writeManifest } from './write.ts';

/** The JSON Schema (draft 2020-12) of `.secretsrc`, for editors. */
export async function manifestSchema(): Promise<object> {
  return (await import('./json-schema.ts')).manifestSchema();
}
