import { describe, expect, it } from 'vitest';
import { define } from '../../src/cli/commands/explain.ts';
import { folder } from '../manifest/folder.ts';
import { rowsOf, runCommand, type CommandOptions, type Recorded } from './recorder.ts';

const MANIFEST = `
version: 1
project: test
defaultProfile: dev
providers:
  team: { use: vault, address: "https://user:pass@vault.example.com/?x=1", namespace: team-a }
env: { keep: [KEPT] }
secrets:
  TOKEN: { ref: [team://secret/api#key, local://token] }
  URL: { template: "x://\${TOKEN|url}@\${TOKEN}/\${KEPT}" }
  LEVEL: { value: canary-value }
  REGION: { ref: env://REGION, default: canary-default }
  KEPT: local://kept
  HELD: { ref: local://held, as: none }
  NODE_OPTIONS: { value: --inspect }
  ELSEWHERE: { ref: local://elsewhere, profiles: [prod] }
profiles:
  dev: { secrets: { KEPT: local://kept-dev } }
  prod: {}
`;

const explain = (files: string, args: readonly string[] = [], more: Partial<CommandOptions> = {}): Promise<Recorded> =>
  runCommand({ define }, args, { cwd: folder({ '.secretsrc': files }), ...more });

describe('explain', () => {
  it('shows where each variable would come from and what is unusual about it', async () => {
    const env = { LEVEL: 'debug', TOKEN: 'x', REGION: 'y', KEPT: 'z', HELD: 'h' };
    const { stdout, exitCode } = await explain(MANIFEST, [], { env });
    const rows = rowsOf(stdout.split('\n\n')[1] ?? '');
    expect(rows.map(([name, from, , note]) => [name, from, note])).toEqual([
      ['NAME', 'FROM', 'NOTE'],
      ['TOKEN', 'team://secret/api#key, then local://token', "replaces the parent's value"],
      ['URL', 'template of TOKEN, KEPT', '-'],
      ['LEVEL', 'plain value', "the parent's value wins"],
      ['REGION', 'env://REGION', "replaces the parent's value, which wins over the default"],
      ['KEPT', 'local://kept-dev', "the parent's value wins"],
      ['HELD', 'local://held', 'not injected'],
      ['NODE_OPTIONS', 'plain value', 'refused: dangerous name'],
      ['ELSEWHERE', 'local://elsewhere', 'not selected: limited to prod'],
    ]);
    expect(rows.find(([name]) => name === 'KEPT')?.[2]).toMatch(/\(profile dev\)$/);
    expect(exitCode).toBe(0);
    expect(stdout).toContain('https://vault.example.com/');
    expect(stdout).not.toMatch(/pass@|x=1|canary|inspect/);
  });

  it('shows one with the layers that contributed, also one of another profile', async () => {
    const kept = (await explain(MANIFEST, ['KEPT'])).stdout;
    expect(kept).toMatch(/defined in +manifest, .secretsrc:13:3\n +then in +profile dev, .secretsrc:18:21/);
    const elsewhere = (await explain(MANIFEST, ['ELSEWHERE'])).stdout;
    expect(elsewhere).toMatch(/selected +no: limited to the profiles prod/);
    expect((await explain(MANIFEST, ['KEPTT'])).error?.issues).toMatchObject([{ code: 'USAGE', hint: 'did you mean KEPT?' }]);
  });

  it('explains a reference by its provider', async () => {
    const { stdout } = await explain(MANIFEST, ['team://a/b#c']);
    expect(stdout).toMatch(/adapter +vault \(/);
    expect(stdout).toContain('namespace team-a');
  });

  it('finds the mistakes of every profile and every reference at once, each once', async () => {
    const broken = MANIFEST.replace('prod: {}', 'prod: { secrets: { KEPT: local://-bad, REGION: local://a//b } }').replace(
      'local://token',
      'local://-token',
    );
    const { error, stdout } = await explain(broken);
    expect(error?.issues.map(({ code, name }) => [code, name])).toEqual([
      ['REF_INVALID', 'TOKEN'],
      ['REF_INVALID', 'REGION'],
      ['REF_INVALID', 'KEPT'],
    ]);
    expect([stdout, error?.exit]).toEqual(['', 65]);
  });

  it('has a stable JSON form', async () => {
    const json = JSON.parse((await explain(MANIFEST, ['REGION'], { json: true, env: { REGION: 'y' } })).stdout) as Record<string, unknown>;
    expect(json).toMatchObject({
      project: 'test',
      profile: 'dev',
      profiles: ['dev', 'prod'],
      protected: false,
      secrets: [
        {
          name: 'REGION',
          kind: 'reference',
          references: [{ reference: 'env://REGION', provider: 'env', at: { file: '.secretsrc', line: 12, column: 18 } }],
          hasDefault: true,
          required: true,
          delivery: 'env',
          selected: true,
          injected: true,
          refused: false,
          parent: 'default-yields',
          layers: [{ label: 'manifest', at: { file: '.secretsrc', line: 12, column: 3 } }],
        },
      ],
    });
    expect(JSON.stringify(json)).not.toContain('canary');
  });
});
