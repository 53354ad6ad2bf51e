import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { azureMasks, ciMaskLines, githubMasks } from '../../src/mask/ci-masks.ts';

const LIMITS = { minLength: 6 };
const github = (...values: string[]): readonly string[] =>
  githubMasks(
    values.map((value) => Buffer.from(value)),
    LIMITS,
  );
const azure = (...values: string[]): readonly string[] =>
  azureMasks(
    values.map((value) => Buffer.from(value)),
    LIMITS,
  );

/** What the GitHub runner masks after these commands: what they say, and each of its trimmed lines. */
function registered(commands: readonly string[]): readonly string[] {
  return commands.flatMap((command) => {
    const data = /^::add-mask::(.*)$/.exec(command)?.[1];
    if (data === undefined) throw new Error('no command on a line of its own');
    const text = data.replaceAll('%0D', '\r').replaceAll('%0A', '\n').replaceAll('%25', '%');
    if (text.trim() === '') throw new Error('the runner refuses an empty mask');
    return [text, ...text.split(/[\r\n]/).map((line) => line.trim())].filter((line) => line !== '');
  });
}

const PEM = [
  '-----BEGIN PRIVATE KEY-----',
  'canarycanarycanary0123456789ABCDEF',
  'canarycanarycanary9876543210==',
  '-----END PRIVATE KEY-----',
  '',
];

describe('githubMasks', () => {
  it('A28 encodes a value of several lines as a whole, and gives each line besides', () => {
    expect(github(PEM.join('\n'))).toEqual([`::add-mask::${PEM.join('%0A')}`, `::add-mask::${PEM[1]}`, `::add-mask::${PEM[2]}`]);
    expect(github('canary-one%0A\r\ncanary-two')).toEqual([
      '::add-mask::canary-one%250A%0D%0Acanary-two',
      '::add-mask::canary-one%250A',
      '::add-mask::canary-two',
    ]);
  });

  it('A28 gives no whole whose lines the runner would mask however short they are', () => {
    const pretty = JSON.stringify({ user: 'canary-user', list: ['canary-in-a-list'], port: 5432 }, undefined, 2);
    expect(github(pretty)).toEqual(['::add-mask::canary-user', '::add-mask::canary-in-a-list']);
    expect(github(`canary-first\n}\ncanary-third`)).toEqual(['::add-mask::canary-first', '::add-mask::canary-third']);
  });

  it('gives the leaves of a value in JSON, and the lines of a leaf', () => {
    const key = JSON.stringify({ type: 'x', private_key: PEM.join('\n') });
    expect(github(key)).toEqual([`::add-mask::${key}`, `::add-mask::${PEM.join('%0A')}`, `::add-mask::${PEM[1]}`, `::add-mask::${PEM[2]}`]);
  });

  it('gives nothing for what is too short, common, empty or no text', () => {
    expect(github('', ' \n ', '12345', 'production', '     ab     ', '\u00a0\u00a0\u00a0\u00a0')).toEqual([]);
    expect(githubMasks([Buffer.from([0xff, 0xfe, 0x80, 0x81, 0x82, 0x83, 0x84])], LIMITS)).toEqual([]);
    expect(github('  canary-1\n')).toEqual(['::add-mask::  canary-1%0A', '::add-mask::canary-1']);
  });

  it('makes the runner mask the value, and nothing shorter than the minimum', () => {
    const line = fc.oneof(fc.string({ maxLength: 12 }), fc.constantFrom('{', '}', '%0A', '%25', 'a: b', '- canary', '::x::', 'é'));
    const value = fc.oneof(
      fc.tuple(fc.array(line, { maxLength: 5 }), fc.constantFrom('\n', '\r\n', '\r')).map(([lines, end]) => lines.join(end)),
      fc.json(),
    );
    fc.assert(
      fc.property(fc.array(value, { maxLength: 3 }), (values) => {
        const masks = registered(github(...values));
        for (const mask of masks) expect(Buffer.byteLength(mask)).toBeGreaterThanOrEqual(6);
        const single = values.map((one) => one.trim()).filter((one) => one.length >= 6 && !/[\r\n]/.test(one));
        expect(masks).toEqual(expect.arrayContaining(single));
      }),
      { numRuns: 500 },
    );
  });
});

describe('azureMasks', () => {
  it('gives single lines in the escaping of the agent', () => {
    expect(azure('canary-100%];x')).toEqual(['##vso[task.setsecret]canary-100%AZP25];x']);
    expect(azure(PEM.join('\n'))).toEqual([`##vso[task.setsecret]${PEM[1]}`, `##vso[task.setsecret]${PEM[2]}`]);
    expect(azure('{\n"a": "canary-leaf"\n}', 'short')).toEqual(['##vso[task.setsecret]canary-leaf']);
    expect(azure('canary-end\n', 'canary-end')).toEqual(['##vso[task.setsecret]canary-end']);
  });
});

describe('ciMaskLines', () => {
  it('A28 is silent where there is no CI system that takes masks', () => {
    const values = [Buffer.from('canary-0123')];
    expect(ciMaskLines({ GITHUB_ACTIONS: 'true' }, values, LIMITS)).toEqual(['::add-mask::canary-0123']);
    expect(ciMaskLines({ TF_BUILD: 'True' }, values, LIMITS)).toEqual(['##vso[task.setsecret]canary-0123']);
    for (const env of [{}, { CI: 'true' }, { GITLAB_CI: 'true' }, { GITHUB_ACTIONS: '' }, { TF_BUILD: 'false' }])
      expect(ciMaskLines(env, values, LIMITS)).toEqual([]);
  });
});
