import { beforeEach, describe, expect, test } from '@jest/globals';
import { StarlingError } from '../../core/base/errors.js';
import { logs, noActionFacts, noFacts } from '../../core/joining/event-facts.js';
import { decode, encode, encodeAs } from '../../messages/codec.js';
import {
  actionsMessage,
  impressionsMessage,
  parseActions,
  parseImpressions,
} from '../../messages/events.js';
import { parseFeatureChange, parseFeaturesNotice } from '../../messages/features.js';
import { parseAlias, parseShown } from '../../messages/join-records.js';
import { placedRequestId } from '../../messages/request-ids.js';
import { joinPartitionOf } from '../../core/joining/join-partition.js';
import { RawEventsWorld, acceptedAtMs, spec } from './raw-events.testkit.js';

let world: RawEventsWorld;
beforeEach(() => {
  world = new RawEventsWorld();
});

describe('raw events', () => {
  test('by hand become columns, with what is known of user and item now', async () => {
    const shown = { requestId: 'r', user: 42, item: '7', context: { device: 'phone' } };
    await world.newEvents().handle(world.byHand('impression', shown));
    expect(world.settled).toEqual(['ack']);
    const impressions = parseImpressions(decode(world.sent[0]!.bytes), spec);
    expect(impressions).toMatchObject({ requestIds: ['r'], users: ['42'], items: ['7'] });
    expect([...impressions.atMs]).toEqual([acceptedAtMs]);
    expect([...impressions.examples.offsets]).toEqual([0, 1, 2, 3]);
  });

  test('in a list are judged one by one', async () => {
    const good = { requestId: 'r', item: '7' };
    const bad = { requestId: 'r' };
    await world
      .newEvents()
      .handle(world.byHand('action', [good, bad, { ...good, timestamp: 2e9 }]));
    expect(world.buried).toEqual([
      [bad, 'BAD_EVENT'],
      [{ ...good, timestamp: 2e9 }, 'BAD_EVENT'],
    ]);
    expect(parseActions(decode(world.sent[0]!.bytes), spec).items).toEqual(['7']);
    expect(world.settled).toEqual(['ack']);
  });

  test('of bots and staff are world.told with the reason, and nothing is world.drawn for them', async () => {
    const events = world.newEvents();
    const of = (user: string, device?: string) => ({
      ...{ type: 'click', user, item: 'n1' },
      ...(device ? { context: { device } } : {}),
    });
    const list = [of('staff-1'), ...Array.from({ length: 5 }, () => of('u1')), of('u2')];
    await events.handle(world.byHand('event', list));
    const { facts, moment } = parseActions(decode(world.sent.at(-1)!.bytes), spec);
    expect(facts.ignored).toEqual([
      'ignore',
      ...['', '', '', 'eventsPerPerson', 'eventsPerPerson'],
      '',
    ]);
    const rows = [...moment!.ends].map((end, row) => end - (moment!.ends[row - 1] ?? 0));
    expect(rows.map((count) => count > 0)).toEqual([false, true, true, true, false, false, true]);
    expect(world.ignored!.counts).toEqual({
      ignored: 3,
      ignoredExample: 'eventsPerPerson: click of n1 by u1',
    });
  });

  test('of what bots and staff were shown are marked where they are world.told by hand, and counted', async () => {
    const events = world.newEvents();
    const of = (user: string, device = 'phone') => ({
      ...{ requestId: 'r', user, item: 'n1', context: { device } },
    });
    await events.handle(world.byHand('impression', [of('u1'), of('staff-1')]));
    const shown = parseImpressions(decode(world.sent.at(-1)!.bytes), spec);
    expect([...shown.facts.logs]).toEqual([logs.all, logs.ignored]);
    const ignoredExample = 'ignore: n1 shown to staff-1';
    expect(world.ignored!.counts).toEqual({ ignored: 1, ignoredExample });
    // Of a ranker, which has marked them.
    const marked = { ...shown, facts: { ...noFacts, logs: Uint8Array.of(logs.ignored) } };
    await events.handle(world.rawMessage('impression', encode(impressionsMessage(spec, marked))));
    expect(world.ignored!.counts).toEqual({ ignored: 3, ignoredExample });
  });

  test('that are wrong, all of a list, are one message to the dead letters', async () => {
    const events = world.newEvents();
    await events.handle(world.byHand('action', new Array(500).fill({ requestId: 'r' })));
    expect([world.letters, world.buried.length, world.settled]).toEqual([1, 500, ['ack']]);
    expect(events.counts.deadLettered).toBe(500);
  });

  test('that become too long for a message are several, in order, and none is lost', async () => {
    world.payloadBytesMax = 600;
    const ids = Array.from({ length: 40 }, (_, i) => `item-${i}`);
    await world.newEvents().handle(
      world.byHand(
        'impression',
        ids.map((item) => ({ requestId: 'r', user: 1, item })),
      ),
    );
    expect(world.sent.length).toBeGreaterThan(1);
    for (const { bytes } of world.sent) expect(bytes.length).toBeLessThan(world.payloadBytesMax);
    expect(world.sent.flatMap(({ bytes }) => parseImpressions(decode(bytes), spec).items)).toEqual(
      ids,
    );
    world.sent = [];
    await world.newEvents().handle(
      world.byHand(
        'features',
        ids.map((id) => ({ entity: 'item', id, features: {} })),
      ),
    );
    expect(world.sent.flatMap(({ bytes }) => parseFeatureChange(decode(bytes)).ids)).toEqual(ids);
    expect(world.told.flatMap(({ bytes }) => parseFeaturesNotice(decode(bytes)).ids)).toEqual(ids);
    expect([world.buried, world.settled]).toEqual([[], ['ack', 'ack']]);
  });

  test('of which none is good are acknowledged, and nothing is world.sent on', async () => {
    const events = world.newEvents();
    await events.handle(world.byHand('features', { entity: 'item', id: 1, features: 'red' }));
    expect(world.buried[0]![1]).toBe('BAD_EVENT');
    expect([world.sent, world.settled]).toEqual([[], ['ack']]);
    expect(events.counts).toEqual({ messages: 1, deadLettered: 1, retried: 0 });
  });

  test('in columns are stamped with when the stream took them, and go to the partition that their request says', async () => {
    world.joinerCount = 2;
    const requestIds = Array.from({ length: 20 }, (_unused, i) => `r${i}`);
    requestIds[3] = placedRequestId('ours', 1, 2);
    const batch = {
      requestIds,
      items: requestIds.map((_id, i) => `i${i}`),
      atMs: new Float64Array(20).fill(5),
      labels: new Float32Array(20).fill(1),
      acceptedAtMs: new Float64Array(20),
      facts: noActionFacts,
    };
    await world.newEvents().handle(world.rawMessage('action', encode(actionsMessage(batch))));
    expect(world.sent).toHaveLength(2);
    const all = world.sent.flatMap(({ subject, bytes }) => {
      const actions = parseActions(decode(bytes), spec);
      for (const [i, id] of actions.requestIds.entries()) {
        const partition = id.startsWith('ours') ? 1 : joinPartitionOf(id, 2);
        expect(subject).toBe(`starling.join.${partition}`);
        expect(actions.acceptedAtMs[i]).toBe(acceptedAtMs);
      }
      return actions.requestIds;
    });
    expect([...all].sort()).toEqual([...requestIds].sort());
  });

  test('that bring no id are known by their place, however often they come', async () => {
    const viewed = { visitor: 'c9', item: '7' };
    for (const deliveries of [1, 2])
      await world
        .newEvents()
        .handle(
          world.rawMessage('event', encodeAs('json', [{ item: 1 }, viewed, viewed]), deliveries),
        );
    for (const { bytes } of world.sent)
      expect(parseActions(decode(bytes), spec).facts.ids).toEqual(['east:7.1', 'east:7.2']);
    // What was world.buried says where it stood.
    expect(world.buried).toEqual([
      [{ item: 1 }, 'BAD_EVENT'],
      [{ item: 1 }, 'BAD_EVENT'],
    ]);
  });

  test.each([
    [
      'of a type that is not declared',
      { type: 'purchas', user: 1, item: 1 },
      /did you mean "purchase"/,
    ],
    ['in a currency without a rate', { user: 1, item: 1, value: 1, currency: 'GBP' }, /EUR, USD/],
    ['of nobody', { item: 1 }, /expected a user, a visitor, or the requestId/],
  ])('%s are world.buried by name', async (_what, event, text) => {
    await world.newEvents().handle(world.byHand('event', event));
    expect([world.buried, world.sent]).toEqual([[[event, 'BAD_EVENT']], []]);
    expect(world.messages[0]).toMatch(text);
  });

  test('say what was on screen, and which user a visitor is, once', async () => {
    const events = world.newEvents();
    await events.handle(world.byHand('shown', { requestId: 'r', items: [7, 8] }));
    const alias = { visitor: 'c9', user: 42 };
    for (let i = 0; i < 3; i++) await events.handle(world.byHand('alias', alias));
    await events.handle(world.byHand('alias', { ...alias, user: 43 }));
    const [shown, ...aliases] = world.sent.map(({ bytes }) => decode(bytes));
    expect(parseShown(shown)).toMatchObject({ requestIds: ['r', 'r'], items: ['7', '8'] });
    expect(aliases.map((each) => parseAlias(each).users)).toEqual([['42'], ['43']]);
  });

  test('by hand may have keys that nothing is known of, which are counted', async () => {
    const events = world.newEvents();
    await events.handle(world.byHand('action', { requestId: 'r', item: '7', lable: 1 }));
    expect(world.sent).toHaveLength(1);
    expect(events.strange.warnings).toEqual([expect.stringContaining('"label"')]);
  });

  test('that can not be read are world.buried as they came', async () => {
    const bytes = Uint8Array.of(0x7b, 0xff);
    await world.newEvents().handle(world.rawMessage('action', bytes));
    expect(world.buried).toEqual([[bytes, 'BAD_MESSAGE']]);
    expect(world.settled).toEqual(['ack']);
  });

  test('come again when the way on is closed for a while, later each time', async () => {
    world.fails = new StarlingError('UNAVAILABLE', 'no server');
    const events = world.newEvents();
    const bytes = encodeAs('json', { requestId: 'r', item: '7' });
    for (const deliveries of [1, 2, 20])
      await events.handle(world.rawMessage('action', bytes, deliveries));
    expect(world.settled).toEqual(['nak 200', 'nak 400', 'nak 5000']);
    expect(world.buried).toEqual([]);
    expect(events.counts.retried).toBe(3);
  });

  test('that fail for no known reason again and again are buried', async () => {
    world.fails = new Error('a defect');
    const bytes = encodeAs('json', { requestId: 'r', item: '7' });
    const events = world.newEvents();
    for (const deliveries of [4, 5])
      await events.handle(world.rawMessage('action', bytes, deliveries));
    expect(world.settled).toEqual(['nak 1600', 'ack']);
    expect(world.buried).toEqual([[bytes, 'INTERNAL']]);
  });
});
