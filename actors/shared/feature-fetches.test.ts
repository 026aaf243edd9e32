import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { ManualClock } from '../../core/base/manual-clock.testkit.js';
import { FeatureFetches, type Ids } from './feature-fetches.js';

interface Asked {
  readonly ids: Ids;
  readonly answer: (isThere: boolean) => void;
  readonly fail: (error: Error) => void;
}

function setUp() {
  const clock = new ManualClock();
  const asked: Asked[] = [];
  const fetches = new FeatureFetches({
    ...{ clock, msMax: 4_000 },
    fetch: (ids) =>
      new Promise((resolve, reject) => asked.push({ ids, answer: resolve, fail: reject })),
  });
  const many = (count: number) => Array.from({ length: count }, (_unused, i) => `i${i}`);
  return { clock, asked, fetches, many };
}

/** What was settled before has been heard of. */
const settled = () => new Promise<void>((resolve) => setImmediate(resolve));

describe('features on their way', () => {
  test('go on when who began them waits no more, and whoever asks next joins them', async () => {
    const { clock, asked, fetches, many } = setUp();
    const first = fetches.get({ users: ['u'], items: many(600) }, 250);
    expect(asked.map(({ ids }) => [ids.users.length, ids.items.length])).toEqual([
      ...[
        [1, 255],
        [0, 256],
        [0, 89],
      ],
    ]);
    await clock.advance(250);
    expect(await first).toBe(false);
    const second = fetches.get({ users: ['u'], items: many(601) }, 250);
    expect(asked.slice(3).map(({ ids }) => ids.items)).toEqual([['i600']]);
    for (const { answer } of asked) answer(true);
    expect(await second).toBe(true);
    void fetches.get({ users: [], items: ['i0'] }, 250);
    expect(asked).toHaveLength(5);
  });

  test('whose answer is lost are asked for again by a time of their own', async () => {
    const { clock, asked, fetches } = setUp();
    const ask = async () => {
      const found = fetches.get({ users: ['u'], items: [] }, 250);
      await clock.advance(250);
      return found;
    };
    expect(await ask()).toBe(false);
    expect(await ask()).toBe(false);
    expect(asked).toHaveLength(1);
    await clock.advance(3_500);
    await settled();
    const third = fetches.get({ users: ['u'], items: [] }, 250);
    expect(asked).toHaveLength(2);
    // It was given up, and says nothing to anybody any more.
    asked[0]!.answer(true);
    asked[1]!.answer(true);
    expect(await third).toBe(true);
  });

  test('are not joined by who asks after a change', async () => {
    const { asked, fetches } = setUp();
    const before = fetches.get({ users: ['u'], items: [] }, 250);
    fetches.changed('user', 'u');
    const after = fetches.get({ users: ['u'], items: [] }, 250);
    expect(asked).toHaveLength(2);
    // The first to end does not end the second.
    asked[0]!.answer(true);
    expect(await before).toBe(true);
    await settled();
    const joining = fetches.get({ users: ['u'], items: [] }, 250);
    expect(asked).toHaveLength(2);
    asked[1]!.answer(true);
    expect([await after, await joining]).toEqual([true, true]);
  });

  test('that fail do so for all who wait, and for nobody who does not', async () => {
    const { clock, asked, fetches } = setUp();
    const waiting = [1, 2].map(() => fetches.get({ users: ['u'], items: [] }, 250));
    asked[0]!.fail(new Error('wrong'));
    for (const each of waiting) await expect(each).rejects.toThrow('wrong');
    fetches.refresh({ users: [], items: ['i'] });
    await clock.advance(50);
    asked[1]!.fail(new Error('wrong'));
    await settled();
  });

  test('are no more than a store can be asked for at once', async () => {
    const { asked, fetches, many } = setUp();
    const found = fetches.get({ users: [], items: many(256 * 20) }, 250);
    expect(asked).toHaveLength(16);
    for (const { answer } of asked) answer(true);
    // Some were not asked for; who comes next does.
    expect(await found).toBe(false);
    void fetches.get({ users: [], items: many(256 * 20).slice(256 * 16) }, 250);
    expect(asked).toHaveLength(20);
  });

  test('of many people at once are all asked for, though each is a piece', async () => {
    const { asked, fetches } = setUp();
    const found = Array.from({ length: 200 }, (_unused, i) =>
      fetches.get({ users: [`u${i}`], items: [] }, 250),
    );
    expect(asked).toHaveLength(200);
    for (const { answer } of asked) answer(true);
    expect(new Set(await Promise.all(found))).toEqual(new Set([true]));
  });

  test('behind are those of many requests at once', async () => {
    const { clock, asked, fetches } = setUp();
    for (const id of ['a', 'b', 'a']) fetches.refresh({ users: [], items: [id] });
    expect(asked).toHaveLength(0);
    await clock.advance(50);
    expect(asked.map(({ ids }) => ids.items)).toEqual([['a', 'b']]);
    fetches.refresh({ users: [], items: ['a', 'c'] });
    await clock.advance(50);
    expect(asked.slice(1).map(({ ids }) => ids.items)).toEqual([['c']]);
  });

  test('never keep anybody waiting, and are all asked for in the end, whatever is lost or late', async () => {
    const step = fc.oneof(
      fc.record({ get: fc.uniqueArray(fc.nat(5), { minLength: 1 }), ms: fc.integer({ min: 1, max: 300 }) }), // prettier-ignore
      fc.record({ refresh: fc.nat(5) }),
      fc.record({ changed: fc.nat(5) }),
      fc.record({ answer: fc.nat(20), how: fc.constantFrom('there', 'nobody', 'fails') }),
      fc.record({ pass: fc.integer({ min: 1, max: 3_000 }) }),
    );
    await fc.assert(
      fc.asyncProperty(fc.array(step, { maxLength: 40, size: 'max' }), async (steps) => {
        const { clock, asked, fetches } = setUp();
        let waiting = 0;
        for (const each of steps) {
          if ('get' in each) {
            waiting++;
            const done = () => void waiting--;
            const items = each.get.map((i) => `i${i}`);
            fetches.get({ users: [], items }, each.ms).then(done, done);
          } else if ('refresh' in each) fetches.refresh({ users: [], items: [`i${each.refresh}`] });
          else if ('changed' in each) fetches.changed('item', `i${each.changed}`);
          else if ('pass' in each) await clock.advance(each.pass);
          else if (each.how === 'fails') asked[each.answer]?.fail(new Error('wrong'));
          else asked[each.answer]?.answer(each.how === 'there');
        }
        // What is behind begins, and ends.
        await clock.advance(50);
        await clock.advance(4_000);
        await settled();
        expect(waiting).toBe(0);
        const before = asked.length;
        void fetches.get({ users: [], items: ['i0', 'i1', 'i2', 'i3', 'i4', 'i5'] }, 1);
        expect(asked.slice(before).map(({ ids }) => ids.items.length)).toEqual([6]);
      }),
    );
  });
});
