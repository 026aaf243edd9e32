import { describe, expect, test } from '@jest/globals';
import type { EncodedEntity } from '../../core/features/transform.js';
import type { RawFeatures } from '../../core/features/raw-features.js';
import { StarlingError } from '../../core/base/errors.js';
import { decode, encode, errorReply } from '../../messages/codec.js';
import {
  featuresNotice,
  featuresReply,
  noneKept,
  parseFeaturesRequest,
} from '../../messages/features.js';
import { names, subject } from '../../messages/default-names.testkit.js';
import { system } from '../../runtime/system.js';
import type { SourceBus } from './feature-source.js';
import { FeatureSource } from './feature-source.js';

/** A log of item features, a store that has read it up to `stored`, and a bus between them and a source. */
class Store {
  readonly log: { readonly id: string; readonly features: RawFeatures }[] = [];
  stored = 0;
  requests = 0;
  /** Of an answer; more is refused, as an endpoint does. */
  entitiesMax = Infinity;
  #hear: ((bytes: Uint8Array) => void) | undefined;

  readonly bus: SourceBus = {
    ...system,
    names,
    subscribe: (name, handler) => {
      if (name === names.pattern('featuresChanged')) this.#hear = (bytes) => handler(bytes, name);
      return { stop: async () => undefined };
    },
    request: async (name, bytes) => {
      expect(name).toBe(subject.featuresGet);
      this.requests++;
      const { users, items } = parseFeaturesRequest(decode(bytes));
      if (users.length + items.length > this.entitiesMax) {
        const text = 'the answer is too long';
        return encode(errorReply(new StarlingError('PAYLOAD_TOO_LARGE', text)));
      }
      const known = this.log.slice(0, this.stored);
      const find = (id: string) => known.findLast((each) => each.id === id)?.features ?? null;
      const reply = {
        users: users.map(find),
        items: items.map(find),
        sequence: this.stored,
        kept: noneKept,
        lately: [],
      };
      return encode(featuresReply(reply));
    },
  };

  /** The notice arrives; the record does when `stored` says so. */
  tell(id: string, features: RawFeatures): void {
    const sequence = this.log.push({ id, features });
    this.#hear!(encode(featuresNotice({ entity: 'item', ids: [id], sequence })));
  }

  garbage(): void {
    this.#hear!(Uint8Array.of(0xff));
  }
}

const transform = {
  encodeEntity: (entity: string, id: string, raw: RawFeatures) =>
    ({ entity, id, raw }) as unknown as EncodedEntity,
};

function open() {
  const store = new Store();
  const source = new FeatureSource(store.bus, transform, 'east');
  source.start();
  const item = async (id = 'i', hurry?: Parameters<FeatureSource['get']>[2]) => {
    const { items, degraded } = await source.get([], [id], hurry);
    return { raw: (items[0] as unknown as { raw: RawFeatures }).raw, degraded };
  };
  return { store, source, item };
}

describe('a source of features', () => {
  test('asks for fewer at once when an answer would be too long for a message', async () => {
    const { store, source } = open();
    store.entitiesMax = 2;
    for (const id of ['a', 'b', 'c']) store.tell(id, { of: id });
    store.stored = 3;
    const { items, degraded } = await source.get(['u'], ['a', 'b', 'c']);
    expect(items).toMatchObject(['a', 'b', 'c'].map((id) => ({ id, raw: { of: id } })));
    expect([degraded, store.requests]).toEqual([false, 3]);
    store.entitiesMax = 0;
    await expect(source.get([], ['d'])).rejects.toMatchObject({ code: 'PAYLOAD_TOO_LARGE' });
  });

  test('knows of whom nobody has told it anything, until somebody does', async () => {
    const { store, source, item } = open();
    expect(source.isStranger('item', 'i')).toBe(false);
    await item();
    expect([source.isStranger('item', 'i'), source.isStranger('user', 'i')]).toEqual([true, false]);
    store.tell('i', {});
    store.stored = 1;
    await item();
    expect(source.isStranger('item', 'i')).toBe(false);
  });

  test('asks once, and again when something changed', async () => {
    const { store, source, item } = open();
    store.tell('i', { n: 1 });
    store.stored = 1;
    await item();
    expect(await item()).toEqual({ raw: { n: 1 }, degraded: false });
    expect(store.requests).toBe(1);
    store.tell('i', { n: 2 });
    store.stored = 2;
    expect((await item()).raw).toEqual({ n: 2 });
    expect(store.requests).toBe(2);
    expect([source.hits, source.misses]).toEqual([1, 2]);
  });

  test('uses a reply that is older than the newest notice, and does not keep it', async () => {
    const { store, item } = open();
    store.tell('i', { n: 1 });
    store.stored = 1;
    await item();
    store.tell('i', { n: 2 });
    expect((await item()).raw).toEqual({ n: 1 });
    expect((await item()).raw).toEqual({ n: 1 });
    store.stored = 2;
    expect((await item()).raw).toEqual({ n: 2 });
    await item();
    expect(store.requests).toBe(4);
  });

  test('keeps what is known of one entity while others change', async () => {
    const { store, item } = open();
    store.tell('i', { n: 1 });
    store.stored = 1;
    await item();
    store.tell('other', { n: 2 });
    await item();
    expect(store.requests).toBe(1);
  });

  test('does with what it knew before where nobody answers in time, and says so', async () => {
    const { store, item } = open();
    store.tell('i', { n: 1 });
    store.stored = 1;
    await item();
    store.tell('i', { n: 2 });
    const hedges = { call: () => Promise.reject(new StarlingError('TIMEOUT', 'nobody')) };
    const hurry = { hedges, deadline: { share: () => 10 } };
    expect(await item('i', hurry)).toEqual({ raw: { n: 1 }, degraded: true });
    expect(await item('unknown', hurry)).toEqual({ raw: {}, degraded: true });
  });

  test('has what came too late for one request for the next one, and asks for nothing twice meanwhile', async () => {
    const { store, source } = open();
    const ids = Array.from({ length: 600 }, (_unused, i) => `i${i}`);
    for (const id of ids) store.tell(id, { n: 1 });
    store.stored = store.log.length;
    let answer!: () => void;
    const over = new Promise<void>((resolve) => (answer = resolve));
    let asked = 0;
    const call = async (_subject: string, _at: unknown, request: unknown): Promise<unknown> => {
      asked++;
      await over;
      return decode(
        await store.bus.request(subject.featuresGet, encode(request), { timeoutMs: 1_000 }),
      );
    };
    const hurry = { hedges: { call }, deadline: { share: () => 1 } };
    for (let i = 0; i < 2; i++)
      expect(await source.get([], ids, hurry)).toMatchObject({ degraded: true });
    // 256 each.
    expect(asked).toBe(3);
    answer();
    await new Promise((resolve) => setTimeout(resolve, 20));
    const { items, degraded } = await source.get([], ids, hurry);
    expect(degraded).toBe(false);
    expect(items.map((each) => (each as unknown as { raw: RawFeatures }).raw)).toEqual(
      ids.map(() => ({ n: 1 })),
    );
    expect(asked).toBe(3);
  });

  test('uses an item that has just changed for who hurries, and has it anew a moment later', async () => {
    const { store, item } = open();
    store.tell('i', { n: 1 });
    store.stored = 1;
    await item();
    const call = async (_subject: string, _at: unknown, request: unknown): Promise<unknown> =>
      decode(await store.bus.request(subject.featuresGet, encode(request), { timeoutMs: 1_000 }));
    const hurry = { hedges: { call }, deadline: { share: () => 100 } };
    store.tell('i', { n: 2 });
    store.stored = 2;
    expect(await item('i', { ...hurry, lackMsMax: 500 })).toEqual({
      raw: { n: 1 },
      degraded: false,
    });
    await new Promise((resolve) => setTimeout(resolve, 100));
    expect(await item('i', { ...hurry, lackMsMax: 500 })).toEqual({
      raw: { n: 2 },
      degraded: false,
    });
    store.tell('i', { n: 3 });
    store.stored = 3;
    // A replay waits for it.
    expect(await item('i', hurry)).toEqual({ raw: { n: 3 }, degraded: false });
    expect(store.requests).toBe(3);
  });

  test('is not harmed by a notice that it can not read', async () => {
    const { store, item } = open();
    store.garbage();
    expect((await item()).raw).toEqual({});
  });
});
