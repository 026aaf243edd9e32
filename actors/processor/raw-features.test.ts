import { beforeEach, describe, expect, test } from '@jest/globals';
import { StarlingError } from '../../core/base/errors.js';
import { decode } from '../../messages/codec.js';
import { parseFeatureChange, parseFeaturesNotice } from '../../messages/features.js';
import { RawEventsWorld, acceptedAtMs } from './raw-events.testkit.js';

let world: RawEventsWorld;
beforeEach(() => {
  world = new RawEventsWorld();
});

describe('raw events', () => {
  test('of features go to FEATURES by entity, the last word last', async () => {
    const about = (entity: string, id: number) => ({ entity, id, features: {} });
    const list = [about('item', 1), about('user', 2), about('item', 3)];
    await world.newEvents().handle(world.byHand('features', list));
    expect(world.sent.map(({ subject }) => subject)).toEqual([
      ...['starling.features.user', 'starling.features.item'],
    ]);
    expect(parseFeatureChange(decode(world.sent[1]!.bytes)).ids).toEqual(['1', '3']);
  });

  test('of features come in the order in which they were world.told, however long some take; of others nobody waits', async () => {
    const about = (entity: string, id: number) => ({ entity, id, features: {} });
    const events = world.newEvents();
    world.slow = (name) => name.endsWith('.user');
    const first = events.handle(
      world.byHand('features', [
        about('user', 1),
        about('item', 1),
        about('item', 9),
        { entity: 'shop' },
      ]),
    );
    const second = events.handle(world.byHand('features', about('item', 1)));
    await events.handle(world.byHand('features', about('item', 2)));
    expect(world.settled).toEqual(['ack']);
    world.releaseSlow();
    await Promise.all([first, second]);
    const items = world.sent.filter(({ subject: to }) => to.endsWith('.item'));
    expect(items.map(({ bytes }) => parseFeatureChange(decode(bytes)).ids.join())).toEqual([
      ...['2', '1,9', '1'],
    ]);
    expect(world.buried).toHaveLength(1);
  });

  test('of items keep what nothing is declared of, which is world.told once for each name', async () => {
    const events = world.newEvents();
    const attributes = { title: 'A lamp', url: 'https://x/t1', titel: 'A lamp' };
    const lamp = { item: 't1', ...attributes };
    for (let i = 0; i < 2; i++) await events.handle(world.byHand('items', lamp));
    const origin = { dataCenter: 'east', sequence: 7 };
    const told = { entity: 'item', mode: 'patch', ids: ['t1'], features: [attributes] };
    const change = { ...told, origin, atMs: acceptedAtMs };
    expect(world.sent.map(({ bytes }) => parseFeatureChange(decode(bytes)))).toEqual([
      change,
      change,
    ]);
    expect(world.checked!.counts.unknownAttributes).toBe('item.url, item.titel (declared: title)');
    expect([world.buried, events.counts.deadLettered]).toEqual([[], 0]);
  });

  test('of items lose what can not be read of them, and nothing else', async () => {
    const list = [
      { user: 'u1', attributes: { visits: {}, town: 'Kiel' } },
      { user: 'u2', town: 'Ulm' },
    ];
    await world.newEvents().handle(world.byHand('users', list));
    const { ids, features } = parseFeatureChange(decode(world.sent[0]!.bytes));
    expect([ids, features]).toEqual([
      ['u1', 'u2'],
      [{ town: 'Kiel' }, { town: 'Ulm' }],
    ]);
    const { unreadable, unreadableExample } = world.checked!.counts;
    expect([unreadable, unreadableExample]).toEqual([
      1,
      'user "u1": visits: expected a text, a number, true, false, or a list of them; got {}',
    ]);
  });

  test('of items stay in order where they replace, patch and delete', async () => {
    const list = [
      { item: 'a', price: 1, mode: 'replace' },
      { item: 'b', deleted: true },
      { item: 'a', price: null },
    ];
    await world.newEvents().handle(world.byHand('items', list));
    const origin = { dataCenter: 'east', sequence: 7 };
    expect(world.sent.map(({ bytes }) => parseFeatureChange(decode(bytes)))).toEqual([
      {
        ...{ entity: 'item', mode: 'replace', origin, ids: ['a'], features: [{ price: 1 }] },
        atMs: acceptedAtMs,
      },
      {
        ...{ entity: 'item', mode: 'patch', origin, ids: ['b', 'a'], atMs: acceptedAtMs },
        ...{ features: [{}, { price: null }], erased: [true, false] },
      },
    ]);
    await world.newEvents().handle(world.byHand('users', { user: 'u', deleted: true }));
    expect(world.messages).toEqual([expect.stringContaining('users are erased')]);
  });

  test('of features are world.told of when the log has them, with their place in it', async () => {
    await world
      .newEvents()
      .handle(world.byHand('features', { entity: 'item', id: 1, features: {} }));
    expect(world.told.map(({ subject }) => subject)).toEqual(['starling.features-changed.item']);
    const notice = parseFeaturesNotice(decode(world.told[0]!.bytes));
    expect(notice).toEqual({ entity: 'item', ids: ['1'], sequence: 1 });
  });

  test('of features that the log refuses are world.told to nobody', async () => {
    world.fails = new StarlingError('UNAVAILABLE', 'no leader');
    await world
      .newEvents()
      .handle(world.byHand('features', { entity: 'item', id: 1, features: {} }));
    expect(world.told).toEqual([]);
  });
});
