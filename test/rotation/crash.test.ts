/** The state machine under a model of crashes and lost answers at every request. */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { Fault } from '../../src/core/fault.ts';
import { World, type Trouble } from './world.ts';

const TROUBLES: readonly Trouble[] = ['fail', 'lost', 'kill', 'kill-after'];
/** More requests than a rotation sends. */
const REQUESTS = 16;

const troubles = fc.dictionary(fc.integer({ min: 0, max: REQUESTS }).map(String), fc.constantFrom(...TROUBLES), { maxKeys: 3 });
const asMap = (all: Readonly<Record<string, Trouble>>): ReadonlyMap<number, Trouble> =>
  new Map(Object.entries(all).map(([at, trouble]) => [Number(at), trouble]));

async function inWorld(work: (world: World) => Promise<void>): Promise<void> {
  const world = new World();
  try {
    await work(world);
  } finally {
    world.remove();
  }
}

/** Rotates in a process that may be killed. */
async function attempt(world: World, resume: boolean, trouble: ReadonlyMap<number, Trouble>): Promise<Fault | undefined> {
  world.revive(trouble);
  try {
    await world.engine().rotate(world.job(), resume);
    return undefined;
  } catch (error) {
    if (error instanceof Fault) return error;
    throw error;
  } finally {
    world.meanwhile = () => undefined;
  }
}

/** What a rotation asks for when nothing goes wrong. */
async function callsOfOne(): Promise<readonly string[]> {
  let calls: readonly string[] = [];
  await inWorld(async (world) => {
    await attempt(world, false, new Map());
    calls = world.calls;
  });
  return calls;
}

describe('a rotation with a target', () => {
  it('A18 A19 keeps a stored value that opens the target, whatever fails, and is finished by one resume', async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(troubles, { minLength: 1, maxLength: 3 }), async (tries) =>
        inWorld(async (world) => {
          for (const [index, trouble] of tries.entries()) {
            await attempt(world, index > 0, asMap(trouble));
            expect(world.isOpen).toBe(true);
            expect(world.versions.slice(0, -1)).not.toContain(world.pending?.value);
          }
          const began = world.made > 0 || world.steps.length > 0;
          expect(await attempt(world, true, new Map())).toBeUndefined();
          expect(world.pending).toBeUndefined();
          expect(world.opens).toBe(world.current);
          if (began) expect(world.versions).toHaveLength(2);
          const before = JSON.stringify([world.versions, world.opens, world.made]);
          expect(await attempt(world, true, new Map())).toBeUndefined();
          expect(JSON.stringify([world.versions, world.opens, world.made])).toBe(before);
          expect(world.calls).not.toContain('apply');
        }),
      ),
      { numRuns: 120 },
    );
  });

  it('A18 is killed at each request in turn, before and after it was carried out', async () => {
    await inWorld(async (whole) => {
      expect(await attempt(whole, false, new Map())).toBeUndefined();
      const count = whole.calls.length;
      expect(count).toBeGreaterThan(5);
      for (let at = 0; at < count; at++) {
        for (const trouble of ['kill', 'kill-after'] as const) {
          await inWorld(async (world) => {
            const fault = await attempt(world, false, new Map([[at, trouble]]));
            expect(world.isOpen).toBe(true);
            if (fault !== undefined && world.pending !== undefined) expect(fault.detail.hint).toContain('--resume');
            expect(await attempt(world, true, new Map())).toBeUndefined();
            expect([world.opens, world.pending]).toEqual([world.current, undefined]);
            expect(world.made).toBeLessThanOrEqual(whole.calls[at] === 'create' && trouble === 'kill' ? 2 : 1);
            await attempt(world, true, new Map());
            expect(world.versions.length).toBeLessThanOrEqual(2);
          });
        }
      }
    });
  });

  it('A19 makes no second value when the answer of any request is lost', async () => {
    await inWorld(async (whole) => {
      await attempt(whole, false, new Map());
      for (let at = 0; at < whole.calls.length; at++) {
        await inWorld(async (world) => {
          const fault = await attempt(world, false, new Map([[at, 'lost']]));
          const call = whole.calls[at] ?? '';
          expect(world.made).toBeLessThanOrEqual(1);
          expect(world.isOpen).toBe(true);
          // What changes something is asked after and gone on with; a read that fails ends it for now.
          if (['create', 'apply', 'promote'].includes(call)) {
            expect([fault, world.current, world.opens]).toEqual([undefined, 'made-1', 'made-1']);
          }
        });
      }
    });
  });

  it('A21 leaves everything as it was where the target refuses the value, with the new one kept and labelled', async () => {
    await inWorld(async (world) => {
      world.target = 'refuses';
      const fault = await attempt(world, false, new Map());
      expect(fault?.code).toBe('DENIED');
      expect(fault?.detail.message).toContain('still works');
      expect([world.current, world.opens, world.pending?.value]).toEqual(['first', 'first', 'made-1']);
      expect(world.entries.at(-1)).toMatchObject({ event: 'rotate.applied', result: 'denied' });
      world.target = 'takes';
      expect(await attempt(world, true, new Map())).toBeUndefined();
      expect([world.current, world.opens, world.made]).toEqual(['made-1', 'made-1', 1]);
    });
  });

  it('A21 puts the former value back where the new one does not open the target', async () => {
    await inWorld(async (world) => {
      world.target = 'forgets';
      const fault = await attempt(world, false, new Map());
      expect(fault?.detail.message).toContain('still works');
      expect([world.current, world.opens, world.pending?.value]).toEqual(['first', 'first', 'made-1']);
    });
  });

  it('changes nothing where neither value opens the target, and says which there are', async () => {
    await inWorld(async (world) => {
      world.opens = 'lost long ago';
      world.target = 'refuses';
      const fault = await attempt(world, false, new Map());
      expect(fault?.detail.message).toContain('accepts neither');
      expect(fault?.detail.message).toContain('version 1');
      expect([world.versions, world.opens, world.pending?.value]).toEqual([['first'], 'lost long ago', 'made-1']);
    });
  });

  it('A20 lets one of two win and tells the other', async () => {
    await inWorld(async (world) => {
      let other: Promise<unknown> | undefined;
      world.meanwhile = (call) => {
        if (call !== 'apply' || other !== undefined) return;
        // Another machine: it has no journal and no lock in common with this one.
        other = world.engine(undefined).rotate(world.job(), false);
        other.catch(() => undefined);
      };
      expect(await attempt(world, false, new Map())).toBeUndefined();
      await expect(other).rejects.toMatchObject({ kind: 'conflict' });
      expect([world.versions, world.opens]).toEqual([['first', 'made-1'], 'made-1']);
    });
  });

  it('A20 refuses a second process of this machine by its lock', async () => {
    await inWorld(async (world) => {
      let other: Promise<unknown> | undefined;
      world.meanwhile = (call) => {
        if (call !== 'apply' || other !== undefined) return;
        other = world.engine().rotate(world.job(), true);
        other.catch(() => undefined);
      };
      const first = attempt(world, false, new Map());
      await first;
      await expect(other).rejects.toMatchObject({ kind: 'conflict' });
    });
  });

  it('A20 does not overwrite what somebody stored during the rotation, and abort makes that work again', async () => {
    await inWorld(async (world) => {
      world.meanwhile = (call) => {
        if (call === 'promote' && world.versions.length === 1) world.write('by hand');
      };
      const fault = await attempt(world, false, new Map());
      expect(fault).toMatchObject({ kind: 'conflict' });
      expect(fault?.detail.hint).toContain('--abort');
      expect([world.current, world.pending?.value, world.opens]).toEqual(['by hand', 'made-1', 'made-1']);
      await world.engine().abort(world.job());
      expect([world.current, world.pending, world.opens]).toEqual(['by hand', undefined, 'by hand']);
    });
  });

  it('A20 goes on where only another field of the document was changed', async () => {
    await inWorld(async (world) => {
      world.meanwhile = (call) => {
        if (call === 'promote' && world.versions.length === 1) world.write('first');
      };
      expect(await attempt(world, false, new Map())).toBeUndefined();
      expect(world.versions).toEqual(['first', 'first', 'made-1']);
    });
  });

  it('asks a target that has heard of the value before it is told again', async () => {
    const calls = await callsOfOne();
    await inWorld(async (world) => {
      await attempt(world, false, new Map([[calls.indexOf('apply'), 'kill-after']]));
      expect(world.opens).toBe('made-1');
      expect(await attempt(world, true, new Map())).toBeUndefined();
      expect(world.calls).not.toContain('apply');
      expect(world.current).toBe('made-1');
    });
  });

  it('does not take the pending value away while it is the only one that opens the target', async () => {
    await inWorld(async (world) => {
      const calls = await callsOfOne();
      await attempt(world, false, new Map([[calls.indexOf('apply'), 'kill-after']]));
      expect([world.opens, world.pending?.value]).toEqual(['made-1', 'made-1']);
      world.revive();
      world.target = 'refuses';
      await expect(world.engine().abort(world.job())).rejects.toMatchObject({ kind: 'denied' });
      expect(world.pending?.value).toBe('made-1');
      world.target = 'takes';
      await world.engine().abort(world.job());
      expect([world.opens, world.current, world.pending]).toEqual(['first', 'first', undefined]);
    });
  });

  it('leaves the pending value of another tool alone', async () => {
    await inWorld(async (world) => {
      world.pending = { value: 'of another', rotation: undefined, base: '1' };
      for (const resume of [false, true]) expect(await attempt(world, resume, new Map())).toMatchObject({ kind: 'conflict' });
      await expect(world.engine().abort(world.job())).rejects.toMatchObject({ kind: 'conflict' });
      expect([world.pending.value, world.opens, world.made]).toEqual(['of another', 'first', 0]);
    });
  });

  it('is gone on with by another machine, which has no journal', async () => {
    await inWorld(async (world) => {
      await attempt(world, false, new Map([[6, 'kill']]));
      expect(world.pending).toBeDefined();
      world.revive();
      expect(await world.engine(undefined).rotate(world.job(), true)).toMatchObject({ state: 'rotated', from: '1' });
      expect([world.current, world.opens, world.made]).toEqual(['made-1', 'made-1', 1]);
    });
  });

  it('ends the former value at once with a grace of 0, else when its time has come', async () => {
    await inWorld(async (world) => {
      await world.engine().rotate(world.job({ grace: 0 }), false);
      expect([world.retired, world.states.get('1')]).toEqual([1, 'disabled']);
      expect(world.steps.at(-1)).toBe('retired');
      const result = await world.engine().rotate(world.job(), false);
      expect(world.retired).toBe(1);
      expect(result.retireAt).toBeInstanceOf(Date);
    });
  });
});

describe('a value that opens nothing', () => {
  it('A18 A19 is written once, whatever fails', async () => {
    await fc.assert(
      fc.asyncProperty(troubles, async (trouble) =>
        inWorld(async (world) => {
          world.revive(asMap(trouble));
          const result = await world
            .engine()
            .rotate(world.direct(), false)
            .catch((error: unknown) => error);
          world.revive();
          await world.engine().rotate(world.direct(), true);
          expect(world.puts).toBeLessThanOrEqual(1);
          if (!(result instanceof Fault)) expect(world.puts).toBe(1);
          const puts = world.puts;
          await world.engine().rotate(world.direct(), true);
          expect(world.puts).toBe(puts);
        }),
      ),
      { numRuns: 100 },
    );
  });

  it('A19 is known to be written where the answer is lost', async () => {
    await inWorld(async (world) => {
      const whole = await world.engine().rotate(world.direct(), false);
      const at = world.calls.indexOf('put');
      world.revive(new Map([[at, 'lost']]));
      expect(await world.engine().rotate(world.direct(), false)).toMatchObject({ state: 'rotated', version: '3', from: whole.version });
      expect(world.puts).toBe(2);
    });
  });

  it('A20 is not written over what somebody stored meanwhile', async () => {
    await inWorld(async (world) => {
      world.meanwhile = (call) => {
        if (call === 'put' && world.versions.length === 1) world.write('by hand');
      };
      await expect(world.engine().rotate(world.direct(), false)).rejects.toMatchObject({ kind: 'conflict' });
      expect(world.versions).toEqual(['first', 'by hand']);
    });
  });

  it('reads no value', async () => {
    await inWorld(async (world) => {
      await world.engine().rotate(world.direct(), false);
      expect(world.reads).toBe(0);
    });
  });

  it('is rotated by its backend and watched until the new version is there', async () => {
    await inWorld(async (world) => {
      expect(await world.engine().rotate(world.direct({ using: 'provider' }), false)).toMatchObject({ version: '2', from: '1' });
      world.revive(new Map([[1, 'lost']]));
      expect(await world.engine().rotate(world.direct({ using: 'provider' }), false)).toMatchObject({ version: '3', from: '2' });
    });
  });
});
