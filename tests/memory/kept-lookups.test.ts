import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { runs } from '../../core/base/runs.testkit.js';
import { KeptLookups } from '../../actors/ranker/kept-lookups.js';
import type { FoundRows, ShardAnswer, SinceOf } from '../../actors/ranker/row-lookups.js';
import { RowChanges } from '../../actors/serving-shard/row-changes.js';
import { scatterShare, splitEvenly, type PlanGroups } from '../../actors/shared/partition-map.js';
import { noProgress } from '../../messages/progress-marks.js';

const keyCount = 6;
const freshMs = 250;
const quietMs = 50;

/** The next thing that happens to a request: it is there, or its answer is. False: it is lost. */
type Held = (arrives?: boolean) => void;

interface Plan {
  readonly shardCount?: number;
  readonly rowsMax?: number;
}

/**
 * Shards whose rows are their versions, and a ranker that keeps some. Each share of a request reaches its shard when it is let, which answers as of then, and
 * the answer comes when it is let.
 */
function setUp({ shardCount = 1, rowsMax = keyCount }: Plan = {}) {
  let nowMs = 1_000;
  let lives = 0;
  const newId = () => `life ${++lives}`;
  const shards = Array.from({ length: shardCount }, () => ({
    east: new RowChanges(newId),
    west: new RowChanges(newId),
  }));
  const versions = new Array<number>(keyCount).fill(1);
  /** One for each change, so that as many are known through the one at that place. */
  const history = [{ atMs: nowMs, versions: [...versions] }];
  const held: Held[] = [];
  const asked: number[][] = [];
  let dataCenter: 'east' | 'west' = 'east';
  const turn = () => new Promise<boolean>((resolve) => held.push((is = true) => resolve(is)));
  const keysOf = (fids: Uint32Array) =>
    Array.from({ length: fids.length / 2 }, (_unused, i) => fids[2 * i]!);
  const find = async (
    plan: PlanGroups,
    _deadline: unknown,
    sinceOf?: SinceOf,
  ): Promise<FoundRows> => {
    asked.push(keysOf(plan.fids));
    const rows = new Float32Array(plan.fids.length / 2);
    const answers: ShardAnswer[] = [];
    let degraded = false;
    const ask = async (share: ShardAnswer['share']): Promise<void> => {
      const since = sinceOf!(share.shard);
      if (!(await turn())) return void (degraded = true);
      const reply = {
        ...{ rows: Float32Array.from(keysOf(share.fids), (key) => versions[key]!) },
        ...{ through: history.length - 1, progress: noProgress, sequence: 0, missing: 0 },
        ...{ dataCenter, changed: shards[share.shard]![dataCenter].since(since) },
      };
      if (!(await turn())) return void (degraded = true);
      scatterShare(share, reply.rows, rows, 1);
      answers.push({ share, since, reply });
    };
    await Promise.all(splitEvenly(plan, { shardCount, rowsMax }).map(ask));
    const through = Math.min(...answers.map(({ reply }) => reply.through));
    const rerouted = answers.some(({ reply }) => reply.dataCenter !== 'east');
    return { rows, through, degraded, rerouted, answers };
  };
  const kept = new KeptLookups({
    ...{ lookups: { find }, dim: 1, dataCenter: 'east', shardCount },
    clock: { nowMs: () => nowMs },
  });
  /** @param keys ascending; each is the partition that it is in. */
  const ask = async (keys: readonly number[]) => {
    const fids = Uint32Array.from(keys.flatMap((key) => [key, 0]));
    const counts = new Uint32Array(keyCount);
    for (const key of keys) counts[key] = 1;
    const plan = { partitionCount: keyCount, slotCount: 1, counts, fids };
    return kept.find(plan, { share: () => 100 });
  };
  return {
    ...{ ask, held, asked, versions },
    change: (key: number) => {
      versions[key]!++;
      history.push({ atMs: nowMs, versions: [...versions] });
      for (const changes of Object.values(shards[key % shardCount]!))
        changes.note(Uint32Array.of(key, 0));
    },
    /** As a process that begins anew with a snapshot. */
    restore: (shard: number) => shards[shard % shardCount]!.east.noteAll(),
    /** Where the answers come from. */
    move: (to: 'east' | 'west') => (dataCenter = to),
    pass: (ms: number) => (nowMs += ms),
    nowMs: () => nowMs,
    /** At the latest that is not later. */
    versionsAt: (atMs: number) =>
      (history.findLast((each) => each.atMs <= atMs) ?? history[0]!).versions,
    versionsThrough: (through: number) => history[Math.min(through, history.length - 1)]!.versions,
  };
}

const settled = () => new Promise<void>((resolve) => setImmediate(resolve));

async function answerAll(held: Held[]): Promise<void> {
  while (held.length > 0) {
    held.shift()!();
    await settled();
  }
}

describe('rows that a ranker keeps', () => {
  test('are asked for once, and again when they have changed', async () => {
    const { ask, held, asked, change, pass } = setUp();
    const get = async (keys: number[], afterMs = 0) => {
      pass(afterMs);
      const found = ask(keys);
      await answerAll(held);
      return [...(await found).rows];
    };
    expect(await get([0, 1, 2])).toEqual([1, 1, 1]);
    expect(await get([0, 1, 3])).toEqual([1, 1, 1]);
    expect(asked).toEqual([[0, 1, 2], [3]]);
    change(1);
    // The shard was heard of just now, and nothing is missing: nobody is asked.
    expect(await get([0, 1])).toEqual([1, 1]);
    expect(asked.slice(2)).toEqual([]);
    // As it was when the shard was heard of, a moment ago; the next one has it.
    expect(await get([0, 1], quietMs + 1)).toEqual([1, 1]);
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
    const { ask, held, asked, move, pass } = setUp();
    for (const dataCenter of ['east', 'west', 'west', 'east'] as const) {
      pass(quietMs + 1);
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

  test('are those of the newest answer of a shard that answers several times', async () => {
    const { ask, held, asked, change } = setUp({ rowsMax: 1 });
    const answered = async (count: number): Promise<void> => {
      for (let i = 0; i < count; i++) {
        held.shift()!();
        await settled();
      }
    };
    const first = ask([0]);
    await answerAll(held);
    await first;
    const second = ask([1, 2]);
    expect(held).toHaveLength(4);
    // That of 1 is as of before the change, and all others as of after it.
    held.unshift(...held.splice(1, 1));
    await answered(1);
    change(1);
    await answerAll(held);
    expect([...(await second).rows]).toEqual([1, 1]);
    const third = ask([0, 1, 2]);
    await answerAll(held);
    expect([...(await third).rows]).toEqual([1, 2, 1]);
    expect(asked.slice(2)).toEqual([[1]]);
  });

  test('are forgotten where what changed meanwhile was told to nobody', async () => {
    const { ask, held, change, move, pass } = setUp();
    const first = ask([0]);
    await answerAll(held);
    await first;
    pass(quietMs + 1);
    // It is answered now, and heard of late.
    const late = ask([0, 1]);
    held.shift()!();
    await settled();
    const arrive = held.shift()!;
    change(1);
    const news = ask([0]);
    await answerAll(held);
    await news;
    pass(quietMs + 1);
    const next = ask([0]);
    const [reach] = held.splice(0);
    move('west');
    const elsewhere = ask([2]);
    await answerAll(held);
    await elsewhere;
    move('east');
    arrive();
    expect([...(await late).rows]).toEqual([1, 1]);
    // It says what changed after that of 1.
    reach!();
    await settled();
    await answerAll(held);
    await next;
    const last = ask([0, 1]);
    await answerAll(held);
    expect([...(await last).rows]).toEqual([1, 2]);
  });

  test('are used where nobody answers who is asked again', async () => {
    const { ask, held, change, pass } = setUp({ shardCount: 2 });
    const first = ask([0, 1]);
    await answerAll(held);
    await first;
    change(0);
    pass(freshMs + 1);
    const second = ask([0, 1, 2]);
    // Both answer the first time, and then that of 0 and 2 does not.
    for (let i = 0; i < 4; i++) {
      held.shift()!();
      await settled();
    }
    expect(held).toHaveLength(2);
    held.shift()!(false);
    await answerAll(held);
    const { rows, ...rest } = await second;
    expect([...rows]).toEqual([1, 1, 1]);
    expect(rest).toMatchObject({ degraded: true, through: 0 });
  });

  test('are never older than a moment, in whatever order answers come', async () => {
    // Few, so that what is asked, changed and kept is mostly the same.
    const key = fc.nat(2);
    const keys = fc.uniqueArray(key, { minLength: 1 });
    const from = fc.constantFrom('east' as const, 'west' as const);
    const step = fc.oneof(
      { weight: 6, arbitrary: fc.record({ change: key }) },
      { weight: 4, arbitrary: fc.record({ ask: keys }) },
      { weight: 4, arbitrary: fc.record({ reach: keys }) },
      { weight: 6, arbitrary: fc.record({ let: fc.nat(9) }) },
      { weight: 4, arbitrary: fc.record({ overtake: keys, from }) },
      fc.record({ pass: fc.constantFrom(10, 100, 300) }),
      fc.record({ lose: fc.nat(9) }),
      fc.record({ restore: fc.nat(1) }),
    );
    const shape = fc.record({ shardCount: fc.integer({ min: 1, max: 2 }), rowsMax: fc.constantFrom(1, 2, 9) }); // prettier-ignore
    const lists = fc.array(step, { maxLength: 30, size: 'max' });
    await fc.assert(
      fc.asyncProperty(shape, lists, async (plan, steps) => {
        const world = setUp(plan);
        const { ask, held, versions } = world;
        const waiting: Promise<void>[] = [];
        const check = async (keys: readonly number[]): Promise<void> => {
          const oldest = world.versionsAt(world.nowMs() - freshMs);
          const { rows, through, degraded } = await ask(keys);
          const known = world.versionsThrough(through);
          // Thrown, as an expectation of each row takes longer than to look it up.
          keys.forEach((each, i) => {
            if (degraded && rows[i] === 0) return;
            const wanted = degraded ? known[each]! : Math.max(known[each]!, oldest[each]!);
            if (!(rows[i]! >= wanted)) throw new Error(`row ${each} is ${rows[i]}, not ${wanted}`);
          });
        };
        const next = async (at: number, arrives: boolean): Promise<void> => {
          held.splice(at % Math.max(1, held.length), 1)[0]?.(arrives);
          await settled();
        };
        for (const each of steps) {
          if ('change' in each) world.change(each.change);
          else if ('ask' in each) waiting.push(check([...each.ask].sort()));
          else if ('pass' in each) world.pass(each.pass);
          else if ('restore' in each) world.restore(each.restore);
          else if ('reach' in each) {
            // What it finds is known, and comes when it is let.
            const before = held.length;
            waiting.push(check([...each.reach].sort()));
            for (let n = held.length - before; n > 0; n--) await next(before, true);
          } else if ('overtake' in each) {
            const before = held.length;
            world.move(each.from);
            waiting.push(check([...each.overtake].sort()));
            while (held.length > before) await next(held.length - 1, true);
            world.move('east');
          } else if ('let' in each) await next(each.let, true);
          else await next(each.lose, false);
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
      { numRuns: runs(300) },
    );
  });
});
