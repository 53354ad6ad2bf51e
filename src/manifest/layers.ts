/** Which parts of which files are in effect for a profile, from the base up. */
import type { Position } from '../core/errors.ts';
import { profileIn, type SourceFile } from './sources.ts';
import type { MapNode } from './tree.ts';

/** A part of a file: its top level, or one profile of it. */
export interface LayerPart {
  /** As `explain` shows it: `manifest`, `profile prod`, `extends ../../.secretsrc`, `.secretsrc.local`. */
  readonly label: string;
  readonly file: SourceFile;
  readonly node: MapNode;
  readonly at: Position;
  /** Whether it lies over something, so that null removes. */
  readonly over: boolean;
}

/** The parts of one file for a chain of profiles, the base first. A profile that the file does not have is left out. */
export function partsOf(file: SourceFile, chain: readonly string[]): readonly LayerPart[] {
  const base: LayerPart = { label: file.label, file, node: file.root, at: file.root.at, over: file.kind === 'local' };
  const profiles = chain.flatMap((profile): readonly LayerPart[] => {
    const found = profileIn(file, profile);
    if (found?.node === undefined) return [];
    const label = file.kind === 'manifest' ? `profile ${profile}` : `${file.label}, profile ${profile}`;
    return [{ label, file, node: found.node, at: found.at, over: true }];
  });
  return [base, ...profiles];
}

/**
 * The profiles that something is limited to, with the one in effect added where it extends one of them: what builds on
 * a profile may use what that may use.
 */
export function withDerived(limit: readonly string[] | undefined, chain: readonly string[]): readonly string[] | undefined {
  const profile = chain.at(-1);
  if (limit === undefined || profile === undefined || limit.includes(profile)) return limit;
  return chain.some((ancestor) => limit.includes(ancestor)) ? [...limit, profile] : limit;
}
