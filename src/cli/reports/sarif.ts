/** SARIF 2.1.0, as GitHub code scanning and others read it. */
import type { Issue, Position } from '../../core/errors.ts';
import { VERSION } from '../../core/version.ts';
import { PROBLEMS, type Finding } from '../findings.ts';
import { whomText, type RelativePath, type Report } from './report.ts';

const RULES = Object.entries(PROBLEMS);

export function sarifText({ checked, failed }: Report, relative: RelativePath): string {
  const results = checked.flatMap(({ manifest, findings, warnings }) => [
    ...findings.map((finding) => resultOf(finding, 'error', manifest, relative)),
    ...warnings.map((finding) => resultOf(finding, 'warning', manifest, relative)),
  ]);
  const log = {
    $schema: 'https://json.schemastore.org/sarif-2.1.0.json',
    version: '2.1.0',
    runs: [
      {
        tool: {
          driver: {
            name: 'secrets',
            semanticVersion: VERSION,
            rules: RULES.map(([id, { title, level }]) => ({
              id,
              shortDescription: { text: title },
              defaultConfiguration: { level },
            })),
          },
        },
        invocations: [
          {
            executionSuccessful: failed.length === 0,
            toolExecutionNotifications: failed.map((issue) => notificationOf(issue, relative)),
          },
        ],
        results,
      },
    ],
  };
  return `${JSON.stringify(log, undefined, 2)}\n`;
}

function resultOf(finding: Finding, level: 'error' | 'warning', manifest: string, relative: RelativePath): Record<string, unknown> {
  const { name, problem, message, hint, reference, at } = finding;
  const place = at ?? { file: manifest, line: 1, column: 1 };
  const whom = whomText(finding);
  return {
    ruleId: problem,
    ruleIndex: RULES.findIndex(([id]) => id === problem),
    level,
    message: { text: [`${name}: ${message}`, ...(hint === undefined ? [] : [`hint: ${hint}`]), ...whom].join('; ') },
    locations: [locationOf(place, relative)],
    // The line may move and it is the same finding still.
    partialFingerprints: { 'secrets/v1': `${problem}:${relative(place.file)}:${name}` },
    properties: { name, reference, owner: finding.owner, contact: finding.contact, runbook: finding.runbook },
  };
}

const locationOf = ({ file, line, column }: Position, relative: RelativePath): Record<string, unknown> => ({
  physicalLocation: {
    artifactLocation: { uri: relative(file).split('/').map(encodeURIComponent).join('/') },
    region: { startLine: line, startColumn: column },
  },
});

const notificationOf = ({ code, message, name, at }: Issue, relative: RelativePath): Record<string, unknown> => ({
  level: 'error',
  descriptor: { id: code },
  message: { text: name === undefined ? message : `${name}: ${message}` },
  ...(at === undefined ? {} : { locations: [locationOf(at, relative)] }),
});
