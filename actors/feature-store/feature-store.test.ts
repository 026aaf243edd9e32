import { describe, expect, test } from '@jest/globals';
import { StarlingError } from '../../core/base/errors.js';
import { systemClock } from '../../runtime/system.js';
import { answerFrom } from './feature-answers.js';
import type { GroupTarget } from './grouped-target.js';
import { GroupedTarget } from './grouped-target.js';

describe('an answer of a feature store', () => {
  const known = new Map([
    ['user 1', { age: 30 }],
    ['item 1', { genre: 'Comedy' }],
  ]);
  const activity = {
    ...{ sequence: 9, own: 4 },
    kept: (entity: string, id: string) => (entity === 'user' ? { views: Number(id) } : undefined),
    itemsOf: (person: string, types: readonly string[], sinceMs: number) => [
      `${person} ${types.join()} ${sinceMs}`,
    ],
  };
  const get = (entity: string, id: string) => known.get(`${entity} ${id}`);
  const attributes = (entity: string, id: string) => {
    const features = get(entity, id);
    return features && { ...features, title: `of ${id}`, stock: 0 };
  };
  const store = { sequence: 7, get, attributes };

  test('has what is known in the order asked for, and how far that goes', () => {
    expect(answerFrom(store, activity, true, { users: ['2', '1'], items: ['1'] })).toEqual({
      sequence: 7,
      users: [null, { age: 30 }],
      items: [{ genre: 'Comedy' }],
      kept: { sequence: 9, own: 4, users: [{ views: 2 }, { views: 1 }], items: [] },
      lately: [],
    });
  });

  test('says what people did lately where that is asked', () => {
    const request = { users: ['2'], items: [], lately: { types: ['buy'], sinceMs: 5 } };
    const { lately, kept } = answerFrom(store, activity, true, request);
    expect(lately).toEqual([['2 buy 5']]);
    expect(kept.users).toEqual([]);
  });

  test('has attributes where they are asked for, those that are named or all', () => {
    const ask = (names: string[]) => {
      const request = { users: [], items: ['1', '2'], attributes: names };
      return answerFrom(store, activity, true, request);
    };
    const { items, kept } = ask(['title', 'url', 'constructor']);
    expect(items).toEqual([{ title: 'of 1' }, null]);
    expect(kept.items).toEqual([]);
    expect(ask([]).items[0]).toEqual({ genre: 'Comedy', title: 'of 1', stock: 0 });
  });

  test('is refused while the store is filled anew: another one may have all', () => {
    expect(() => answerFrom(store, activity, false, { users: ['1'], items: [] })).toThrow(
      /being restored/,
    );
  });
});

describe('a grouped target', () => {
  /** @param failures of the first writes. */
  function setUp(failures: number, code: 'STORAGE_FULL' | 'CORRUPT' = 'STORAGE_FULL') {
    const written: unknown[] = [];
    const told: unknown[] = [];
    const errors: unknown[] = [];
    const write = async (...what: unknown[]): Promise<void> => {
      await Promise.resolve();
      if (failures-- > 0) throw new StarlingError(code, 'as told');
      written.push(what);
    };
    const inner: GroupTarget = {
      sequence: 3,
      ...{ reset: () => write('reset'), add: (rows) => write('add', rows) },
      restored: (sequence) => write('restored', sequence),
      takeAll: (records) => write(...records.map(({ sequence }) => sequence)),
    };
    const log = { warn: (line: unknown) => void told.push(line) };
    const onError = (error: unknown) => void errors.push(error);
    const target = new GroupedTarget({
      ...{ target: inner, clock: systemClock, log, onError, pauseMs: 1 },
    });
    return { target, written, told, errors };
  }

  test('writes what it is given, in order', async () => {
    const { target, written } = setUp(0);
    expect(target.sequence).toBe(3);
    const rows = { entity: 'item', ids: [], features: [], since: new Float64Array(0) } as const;
    await target.take(undefined, 4);
    await target.reset();
    expect(target.sequence).toBe(0);
    await target.add(rows);
    await target.restored(7);
    await target.take(undefined, 8);
    await target.written();
    expect(written).toEqual([[4], ['reset'], ['add', rows], ['restored', 7], [8]]);
    expect(target.sequence).toBe(8);
  });

  test('writes at once what came while it was writing', async () => {
    const { target, written } = setUp(0);
    for (const sequence of [4, 5, 6, 7]) void target.take(undefined, sequence);
    await target.written();
    expect(written).toEqual([[4], [5, 6, 7]]);
    await target.take(undefined, 8);
    await target.written();
    expect(written).toEqual([[4], [5, 6, 7], [8]]);
  });

  test('holds back who brings more than it may hold', async () => {
    const { target, written } = setUp(0);
    for (let sequence = 4; sequence < 1_000; sequence++) {
      await target.take(undefined, sequence);
      expect(target.sequence).toBe(sequence);
    }
    await target.written();
    expect(written.flat()).toEqual(Array.from({ length: 996 }, (_unused, i) => 4 + i));
    expect(Math.max(...written.map((group) => (group as unknown[]).length))).toBeLessThan(257);
  });

  test('tries until there is room, and says so each time', async () => {
    const { target, written, told } = setUp(3);
    await target.take(undefined, 4);
    void target.take(undefined, 5);
    await target.written();
    expect([written, told.length]).toEqual([[[4], [5]], 3]);
  });

  test('does not wait out what no room would mend, and writes nothing behind it', async () => {
    const { target, written, errors } = setUp(1, 'CORRUPT');
    for (const sequence of [4, 5]) void target.take(undefined, sequence);
    await target.written();
    await target.take(undefined, 6);
    await target.written();
    expect([written, errors]).toMatchObject([[], [{ code: 'CORRUPT' }]]);
    const { target: other } = setUp(1, 'CORRUPT');
    await expect(other.reset()).rejects.toMatchObject({ code: 'CORRUPT' });
  });

  test('that is stopped while it waits ends without having written', async () => {
    const { target, written } = setUp(Infinity);
    await target.take(undefined, 4);
    await target.stop();
    expect(written).toEqual([]);
  });
});
