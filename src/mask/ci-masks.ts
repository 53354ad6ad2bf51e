/**
 * Tells a CI system which values to mask in its own log: what this program does not see, such as the output of a later
 * step, is masked there too. Pure; each line is to be written as it is, at the start of a line.
 */
import { isUtf8 } from 'node:buffer';
import { literalsOf, standsAlone, type NeedleLimits } from './needles.ts';

/** The commands for the CI system that this environment is of, without line ends; none where there is none to tell. */
export function ciMaskLines(
  env: Readonly<Record<string, string | undefined>>,
  values: readonly Buffer[],
  limits: NeedleLimits,
): readonly string[] {
  if (env['GITHUB_ACTIONS'] === 'true') return githubMasks(values, limits);
  if (env['TF_BUILD']?.toLowerCase() === 'true') return azureMasks(values, limits);
  return [];
}

/** `::add-mask::` for each value and each part of it. */
export function githubMasks(values: readonly Buffer[], limits: NeedleLimits): readonly string[] {
  const texts = textsOf(values, limits).flatMap((text) => {
    const lines = linesOf(text);
    // The runner masks each trimmed line of what it is given, however short: a `{` would mask every brace in the log.
    return lines.length > 0 && lines.every((line) => fits(line, lines.length, limits)) ? [text, ...(lines.length === 1 ? lines : [])] : [];
  });
  return [...new Set(texts)].map((text) => `::add-mask::${text.replaceAll('%', '%25').replaceAll('\r', '%0D').replaceAll('\n', '%0A')}`);
}

/** `##vso[task.setsecret]` for each value and each part of it; the agent takes single lines only. */
export function azureMasks(values: readonly Buffer[], limits: NeedleLimits): readonly string[] {
  const texts = textsOf(values, limits).flatMap((text) => {
    const lines = linesOf(text);
    return lines.length === 1 ? lines.filter((line) => fits(line, 1, limits)) : [];
  });
  return [...new Set(texts)].map((text) => `##vso[task.setsecret]${text.replaceAll('%', '%AZP25')}`);
}

/** What is not text reaches no log as it is. */
const textsOf = (values: readonly Buffer[], limits: NeedleLimits): readonly string[] =>
  values
    .filter((value) => isUtf8(value))
    .flatMap((value) => literalsOf(value, limits))
    .map((literal) => literal.toString('utf8'));

/** As the runner reads them: trimmed, and those that are empty left out. */
const linesOf = (text: string): readonly string[] =>
  text
    .split(/[\r\n]/)
    .map((line) => line.trim())
    .filter((line) => line !== '');

/** Whether a line may be masked: of several the limit is that of parts. */
function fits(line: string, count: number, limits: NeedleLimits): boolean {
  const bytes = Buffer.from(line);
  return count === 1 ? literalsOf(bytes, limits).length > 0 : standsAlone(bytes, limits);
}
