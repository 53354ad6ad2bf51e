import { describe, expect, it } from 'vitest';
import { findReaders, READER_FILES } from '../../src/cli/env-file-readers.ts';

const readers = (files: Record<string, string>, envFile = '.env'): readonly string[] =>
  findReaders(new Map(Object.entries(files)), envFile).map(({ where, what, verdict }) => `${where}: ${what}: ${verdict}`);

describe('findReaders', () => {
  it('names npm packages and scripts', () => {
    const text = JSON.stringify({
      scripts: { start: 'node --env-file=.env .', test: 'node --env-file=.env.test .', maybe: 'node --env-file-if-exists=.env .' },
      dependencies: { dotenv: '1', express: '1' },
      devDependencies: { 'env-cmd': '1', vite: '1' },
    });
    expect(readers({ 'package.json': text })).toEqual([
      'package.json: dotenv: goes-on',
      'package.json: env-cmd: change',
      'package.json: vite: goes-on',
      'package.json, script start: --env-file: change',
    ]);
  });

  it.each([
    ['compose.yaml', 'services:\n  api:\n    env_file:\n      - .env\n', 'docker compose, env_file: change'],
    ['docker-compose.yml', 'services:\n  api:\n    env_file: .env\n', 'docker compose, env_file: change'],
    ['Dockerfile', 'FROM x\nCOPY package.json .env ./\n', 'image build: change'],
    ['Makefile', 'include .env\n', 'make, include: change'],
    ['.envrc', 'dotenv\n', 'direnv: change'],
    ['requirements.txt', 'flask\npython-dotenv==1.0\n', 'a Python loader: goes-on'],
    ['go.mod', 'require github.com/joho/godotenv v1.5.1\n', 'godotenv: look'],
    ['composer.json', '{"require":{"laravel/framework":"^11"}}', 'Laravel: goes-on'],
    ['bun.lock', '', 'Bun: goes-on'],
  ])('%s', (file, text, expected) => {
    expect(readers({ [file]: text })).toContain(`${file}: ${expected}`);
  });

  it.each([
    ['compose.yaml', 'services:\n  api:\n    env_file: .env.production\n'],
    ['Dockerfile', 'FROM x\nCOPY .env.example ./\n'],
    ['Makefile', '-include .env\n'],
    ['.envrc', 'dotenv_if_exists\n'],
    ['package.json', 'not JSON'],
    ['package.json', '[1]'],
  ])('finds nothing in %s that only looks like it', (file, text) => {
    expect(readers({ [file]: text })).toEqual([]);
  });

  it('says what to do about everything that does not go on by itself', () => {
    const everything = new Map(READER_FILES.map((file) => [file, 'env_file: .env\ninclude .env\nCOPY .env .\ndotenv\n"envFile"\n']));
    for (const { verdict, advice } of findReaders(everything, '.env')) expect(advice === undefined).toBe(verdict === 'goes-on');
  });
});
