import { beforeEach, describe, expect, test } from '@jest/globals';
import type { Activity } from '../../core/base/activity.js';
import { StarlingError } from '../../core/base/errors.js';
import { systemClock } from '../../runtime/system.js';
import type { ActivityStore, ActivityWrite } from '../../runtime/stores/activity-store.js';
import { ActivityKeeper } from './activity-keeper.js';

const turn = () => new Promise<void>((resolve) => setTimeout(resolve, 5));

let folded: string[];
let unstored: Set<string>;
let settled: boolean[];
let writes: { readonly keys: string[]; readonly sequence: number; readonly taken: unknown }[];
let told: number[];
let errors: unknown[];
let failures: number;
let keeper: ActivityKeeper;

function open(
  code: 'STORAGE_FULL' | 'CORRUPT' = 'STORAGE_FULL',
  place = { sequence: 0, taken: {} },
) {
  const store: Pick<ActivityStore, 'place' | 'write' | 'reset'> = {
    place,
    write: async (what: () => ActivityWrite) => {
      const { states, sequence, taken } = what();
      await turn();
      if (failures-- > 0) throw new StarlingError(code, 'as told');
      writes.push({ keys: [...states.keys()], sequence, taken });
    },
    reset: async () => void writes.push({ keys: ['reset'], sequence: 0, taken: {} }),
  };
  const book = {
    take: (activity: Activity) => {
      if (activity.kind !== 'shown') return;
      folded.push(activity.item);
      unstored.add(activity.item);
    },
    takeChanged: () => ({ user: new Set<string>(), item: new Set<string>() }),
    takeUnstored: () => new Map([...unstored].map((key) => [key, undefined])),
    settle: (isStored: boolean) => {
      settled.push(isStored);
      if (isStored) unstored.clear();
    },
    forgetAll: () => void folded.splice(0),
  };
  keeper = new ActivityKeeper({
    ...{ book, store, clock: systemClock, log: { warn: () => undefined } },
    onChanged: (_changed, sequence) => void told.push(sequence),
    onError: (error) => void errors.push(error),
    ...{ tellMs: 1, writeMs: 1, pauseMs: 1 },
  });
}

/** @param places of JOIN, each with its number there. */
function message(source: number, ...places: (readonly [sequence: number, index: number])[]) {
  const rows = places.map(([sequence, index]) => ({
    activity: {
      kind: 'shown',
      person: 'u',
      item: `${source}:${sequence}.${index}`,
      atMs: 0,
    } as const,
    ...{ sequence, index },
  }));
  return { source, rows };
}

beforeEach(() => {
  [folded, settled, writes, told, errors] = [[], [], [], [], []];
  unstored = new Set();
  failures = 0;
});

describe('a keeper of activity', () => {
  test('takes what a joiner says again only once, and tells joiners apart', async () => {
    open();
    void keeper.take(message(0, [5, 1], [5, 2]), 1);
    void keeper.take(message(0, [5, 2], [6, 1]), 2);
    void keeper.take(message(1, [5, 1]), 3);
    void keeper.take(undefined, 4);
    void keeper.take(message(0, [4, 9], [6, 1], [6, 2]), 5);
    expect(folded).toEqual(['0:5.1', '0:5.2', '0:6.1', '1:5.1', '0:6.2']);
    expect(keeper.sequence).toBe(5);
    await keeper.stop();
  });

  test('writes what came meanwhile together, with its place, and tells of it', async () => {
    open();
    void keeper.take(message(0, [1, 1]), 1);
    void keeper.take(message(0, [2, 1]), 2);
    void keeper.take(message(0, [3, 1]), 3);
    while (writes.length === 0) await turn();
    expect(writes).toMatchObject([{ sequence: 3, taken: { 0: [3, 1] } }]);
    void keeper.take(message(0, [4, 1]), 4);
    while (writes.length === 1) await turn();
    expect(writes[1]).toMatchObject({ keys: ['0:4.1'], sequence: 4 });
    expect(told).toEqual([3, 4]);
    await keeper.stop();
  });

  test('writes at once what is asked for', async () => {
    open();
    void keeper.take(message(0, [1, 1]), 1);
    await keeper.flush();
    await keeper.flush();
    expect(writes).toMatchObject([{ sequence: 1, keys: ['0:1.1'] }]);
    await keeper.stop();
    await keeper.flush();
  });

  test('tries again when the disk was full, and goes on where it was when it is opened again', async () => {
    failures = 2;
    open();
    void keeper.take(message(0, [1, 1]), 1);
    while (writes.length === 0) await turn();
    expect(settled).toEqual([false, false, true]);
    expect(writes[0]!.keys).toEqual(['0:1.1']);
    await keeper.stop();
    open('STORAGE_FULL', { sequence: 1, taken: { 0: [1, 1] } });
    void keeper.take(message(0, [1, 1], [1, 2]), 2);
    expect(folded).toEqual(['0:1.1', '0:1.2']);
    await keeper.stop();
  });

  test('ends at what no room would mend', async () => {
    failures = 1;
    open('CORRUPT');
    void keeper.take(message(0, [1, 1]), 1);
    while (errors.length === 0) await turn();
    await keeper.stop();
    expect(writes).toEqual([]);
  });

  test('begins from nothing after a reset', async () => {
    open();
    void keeper.take(message(0, [7, 1]), 9);
    await keeper.reset();
    expect(keeper.sequence).toBe(0);
    void keeper.take(message(0, [3, 1]), 1);
    expect(folded).toEqual(['0:3.1']);
    await keeper.stop();
  });
});
