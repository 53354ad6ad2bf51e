import { closeSync, openSync, readFileSync, rmSync, mkdtempSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { PassThrough, Readable } from 'node:stream';
import { afterEach, describe, expect, it } from 'vitest';
import { Forwarder, type Forwarded } from '../../src/mask/forward.ts';
import { Masker, MaskPlan } from '../../src/mask/masker.ts';
import { needlesFor } from '../../src/mask/needles.ts';

const folders: string[] = [];
afterEach(() => {
  for (const folder of folders.splice(0)) rmSync(folder, { recursive: true, force: true });
});

function output(): { fd: number; text: () => string } {
  const folder = mkdtempSync(join(tmpdir(), 'forward-'));
  folders.push(folder);
  const file = join(folder, 'out');
  const fd = openSync(file, 'w');
  return {
    fd,
    text: () => {
      closeSync(fd);
      return readFileSync(file, 'utf8');
    },
  };
}

const masker = (value: string): Masker =>
  new Masker(new MaskPlan(needlesFor([{ name: 'S', bytes: Buffer.from(value) }], { minLength: 6 })));

describe('Forwarder', () => {
  it('forwards everything, masked, and counts', async () => {
    const out = output();
    const forwarder = new Forwarder(
      Readable.from([Buffer.from('a cana'), Buffer.from('ry-0123 b')]),
      masker('canary-0123'),
      out.fd,
      () => undefined,
    );
    expect(await forwarder.finished).toBe('done');
    expect(out.text()).toBe('a *** b');
    expect(forwarder.counts).toEqual(new Map([['S', 1]]));
  });

  it('A32 shows nothing after the masker fails, and says so', async () => {
    const out = output();
    const broken = masker('canary-0123');
    const push = broken.push.bind(broken);
    broken.push = (piece) => {
      if (piece.includes('canary')) throw new Error('canary-0123');
      return push(piece);
    };
    const damage: Forwarded[] = [];
    const source = Readable.from([Buffer.from('before '), Buffer.from('canary-0123'), Buffer.from(' after')]);
    const forwarder = new Forwarder(source, broken, out.fd, (how) => damage.push(how));
    expect(await forwarder.finished).toBe('mask-failed');
    expect(damage).toEqual(['mask-failed']);
    expect(source.destroyed).toBe(true);
    expect(out.text()).toBe('before ');
  });

  it('reads on and drops when the descriptor cannot be written', async () => {
    const full = openSync('/dev/full', 'w');
    const damage: Forwarded[] = [];
    const source = Readable.from([Buffer.from('one'), Buffer.from('two')]);
    const forwarder = new Forwarder(source, masker('canary-0123'), full, (how) => damage.push(how));
    expect(await forwarder.finished).toBe('unwritable');
    expect(damage).toEqual(['unwritable']);
    closeSync(full);
  });

  it('A40 waits for a silent grandchild only a moment after the end of the child', async () => {
    const out = output();
    const source = new PassThrough();
    const forwarder = new Forwarder(source, masker('canary-0123'), out.fd, () => undefined);
    source.write('early');
    forwarder.childEnded();
    expect(await forwarder.finished).toBe('done');
    expect(out.text()).toBe('early');
  });
});
