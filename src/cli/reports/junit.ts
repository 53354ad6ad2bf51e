/** JUnit XML, as GitLab, Jenkins and others read it: a suite for each manifest, a test for each secret. */
import type { Finding } from '../findings.ts';
import { whomText, type Checked, type RelativePath, type Report } from './report.ts';

export function junitText({ checked, failed }: Report, relative: RelativePath): string {
  const suites = [...Map.groupBy(checked, ({ manifest }) => manifest)].map(([manifest, tests]) => suiteOf(relative(manifest), tests));
  const errors = failed.map(
    ({ code, name, message }) =>
      `    <testcase${attributes({ classname: 'secrets', name: name ?? code })}>\n` +
      `      <error${attributes({ type: code, message })}/>\n    </testcase>`,
  );
  const wrong = checked.filter(({ findings }) => findings.length > 0).length;
  const whole = { name: 'secrets check', tests: checked.length + errors.length, failures: wrong, errors: errors.length };
  return [
    '<?xml version="1.0" encoding="UTF-8"?>',
    `<testsuites${attributes(whole)}>`,
    ...suites,
    ...(errors.length === 0
      ? []
      : [
          `  <testsuite${attributes({ name: 'managers', tests: errors.length, failures: 0, errors: errors.length })}>`,
          ...errors,
          '  </testsuite>',
        ]),
    '</testsuites>',
    '',
  ].join('\n');
}

function suiteOf(manifest: string, tests: readonly Checked[]): string {
  const failures = tests.filter(({ findings }) => findings.length > 0).length;
  return [
    `  <testsuite${attributes({ name: manifest, tests: tests.length, failures, errors: 0 })}>`,
    ...tests.map((test) => testOf(test, manifest)),
    '  </testsuite>',
  ].join('\n');
}

function testOf({ name, at, findings, warnings }: Checked, manifest: string): string {
  const head = `    <testcase${attributes({ classname: manifest, name, file: manifest, ...(at === undefined ? {} : { line: at.line }) })}`;
  if (findings.length === 0 && warnings.length === 0) return `${head}/>`;
  const [first] = findings;
  return [
    `${head}>`,
    ...(first === undefined
      ? []
      : [
          `      <failure${attributes({ type: first.problem, message: first.message })}>${escaped(findings.map(lineOf).join('\n'))}</failure>`,
        ]),
    ...(warnings.length === 0 ? [] : [`      <system-out>${escaped(warnings.map(lineOf).join('\n'))}</system-out>`]),
    '    </testcase>',
  ].join('\n');
}

const lineOf = (finding: Finding): string =>
  [finding.message, ...whomText(finding), ...(finding.hint === undefined ? [] : [`hint: ${finding.hint}`])].join('; ');

const attributes = (values: Readonly<Record<string, string | number>>): string =>
  Object.entries(values)
    .map(([name, value]) => ` ${name}="${escaped(String(value))}"`)
    .join('');

const ENTITIES: Readonly<Record<string, string>> = { '&': '&amp;', '<': '&lt;', '>': '&gt;', '"': '&quot;', "'": '&apos;' };

/** XML knows no way to write most control characters and lone halves of a pair: they become a question mark. */
const escaped = (text: string): string =>
  text
    .toWellFormed()
    // oxlint-disable-next-line no-control-regex
    .replace(/[\u0000-\u0008\u000b\u000c\u000e-\u001f\ufffe\uffff]/g, '?')
    .replace(/[&<>"']/g, (character) => ENTITIES[character] ?? '');
