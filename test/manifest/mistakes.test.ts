/** One row a mistake: what is written, and what is said about it. */
import { describe, expect, it } from 'vitest';
import { issuesOf, load, shown } from './folder.ts';

/** Text, then the issues; a hint that matters stands behind ` -> `. */
type Row = readonly [what: string, text: string, ...issues: string[]];

const told = async (text: string, profile?: string): Promise<readonly string[]> =>
  (await issuesOf(text, profile === undefined ? {} : { profile })).map((issue) => shown(issue));

const hints = async (text: string): Promise<readonly (string | undefined)[]> => (await issuesOf(text)).map((issue) => issue.hint);

const INVALID = 'MANIFEST_INVALID .secretsrc:';

describe('YAML', () => {
  it.each<Row>([
    ['nothing', '', `${INVALID}1:1 the manifest is empty`],
    ['only comments', '# a\n# b\n', `${INVALID}1:1 the manifest is empty`],
    ['only a marker', '---\n', `${INVALID}1:1 the manifest is empty`],
    ['a text', 'hello world\n', `${INVALID}1:1 the manifest must be a mapping of keys to values`],
    ['a list', '\n- a\n', `${INVALID}2:1 the manifest must be a mapping of keys to values`],
    ['a tab', 'secrets:\n\tA: env://A\n', `${INVALID}2:1 a tab is used to indent`],
    ['an open quote', 'project: "p\n', `${INVALID}2:1 a closing quote or bracket, a comma or a space is missing`],
    [
      'an open bracket',
      'secrets: { A: env://A\n',
      `${INVALID}2:1 the indentation does not fit the lines above, or a bracket is not closed`,
    ],
    [
      'a wrong indentation',
      'secrets:\n    A: env://A\n  B: env://B\n',
      `${INVALID}3:1 the indentation does not fit the lines above, or a bracket is not closed`,
    ],
    ['two documents', 'version: 1\n---\nversion: 1\n', `${INVALID}2:1 the file holds several YAML documents`],
    [
      'a merge key',
      'secrets:\n  A: &a { ref: env://A }\n  B:\n    <<: *a\n    owner: x\n',
      `${INVALID}4:5 merge keys (<<) are not part of YAML 1.2`,
      `${INVALID}3:3 B: it has no ref, no template and no value`,
    ],
    ['a tag', 'project: !secret p\n', `${INVALID}1:10 tags (!name) are not used in a manifest`],
    ['a binary tag', 'project: !!binary cA==\n', `${INVALID}1:10 tags (!name) are not used in a manifest`],
    ['YAML 1.1', '%YAML 1.1\n---\nversion: 1\n', `${INVALID}1:1 the manifest is read as YAML 1.2 only`],
    ['a NUL', 'project: p\0\n', `${INVALID}1:11 a control character stands here`],
    ['an escape character', 'version: 1\nproject: \u001b[31m\n', `${INVALID}2:10 a control character stands here`],
    ['an unknown alias', 'project: *p\n', `${INVALID}1:10 an alias (*name) has no anchor (&name) above it`],
    ['an alias inside itself', 'secrets: &s { A: *s }\n', `${INVALID}1:18 an alias (*name) stands inside what it names`],
    ['a key twice', 'project: a\nproject: b\n', `${INVALID}2:1 the key project stands twice`],
    ['a secret twice', 'secrets:\n  SECRET_KEY_NUMBER_1: env://A\n  SECRET_KEY_NUMBER_1: env://A\n', `${INVALID}3:3 a key stands twice`],
    ['a list as key', '? [a]\n: b\n', `${INVALID}1:3 a key must be text`],
    ['a null key', '~: b\n', `${INVALID}1:1 a key must be text`],
    ['__proto__', 'secrets: { __proto__: env://A }\n', `${INVALID}1:12 this key is not usable`],
  ])('%s', async (_, text, ...issues) => {
    expect((await told(text)).toSorted()).toEqual(issues.toSorted());
  });

  it('tells all of them at once', async () => {
    expect(await told('a: "\\q"\nb: "\\w"\n')).toHaveLength(2);
  });

  it('does not tell more than anyone reads', async () => {
    const issues = await issuesOf(`secrets:\n${Array.from({ length: 500 }, (_, index) => `  A${index}: text`).join('\n')}\n`);
    expect(issues).toHaveLength(101);
    expect(issues.at(-1)?.message).toBe('and 400 more mistakes');
  });
});

describe('shape', () => {
  it.each<Row>([
    ['unknown key', 'projct: p\n', `${INVALID}1:1 the key projct is not known here`],
    ['key that may be a secret', 'canary-0123456789: p\n', `${INVALID}1:1 a key is not known here`],
    ['version', 'version: 2\n', `${INVALID}1:10 version must be 1`],
    ['number as project', 'project: 12\n', `${INVALID}1:10 project must be letters, digits, dot, - and _`],
    ['project', 'project: ../x\n', `${INVALID}1:10 project must be letters, digits, dot, - and _`],
    ['section', 'secrets: [A]\n', `${INVALID}1:10 secrets must be a mapping of names`],
    ['pasted value', 'secrets: canary-0123456789\n', `${INVALID}1:10 secrets must be a mapping of names`],
    [
      'empty entry',
      'secrets:\n  A:\n',
      `${INVALID}2:5 A: the entry must be a reference, inherit, or a mapping such as { ref: … } or { value: … }`,
    ],
    [
      'number',
      'secrets: { A: 12 }\n',
      `${INVALID}1:15 A: the entry must be a reference, inherit, or a mapping such as { ref: … } or { value: … }`,
    ],
    [
      'list',
      'secrets: { A: [env://A] }\n',
      `${INVALID}1:15 A: the entry must be a reference, inherit, or a mapping such as { ref: … } or { value: … }`,
    ],
    ['name', 'secrets: { 2A: env://A }\n', `${INVALID}1:12 the name is no environment name: letters, digits and _, not a digit first`],
    [
      'own name in small letters',
      'secrets: { secrets_run: env://A }\n',
      `${INVALID}1:12 secrets_run: the name belongs to a setting of secrets itself`,
    ],
    ['own name', 'secrets: { SECRETS_RUN: env://A }\n', `${INVALID}1:12 SECRETS_RUN: the name belongs to a setting of secrets itself`],
    [
      'wrong type',
      'secrets: { A: { ref: env://A, owner: 12 } }\n',
      `${INVALID}1:38 A: owner must be text on one line, in quotes if it looks like a number`,
    ],
    [
      'control character',
      'secrets: { A: { ref: env://A, contact: "a\\nb" } }\n',
      `${INVALID}1:40 A: contact must be text on one line, in quotes if it looks like a number`,
    ],
    [
      'item',
      'secrets: { A: { ref: env://A, tags: [a, 1] } }\n',
      `${INVALID}1:41 A: tags must be text on one line, in quotes if it looks like a number`,
    ],
    ['no list', 'secrets: { A: { ref: env://A, tags: a } }\n', `${INVALID}1:37 A: tags must be a list of tags, such as [a, b]`],
    [
      'duration',
      'secrets: { A: { ref: env://A, maxAge: 90 days } }\n',
      `${INVALID}1:39 A: maxAge must be a duration such as 90d, 24h, 15m or 1h30m`,
    ],
    ['as', 'secrets: { A: { ref: env://A, as: flie } }\n', `${INVALID}1:35 A: as must be one of env, file, fd, none`],
    ['no reference in a list', 'secrets: { A: { ref: [] } }\n', `${INVALID}1:22 A: ref must be a list of references that is not empty`],
    ['rotate without using', 'secrets: { A: { ref: env://A, rotate: { every: 1d } } }\n', `${INVALID}1:39 A: the key using is missing`],
    [
      'rotator',
      'secrets: { A: { ref: env://A, rotate: { using: genrate } } }\n',
      `${INVALID}1:48 A: using must be one of generate, provider, postgres, exec`,
    ],
    [
      'length',
      'secrets: { A: { ref: env://A, rotate: { using: generate, length: 4 } } }\n',
      `${INVALID}1:66 A: length must be a whole number from 16 to 1024`,
    ],
    [
      'lease',
      'secrets: { A: { ref: env://A, lease: { nearMax: never } } }\n',
      `${INVALID}1:49 A: nearMax must be one of warn, restart, stop`,
    ],
    [
      'provider name',
      'providers: { My_Vault: { use: vault } }\n',
      `${INVALID}1:14 the provider's name must be small letters, digits and -, a letter first`,
    ],
    ['provider', 'providers: { vault: https://x }\n', `${INVALID}1:21 vault must be a mapping such as { use: vault, address: … }`],
    [
      'empty profiles of a provider',
      'providers: { vault: { profiles: [] } }\n',
      `${INVALID}1:33 profiles must be a list of profiles that is not empty`,
    ],
    [
      'mask',
      'mask: { mode: allways, minLength: 0 }\n',
      `${INVALID}1:15 mode must be one of auto, always, never`,
      `${INVALID}1:35 minLength must be a whole number from 1 to 1024`,
    ],
    ['inherit', 'env: { inherit: 1 }\n', `${INVALID}1:17 inherit must be true, false, or a list of names`],
    [
      'policy',
      'policy: { require: [owner, ownr] }\n',
      `${INVALID}1:28 require must be one of owner, contact, runbook, description, maxAge, rotate, consumers, tags`,
    ],
    ['profile', 'profiles: { dev: x }\n', `${INVALID}1:18 dev must be a mapping of keys to values`],
    ['profile name', 'profiles: { "a/b": {} }\n', `${INVALID}1:13 the name of a profile must be letters, digits, dot, - and _`],
    ['key of a profile', 'profiles: { dev: { projekt: p } }\n', `${INVALID}1:20 the key projekt is not known here`],
  ])('%s', async (_, text, ...issues) => {
    const found = await told(text);
    expect(found).toEqual(issues.toSorted());
  });

  it.each([
    ['projct: p\n', 'did you mean project?'],
    ['secrets: { A: { ref: env://A, onwer: x } }\n', 'did you mean owner?'],
    ['secrets: { A: { ref: env://A, as: flie } }\n', 'did you mean file?'],
    ['policy: { require: [ownr] }\n', 'did you mean owner?'],
    ['env: { zzzzzz: 1 }\n', 'known keys: inherit, pass, keep, allowDangerous'],
  ])('%s has a suggestion', async (text, hint) => {
    expect(await hints(text)).toEqual([hint]);
  });
});

describe('meaning', () => {
  const REF = 'REF_INVALID .secretsrc:';
  const UNKNOWN = 'PROVIDER_UNKNOWN .secretsrc:';
  it.each<Row>([
    ['plain text', 'secrets: { A: info }\n', `${REF}1:15 A: this is no reference to a secret`],
    ['path', 'secrets: { A: env://../A }\n', `${REF}1:15 A: '.' and '..' segments are refused in a path`],
    ['unknown provider', 'secrets: { A: vualt://x }\n', `${UNKNOWN}1:15 A: there is no provider vualt`],
    ['address of a database', 'secrets: { A: "postgres://u:canary-01@h/d" }\n', `${UNKNOWN}1:15 A: there is no provider postgres`],
    ['scheme that may be a secret', 'secrets: { A: "k9f8s7d6a5b4c3://x" }\n', `${UNKNOWN}1:15 A: there is no provider of this name`],
    ['provider of a later version', 'secrets: { A: "gcp://p/n" }\n', `${UNKNOWN}1:15 A: the provider gcp is not available in this version`],
    [
      'adapter of a later version',
      'providers: { g: { use: gcp-secret-manager } }\n',
      `${UNKNOWN}1:24 the adapter gcp-secret-manager is not available in this version`,
    ],
    ['npm adapter', 'providers: { g: { use: "npm:x" } }\n', `${UNKNOWN}1:24 adapters from npm packages are not available in this version`],
    ['unknown adapter', 'providers: { vault: { use: vualt } }\n', `${UNKNOWN}1:28 use names no adapter`],
    ['no adapter', 'providers: { mine: { address: x } }\n', `${UNKNOWN}1:14 the provider mine is not built in and says no adapter`],
    ['1Password', 'secrets: { A: "op://v/i/f" }\n', `${REF}1:15 A: this is a reference of 1Password, which is written differently here`],
    ['vals', 'secrets: { A: "ref+vault://x#/y" }\n', `${REF}1:15 A: this is a reference of vals, which is written differently here`],
    [
      'bank-vaults',
      'secrets: { A: "vault:secret/data/x#y" }\n',
      `${REF}1:15 A: this is a reference of Vault (bank-vaults), which is written differently here`,
    ],
    [
      'ARN',
      'secrets: { A: "arn:aws:secretsmanager:eu-west-1:1:secret:x" }\n',
      `${REF}1:15 A: this is a reference of AWS (an ARN alone), which is written differently here`,
    ],
    ['unknown variable', 'secrets: { A: "env://${PROFILE}" }\n', `${REF}1:15 A: a \${…} that does not exist here`],
    ['open variable', 'secrets: { A: "env://${profile" }\n', `${REF}1:15 A: a \${ has no closing }`],
    ['no project', 'secrets: { A: "env://${project}" }\n', `${REF}1:15 A: \${project} is used, but the manifest names no project`],
    ['variable in an option', 'providers: { vault: { address: "https://${HOST}" } }\n', `${REF}1:32 a \${…} that does not exist here`],
    [
      'local without project',
      'secrets: { A: local://a, B: local://b }\n',
      `${INVALID}1:15 A: the local store needs to know whose secrets these are`,
    ],
    ['two sources', 'secrets: { A: { ref: env://A, value: x } }\n', `${INVALID}1:31 A: an entry has one of ref, template and value`],
    ['no source', 'secrets: { A: { owner: x } }\n', `${INVALID}1:12 A: it has no ref, no template and no value`],
    [
      'sensitive value',
      'secrets: { A: { value: x, sensitive: true } }\n',
      `${INVALID}1:38 A: a value written in the manifest is not secret`,
    ],
    [
      'default of a value',
      'secrets: { A: { value: x, default: y } }\n',
      `${INVALID}1:27 A: default needs a ref, and this entry has a value`,
    ],
    [
      'rotate of a template',
      'secrets: { A: { template: x, rotate: { using: provider } } }\n',
      `${INVALID}1:30 A: rotate needs a ref, and this entry has a template`,
    ],
    [
      'key of a rotator',
      'secrets: { A: { ref: env://A, rotate: { using: generate, lenght: 20 } } }\n',
      `${INVALID}1:58 A: the rotator generate has no such key`,
    ],
    ['NUL in a value', 'secrets: { A: { value: "a\\0b" } }\n', `${INVALID}1:24 A: the value holds a NUL character`],
    [
      'profiles of a secret',
      'profiles: { prod: }\nsecrets: { A: { ref: env://A, profiles: [pord] } }\n',
      `${INVALID}2:42 A: there is no profile of this name`,
    ],
    [
      'profiles of a provider',
      'profiles: { prod: }\nproviders: { vault: { profiles: [pord] } }\n',
      `${INVALID}2:34 there is no profile of this name`,
    ],
    [
      'provider outside its profiles',
      'profiles: { prod: }\nproviders: { vault: { profiles: [prod] } }\nsecrets: { A: vault://x }\n',
      `${INVALID}3:15 A: the provider vault may be used in other profiles only`,
    ],
    ['default profile', 'defaultProfile: dve\nprofiles: { dev: }\n', `${INVALID}1:17 defaultProfile names no profile of this manifest`],
    ['inherit without extends', 'secrets: { A: inherit }\n', `${INVALID}1:15 A: inherit needs a file to inherit from`],
  ])('%s', async (_, text, ...issues) => {
    expect(await told(text)).toEqual(issues);
  });

  it('leaves alone what is not in effect', async () => {
    const text = 'profiles: { prod: }\nproviders: { vault: { profiles: [prod] } }\nsecrets: { A: { ref: vault://x, profiles: [prod] } }\n';
    expect(await told(text)).toEqual([]);
    expect(await told(text, 'prod')).toEqual([]);
  });

  it.each([
    ['secrets: { A: vualt://x }\n', 'did you mean vault?'],
    ['secrets: { A: "ref+vault://x" }\n', 'write vault://MOUNT/PATH#FIELD'],
    ['secrets: { A: info }\n', 'write a plain setting as { value: … }; store a secret with: secrets set NAME'],
    ['defaultProfile: dve\nprofiles: { dev: }\n', 'did you mean dev?'],
  ])('%s has a hint', async (text, hint) => {
    expect(await hints(text)).toEqual([hint]);
  });

  it('an unknown profile is a mistake of the command line', async () => {
    const issues = await issuesOf('profiles: { dev: }\n', { profile: 'dve' });
    expect(issues.map((issue) => [issue.code, issue.hint])).toEqual([['USAGE', 'did you mean dev?']]);
  });

  it('carries the owner where a run is refused', async () => {
    const text = 'profiles: { prod: }\nproviders: { vault: { profiles: [prod] } }\nsecrets: { A: { ref: vault://x, owner: ana } }\n';
    expect(await issuesOf(text)).toMatchObject([{ owner: 'ana', provider: 'vault', reference: 'vault://x' }]);
  });

  it('names that differ only in case: a note here, a mistake on Windows', async () => {
    const text = 'secrets: { Path_x: env://A, PATH_X: env://B }\n';
    expect(await told(text)).toEqual([]);
    const issues = await issuesOf(text, { platform: 'win32' });
    expect(issues.map((issue) => issue.message)).toEqual(['it differs from Path_x only in case, and Windows takes both for one']);
  });
});

describe('templates', () => {
  const template = (text: string): string => `secrets:\n  A: env://A\n  T: { template: ${JSON.stringify(text)} }\n`;
  it.each([
    ['${B}', 'the template uses a secret that the manifest does not have'],
    ['${A', 'a ${ in the template has no closing }'],
    ['${}', 'a ${…} in the template holds no name of a secret'],
    ['${A B}', 'a ${…} in the template holds no name of a secret'],
    ['${A|ulr}', 'the template uses a filter that does not exist'],
    ['${A|}', 'the template uses a filter that does not exist'],
    ['${T}', 'the template uses itself'],
  ])('%s', async (text, message) => {
    expect(await told(template(text))).toEqual([`${INVALID}3:18 T: ${message}`]);
  });

  it.each(['', 'text', '$', '$A', '$$', '$${B}', '${A}', '${ A | url | base64 }', '${A}${A|json|shell}', 'a$}'])(
    '%j is fine',
    async (text) => {
      expect(await told(template(text))).toEqual([]);
    },
  );

  it('are taken apart', async () => {
    const { manifest } = await load(template('$$a$${A}$ ${A|url|json}${A}$'));
    expect(manifest.secrets.get('T')?.source).toMatchObject({
      parts: [{ text: '$a${A}$ ' }, { name: 'A', filters: ['url', 'json'] }, { name: 'A', filters: [] }, { text: '$' }],
    });
  });

  it('are as sensitive as their parts, unless they say so themselves', async () => {
    const { manifest } = await load(
      [
        'secrets:',
        '  SECRET: env://A',
        '  PLAIN: { value: a }',
        '  ONE: { template: "${PLAIN}" }',
        '  TWO: { template: "${ONE}${THREE}" }',
        '  THREE: { template: "${SECRET}" }',
        '  SAID: { template: "${THREE}", sensitive: false }',
        '  AFTER: { template: "${SAID}" }',
        '  MADE: { template: text, sensitive: true }',
        '  USES: { template: "${MADE}" }',
      ].join('\n'),
    );
    expect([...manifest.secrets.values()].filter(({ sensitive }) => sensitive).map(({ name }) => name)).toEqual([
      'SECRET',
      'TWO',
      'THREE',
      'MADE',
      'USES',
    ]);
  });

  it('that share their parts many times over are soon checked', async () => {
    const layers = Array.from(
      { length: 40 },
      (_, index) =>
        `  A${index}: { template: "\${A${index + 1}}\${B${index + 1}}" }\n  B${index}: { template: "\${A${index + 1}}\${B${index + 1}}" }`,
    );
    const start = performance.now();
    expect(await told(`secrets:\n${layers.join('\n')}\n  A40: env://A\n  B40: env://B\n`)).toEqual([]);
    expect(performance.now() - start).toBeLessThan(2000);
  });

  it('finds circles', async () => {
    const found = await told(
      'secrets:\n  A: { template: "${B}" }\n  B: { template: "${C}" }\n  C: { template: "${A}${D}" }\n  D: env://D\n',
    );
    expect(found).toEqual([`${INVALID}2:18 A: templates use each other in a circle, C among them`]);
  });

  it('follows a long chain', async () => {
    const chain = Array.from({ length: 5000 }, (_, index) => `  A${index}: { template: "\${A${index + 1}}" }`).join('\n');
    expect(await told(`secrets:\n${chain}\n  A5000: env://A\n`)).toEqual([]);
    expect(await told(`secrets:\n${chain}\n  A5000: { template: "\${A0}" }\n`)).toHaveLength(1);
  });

  it('does not reach into another profile', async () => {
    const text = 'profiles: { prod: }\nsecrets:\n  A: { ref: env://A, profiles: [prod] }\n  T: { template: "${A}" }\n';
    expect(await told(text)).toEqual([`${INVALID}4:18 T: the template uses A, which is limited to other profiles`]);
    expect(await told(text, 'prod')).toEqual([]);
  });
});
