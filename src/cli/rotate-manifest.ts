/** Notices a manifest that somebody changes while its secrets are rotated. */
import { readFileSync } from 'node:fs';
import { shortPath } from './output.ts';
import type { Place } from './rotate-places.ts';

/** @returns a function that warns about every file that is not what it was */
export function watchManifests(places: readonly Place[]): () => void {
  const files = places.flatMap(({ context, loaded }) => loaded.manifest.files.map((file) => ({ context, file, text: textOf(file) })));
  return () => {
    for (const { context, file, text } of files) {
      if (textOf(file) === text) continue;
      context.output.warn({
        message: `${shortPath(file, context.cwd)} was changed during the rotation, which went by what it said before`,
        hint: 'secrets explain shows what it says now; run secrets rotate again for a reference that is new',
      });
    }
  };
}

function textOf(file: string): string | undefined {
  try {
    return readFileSync(file, 'utf8');
  } catch {
    return undefined;
  }
}
