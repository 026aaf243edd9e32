import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { KeptLookups } from '../../actors/ranker/kept-lookups.js';
import type { FoundRows, SinceOf } from '../../actors/ranker/row-lookups.js';
import { RowChanges } from '../../actors/serving-shard/row-changes.js';
import type { PlanGroups } from '../../actors/shared/partition-map.js';
import { noProgress } from '../../messages/progress-marks.js';

const keyCount = 6;
const freshMs = 250;

/** A shard whose rows are their versions, and a ranker that keeps some. Answers are as of when they were asked for, and come when they are let. */
function setUp() {
  let nowMs = 1_000;
  let lives = 0;
  let through = 0;
  const changes = new RowChanges(() => `life ${++lives}`);
  const versions = new Array<number>(keyCount).fill(1);
  const history: { readonly atMs: number; readonly versions: readonly number[] }[] = [];
  const note = () => history.push({ atMs: nowMs, versions: [...versions] });
  note();
  const held: (() => void)[] = [];
  const asked: number[][] = [];
  let dataCenter = 'east';
  const find = async (
    plan: PlanGroups,
    _deadline: unknown,
    sinceOf?: SinceOf,
  ): Promise<FoundRows> => {
    const keys = Array.from({ length: plan.fids.length / 2 }, (_unused, i) => plan.fids[2 * i]!);
    asked.push(keys);
    const rows = Float32Array.from(keys, (key) => versions[key]!);
    const reply = {
      ...{ rows, through, progress: noProgress, sequence: 0, dataCenter, missing: 0 },
      changed: changes.since(sinceOf!(0)),
    };
    await new Promise<void>((resolve) => held.push(resolve));
    const rerouted = dataCenter !== 'east';
    return {
      rows,
      through: reply.through,
      degraded: false,
      rerouted,
      answers: [{ shard: 0, reply }],
    };
  };
  const kept = new KeptLookups({
    ...{ lookups: { find }, dim: 1, dataCenter: 'east' },
    clock: { nowMs: () => nowMs },
  });
  const ask = async (keys: readonly number[]) => {
    const fids = Uint32Array.from(keys.flatMap((key) => [key, 0]));
    const counts = Uint32Array.of(keys.length);
    const plan = { partitionCount: 1, slotCount: 1, counts, fids };
    return kept.find(plan, { share: () => 100 });
  };
  return {
    ...{ ask, held, asked, versions },
    change: (key: number) => {
      versions[key]!++;
      through++;
      changes.note(Uint32Array.of(key, 0));
      note();
    },
    /** As a process that begins anew with a snapshot. */
    restore: () => changes.noteAll(),
    move: (to: string) => (dataCenter = to),
    pass: (ms: number) => (nowMs += ms),
    nowMs: () => nowMs,
    /** At the latest that is not later. */
    versionsAt: (atMs: number) =>
      (history.findLast((each) => each.atMs <= atMs) ?? history[0]!).versions,
  };
}

const settled = () => new Promise<void>((resolve) => setImmediate(resolve));

async function answerAll(held: (() => void)[]): Promise<void> {
  while (held.length > 0) {
    held.shift()!();
    await settled();
  }
}

describe('rows that a ranker keeps', () => {
  test('are asked for once, and again when they have changed', async () => {
    const { ask, held, asked, change } = setUp();
    const get = async (keys: number[]) => {
      const found = ask(keys);
      await answerAll(held);
      return [...(await found).rows];
    };
    expect(await get([0, 1, 2])).toEqual([1, 1, 1]);
    expect(await get([0, 1, 3])).toEqual([1, 1, 1]);
    expect(asked).toEqual([[0, 1, 2], [3]]);
    change(1);
    // As it was when the shard was heard of, a moment ago; the next one has it.
    expect(await get([0, 1])).toEqual([1, 1]);
    expect(await get([0, 1])).toEqual([1, 2]);
    expect(asked.slice(2)).toEqual([[], [1]]);
  });

  test('are as new as the shard where it was not heard of for a while', async () => {
    const { ask, held, asked, change, pass } = setUp();
    const first = ask([0, 1]);
    await answerAll(held);
    await first;
    change(1);
    pass(freshMs + 1);
    const second = ask([0, 1]);
    await answerAll(held);
    expect(await second).toMatchObject({ rows: Float32Array.of(1, 2), through: 1 });
    expect(asked).toEqual([[0, 1], [], [1]]);
  });

  test('are forgotten where somebody else answers, who says nothing of them', async () => {
    const { ask, held, asked, move } = setUp();
    for (const dataCenter of ['east', 'west', 'west', 'east']) {
      move(dataCenter);
      const found = ask([0]);
      await answerAll(held);
      expect([...(await found).rows]).toEqual([1]);
    }
    expect(asked).toEqual([[0], [], [0], [0]]);
  });

  test('know no more than the oldest of them', async () => {
    const { ask, held, change } = setUp();
    const first = ask([0]);
    await answerAll(held);
    expect((await first).through).toBe(0);
    change(0);
    const second = ask([0, 1]);
    await answerAll(held);
    expect(await second).toMatchObject({ rows: Float32Array.of(1, 1), through: 0 });
  });

  test('are never older than a moment, in whatever order answers come', async () => {
    const key = fc.nat(keyCount - 1);
    const step = fc.oneof(
      fc.record({ change: key }),
      fc.record({ ask: fc.uniqueArray(key, { minLength: 1 }) }),
      fc.record({ answer: fc.nat(5) }),
      fc.record({ pass: fc.constantFrom(10, 100, 300) }),
      fc.record({ restore: fc.constant(true) }),
    );
    await fc.assert(
      fc.asyncProperty(fc.array(step, { maxLength: 50, size: 'max' }), async (steps) => {
        const world = setUp();
        const { ask, held, versions } = world;
        const waiting: Promise<void>[] = [];
        const check = async (keys: readonly number[]): Promise<void> => {
          const oldest = world.versionsAt(world.nowMs() - freshMs);
          const { rows } = await ask(keys);
          keys.forEach((each, i) => expect(rows[i]).toBeGreaterThanOrEqual(oldest[each]!));
        };
        for (const each of steps) {
          if ('change' in each) world.change(each.change);
          else if ('ask' in each) waiting.push(check(each.ask));
          else if ('pass' in each) world.pass(each.pass);
          else if ('restore' in each) world.restore();
          else {
            held.splice(each.answer % Math.max(1, held.length), 1)[0]?.();
            await settled();
          }
        }
        await answerAll(held);
        await Promise.all(waiting);
        const all = Array.from({ length: keyCount }, (_unused, i) => i);
        for (let i = 0; i < 2; i++) {
          const last = ask(all);
          await answerAll(held);
          if (i === 1) expect([...(await last).rows]).toEqual(versions);
          else await last;
        }
      }),
    );
  });
});
