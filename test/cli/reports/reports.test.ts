import { describe, expect, it } from 'vitest';
import type { Finding } from '../../../src/cli/findings.ts';
import { junitText } from '../../../src/cli/reports/junit.ts';
import type { Report } from '../../../src/cli/reports/report.ts';
import { sarifText } from '../../../src/cli/reports/sarif.ts';

const at = { file: 'api/.secretsrc', line: 6, column: 10 };
const finding: Finding = {
  name: 'PASSWORD',
  problem: 'over-age',
  message: 'it is 91d old, and its maxAge is 90d',
  hint: 'secrets set PASSWORD',
  reference: 'vault://a',
  at,
  owner: 'R&D <ops> "x"',
  contact: "#it's",
  runbook: 'https://wiki.example.com/db?a=1&b=2',
};
const warning: Finding = { name: 'TOKEN', problem: 'uncertain', message: 'only reading it tells\u0000\u001b[31m', at };
const report: Report = {
  checked: [
    { name: 'PASSWORD', asked: true, manifest: 'api/.secretsrc', at, findings: [finding], warnings: [] },
    { name: 'TOKEN', asked: true, manifest: 'api/.secretsrc', at, findings: [], warnings: [warning] },
    { name: 'FINE', asked: true, manifest: 'web/.secretsrc', at: undefined, findings: [], warnings: [] },
  ],
  failed: [{ code: 'DENIED', name: 'KEY', message: 'the server answered 403' }],
};
const relative = (file: string): string => file;

interface Sarif {
  readonly $schema: string;
  readonly version: string;
  readonly runs: readonly {
    readonly tool: { readonly driver: { readonly name: string; readonly rules: readonly { readonly id: string }[] } };
    readonly invocations: readonly { readonly executionSuccessful: boolean; readonly toolExecutionNotifications: readonly object[] }[];
    readonly results: readonly {
      readonly ruleId: string;
      readonly ruleIndex: number;
      readonly level: string;
      readonly message: { readonly text: string };
      readonly locations: readonly object[];
    }[];
  }[];
}

describe('sarifText', () => {
  const { runs, version, $schema } = JSON.parse(sarifText(report, relative)) as Sarif;
  const [run] = runs;

  it('has what the schema asks for, and places that a code scanner can show', () => {
    expect([version, $schema, runs.length, run?.tool.driver.name]).toEqual([
      '2.1.0',
      'https://json.schemastore.org/sarif-2.1.0.json',
      1,
      'secrets',
    ]);
    expect(run?.results.map(({ level, ruleId }) => [level, ruleId])).toEqual([
      ['error', 'over-age'],
      ['warning', 'uncertain'],
    ]);
    for (const { ruleId, ruleIndex, locations, message } of run?.results ?? []) {
      expect(run?.tool.driver.rules[ruleIndex]?.id).toBe(ruleId);
      expect(message.text).not.toBe('');
      expect(locations).toEqual([
        { physicalLocation: { artifactLocation: { uri: 'api/.secretsrc' }, region: { startLine: 6, startColumn: 10 } } },
      ]);
    }
    expect(run?.invocations).toMatchObject([
      { executionSuccessful: false, toolExecutionNotifications: [{ level: 'error', descriptor: { id: 'DENIED' } }] },
    ]);
  });

  it('says whom to ask in the text that is shown', () => {
    expect(run?.results[0]?.message.text).toBe(
      'PASSWORD: it is 91d old, and its maxAge is 90d; hint: secrets set PASSWORD; owner: R&D <ops> "x" (#it\'s); runbook: https://wiki.example.com/db?a=1&b=2',
    );
  });

  it('writes a path as a URI', () => {
    const [first] = (JSON.parse(sarifText(report, () => 'my app/a#b')) as Sarif).runs[0]?.results ?? [];
    expect(JSON.stringify(first?.locations)).toContain('"uri":"my%20app/a%23b"');
  });
});

describe('junitText', () => {
  const xml = junitText(report, relative);

  it('has a suite for each manifest and a test for each secret', () => {
    expect(xml).toMatch(/^<\?xml version="1\.0" encoding="UTF-8"\?>\n<testsuites name="secrets check" tests="4" failures="1" errors="1">/);
    expect(xml.match(/<testsuite [^>]*>/g)).toEqual([
      '<testsuite name="api/.secretsrc" tests="2" failures="1" errors="0">',
      '<testsuite name="web/.secretsrc" tests="1" failures="0" errors="0">',
      '<testsuite name="managers" tests="1" failures="0" errors="1">',
    ]);
    expect(xml).toContain('<error type="DENIED" message="the server answered 403"/>');
    for (const name of ['testsuites', 'testsuite', 'failure', 'system-out', 'testcase']) {
      const opened = xml.match(new RegExp(`<${name}[ >]`, 'g'))?.length ?? 0;
      const alone = xml.match(new RegExp(`<${name}[^>]*/>`, 'g'))?.length ?? 0;
      expect([name, opened - alone]).toEqual([name, xml.match(new RegExp(`</${name}>`, 'g'))?.length ?? 0]);
    }
  });

  it('escapes what XML has a meaning for, and what it cannot hold', () => {
    expect(xml).toContain('owner: R&amp;D &lt;ops&gt; &quot;x&quot; (#it&apos;s)');
    expect(xml).toContain('only reading it tells??[31m');
    // oxlint-disable-next-line no-control-regex
    expect(xml).not.toMatch(/[\u0000-\u0008\u000b-\u001f]/);
    expect(xml).not.toMatch(/&(?!amp;|lt;|gt;|quot;|apos;)/);
  });
});
