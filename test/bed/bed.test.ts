import { existsSync } from 'node:fs';
import { connect } from 'node:net';
import { describe, expect, it } from 'vitest';
import { startBed } from './bed.ts';
import { bed, describeWith } from './use.ts';

const answers = (port: number): Promise<boolean> =>
  new Promise((resolve) => {
    const socket = connect(port, '127.0.0.1')
      .once('connect', () => {
        socket.destroy();
        resolve(true);
      })
      .once('error', () => resolve(false));
  });

describe('a bed of one test', () => {
  it('starts a server, gives its facts, and leaves nothing behind', async () => {
    const bed = await startBed({ components: ['oidc'] });
    const issuer = bed.components.oidc?.issuer ?? '';
    const port = Number(new URL(issuer).port);
    expect(await answers(port)).toBe(true);
    const minted = await fetch(`${issuer}/mint`, { method: 'POST', body: JSON.stringify({ claims: { sub: 'me' } }) });
    const { token } = (await minted.json()) as { token: string };
    const claims: unknown = JSON.parse(Buffer.from(token.split('.')[1] ?? '', 'base64url').toString());
    expect(claims).toMatchObject({ iss: issuer, sub: 'me' });
    await bed.stop();
    expect(await answers(port)).toBe(false);
    expect(existsSync(bed.file)).toBe(false);
  });

  it('says why a component is not there, and still gives the others', async () => {
    const path = process.env['PATH'];
    process.env['PATH'] = '/nonexistent';
    try {
      const bed = await startBed({ components: ['strace', 'oidc'] });
      await bed.stop();
      expect(bed.skipped.strace).toMatch(/^strace not installed/);
      expect(bed.components.oidc).toBeDefined();
    } finally {
      process.env['PATH'] = path;
    }
  });
});

describeWith(['openbao', 'oidc'], 'the bed of the whole run', ({ openbao, oidc }) => {
  it('has servers that know nothing of each other and answer', async () => {
    const health = await fetch(`${openbao.url}/v1/sys/health`);
    expect(await health.json()).toMatchObject({ initialized: true, sealed: false });
    expect(bed('openbao')).toEqual(openbao);
    const configuration = await fetch(`${oidc.issuer}/.well-known/openid-configuration`);
    expect(await configuration.json()).toMatchObject({ issuer: oidc.issuer });
  });
});
