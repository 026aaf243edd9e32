import { beforeEach, describe, expect, test } from '@jest/globals';
import { StarlingError, codeOf, messageOf } from '../../core/base/errors.js';
import { featureSpecOf } from '../../core/features/feature-spec.js';
import { createTransform } from '../../core/features/transform.js';
import { logs, noActionFacts, noFacts } from '../../core/joining/event-facts.js';
import { decode, encode, encodeAs } from '../../messages/codec.js';
import {
  actionsMessage,
  impressionsMessage,
  parseActions,
  parseImpressions,
} from '../../messages/events.js';
import { parseFeatureChange, parseFeaturesNotice } from '../../messages/features.js';
import { subject } from '../../messages/default-names.testkit.js';
import type { WorkMessage } from '../../runtime/bus/work-queues.js';
import { parseClusterConfig } from '../../core/config/schema.js';
import { NegativeDraws } from '../../core/retrieval/negative-draws.js';
import type { FeatureSource } from '../shared/feature-source.js';
import { AttributeReader } from '../../messages/attribute-reader.js';
import { CheckedAttributes } from './checked-attributes.js';
import { EventActions } from './event-actions.js';
import { EventForwarder } from './event-forwarder.js';
import { parseAlias, parseErase, parsePointers, parseShown } from '../../messages/join-records.js';
import { placedRequestId } from '../../messages/request-ids.js';
import { joinPartitionOf } from '../../core/joining/join-partition.js';
import { RawEvents } from './raw-events.js';

const spec = featureSpecOf({
  user: { entity: 'user', source: 'user', kind: 'id' },
  item: { entity: 'item', source: 'item', kind: 'id' },
  device: {
    ...{ entity: 'context', source: 'device', kind: 'vocabulary' },
    ...{ values: ['phone'], other: false },
  },
});
const transform = createTransform(spec);
const acceptedAtMs = 1_700_000_000_000;
const { events, currency, rates, organic, ignore, limits } = parseClusterConfig({
  features: { item: { entity: 'item', kind: 'id' } },
  events: {
    ...{ click: {}, purchase: { value: 'money' }, refund: { undoes: 'purchase' } },
    dismiss: { negative: true },
  },
  rates: { USD: 0.5 },
  organic: { negatives: 2 },
  ignore: 'event.user.startsWith("staff-") || context.device == "bot"',
  limits: { eventsPerPerson: { max: 3, within: '1h' } },
});
const config = { events, currency, rates, organic, ignore, limits };

let sent: { subject: string; bytes: Uint8Array }[];
let told: typeof sent;
let buried: [content: unknown, code: string][];
let messages: string[];
let settled: string[];
let letters: number;
let fails: Error | undefined;
let slow: (subject: string) => boolean;
let releaseSlow: () => void;
let joinerCount: number;
let payloadBytesMax: number;
let drawn: number;
let ignored: EventActions['ignored'] | undefined;
let checked: CheckedAttributes | undefined;

/** Each number in turn. */
const random = (): number => (drawn++ % 10) / 10;

beforeEach(() => {
  sent = [];
  told = [];
  buried = [];
  messages = [];
  settled = [];
  letters = 0;
  fails = undefined;
  slow = () => false;
  releaseSlow = () => undefined;
  joinerCount = 1;
  payloadBytesMax = 1 << 20;
  drawn = 0;
});

function newEvents(): RawEvents {
  const append = async (name: string, bytes: Uint8Array) => {
    if (fails) throw fails;
    if (slow(name)) await new Promise<void>((resolve) => (releaseSlow = resolve));
    return sent.push({ subject: name, bytes });
  };
  const tell = (name: string, bytes: Uint8Array) => void told.push({ subject: name, bytes });
  const source: Pick<FeatureSource, 'get'> = {
    get: async (users, items) => ({
      users: users.map((id) => transform.encodeEntity('user', id, {})),
      items: items.map((id) => transform.encodeEntity('item', id, {})),
      degraded: false,
    }),
  };
  const draws = new NegativeDraws(100, { next: random });
  draws.seed(['n1', 'n2', 'n3']);
  const actions = new EventActions({ config, transform, source, draws });
  ({ ignored } = actions);
  return new RawEvents({
    spec,
    transform,
    source,
    actions,
    attributes: (checked = new CheckedAttributes(
      new AttributeReader(spec, { user: {}, item: { title: 'text' } }),
    )),
    forward: new EventForwarder({
      spec,
      partitions: joinerCount,
      payloadBytesMax,
      subject,
      append,
      tell,
      nowMs: () => 0,
    }),
    random: () => 1,
    bury: async (_message, rejected) => {
      letters++;
      for (const { content, error } of rejected) {
        buried.push([content, codeOf(error)]);
        messages.push(messageOf(error));
      }
    },
  });
}

function rawMessage(type: string, bytes: Uint8Array, deliveries = 1): WorkMessage {
  return {
    ...{ subject: `starling.raw.east.${type}`, sequence: 7, atMs: acceptedAtMs, deliveries },
    bytes,
    header: () => undefined,
    ack: () => void settled.push('ack'),
    nak: (delayMs) => void settled.push(`nak ${delayMs}`),
  };
}

const byHand = (type: string, value: unknown) => rawMessage(type, encodeAs('json', value));

describe('raw events', () => {
  test('by hand become columns, with what is known of user and item now', async () => {
    const shown = { requestId: 'r', user: 42, item: '7', context: { device: 'phone' } };
    await newEvents().handle(byHand('impression', shown));
    expect(settled).toEqual(['ack']);
    const impressions = parseImpressions(decode(sent[0]!.bytes), spec);
    expect(impressions).toMatchObject({ requestIds: ['r'], users: ['42'], items: ['7'] });
    expect([...impressions.atMs]).toEqual([acceptedAtMs]);
    expect([...impressions.examples.offsets]).toEqual([0, 1, 2, 3]);
  });

  test('in a list are judged one by one', async () => {
    const good = { requestId: 'r', item: '7' };
    const bad = { requestId: 'r' };
    await newEvents().handle(byHand('action', [good, bad, { ...good, timestamp: 2e9 }]));
    expect(buried).toEqual([
      [bad, 'BAD_EVENT'],
      [{ ...good, timestamp: 2e9 }, 'BAD_EVENT'],
    ]);
    expect(parseActions(decode(sent[0]!.bytes), spec).items).toEqual(['7']);
    expect(settled).toEqual(['ack']);
  });

  test('of bots and staff are told with the reason, and nothing is drawn for them', async () => {
    const events = newEvents();
    const of = (user: string, device?: string) => ({
      ...{ type: 'click', user, item: 'n1' },
      ...(device ? { context: { device } } : {}),
    });
    const list = [of('staff-1'), ...Array.from({ length: 5 }, () => of('u1')), of('u2')];
    await events.handle(byHand('event', list));
    const { facts, moment } = parseActions(decode(sent.at(-1)!.bytes), spec);
    expect(facts.ignored).toEqual([
      'ignore',
      ...['', '', '', 'eventsPerPerson', 'eventsPerPerson'],
      '',
    ]);
    const rows = [...moment!.ends].map((end, row) => end - (moment!.ends[row - 1] ?? 0));
    expect(rows.map((count) => count > 0)).toEqual([false, true, true, true, false, false, true]);
    expect(ignored!.counts).toEqual({
      ignored: 3,
      ignoredExample: 'eventsPerPerson: click of n1 by u1',
    });
  });

  test('of what bots and staff were shown are marked where they are told by hand, and counted', async () => {
    const events = newEvents();
    const of = (user: string, device = 'phone') => ({
      ...{ requestId: 'r', user, item: 'n1', context: { device } },
    });
    await events.handle(byHand('impression', [of('u1'), of('staff-1')]));
    const shown = parseImpressions(decode(sent.at(-1)!.bytes), spec);
    expect([...shown.facts.logs]).toEqual([logs.all, logs.ignored]);
    const ignoredExample = 'ignore: n1 shown to staff-1';
    expect(ignored!.counts).toEqual({ ignored: 1, ignoredExample });
    // Of a ranker, which has marked them.
    const marked = { ...shown, facts: { ...noFacts, logs: Uint8Array.of(logs.ignored) } };
    await events.handle(rawMessage('impression', encode(impressionsMessage(spec, marked))));
    expect(ignored!.counts).toEqual({ ignored: 3, ignoredExample });
  });

  test('that are wrong, all of a list, are one message to the dead letters', async () => {
    const events = newEvents();
    await events.handle(byHand('action', new Array(500).fill({ requestId: 'r' })));
    expect([letters, buried.length, settled]).toEqual([1, 500, ['ack']]);
    expect(events.counts.deadLettered).toBe(500);
  });

  test('that become too long for a message are several, in order, and none is lost', async () => {
    payloadBytesMax = 600;
    const ids = Array.from({ length: 40 }, (_, i) => `item-${i}`);
    await newEvents().handle(
      byHand(
        'impression',
        ids.map((item) => ({ requestId: 'r', user: 1, item })),
      ),
    );
    expect(sent.length).toBeGreaterThan(1);
    for (const { bytes } of sent) expect(bytes.length).toBeLessThan(payloadBytesMax);
    expect(sent.flatMap(({ bytes }) => parseImpressions(decode(bytes), spec).items)).toEqual(ids);
    sent = [];
    await newEvents().handle(
      byHand(
        'features',
        ids.map((id) => ({ entity: 'item', id, features: {} })),
      ),
    );
    expect(sent.flatMap(({ bytes }) => parseFeatureChange(decode(bytes)).ids)).toEqual(ids);
    expect(told.flatMap(({ bytes }) => parseFeaturesNotice(decode(bytes)).ids)).toEqual(ids);
    expect([buried, settled]).toEqual([[], ['ack', 'ack']]);
  });

  test('of which none is good are acknowledged, and nothing is sent on', async () => {
    const events = newEvents();
    await events.handle(byHand('features', { entity: 'item', id: 1, features: 'red' }));
    expect(buried[0]![1]).toBe('BAD_EVENT');
    expect([sent, settled]).toEqual([[], ['ack']]);
    expect(events.counts).toEqual({ messages: 1, deadLettered: 1, retried: 0 });
  });

  test('of features go to FEATURES by entity, the last word last', async () => {
    const about = (entity: string, id: number) => ({ entity, id, features: {} });
    const list = [about('item', 1), about('user', 2), about('item', 3)];
    await newEvents().handle(byHand('features', list));
    expect(sent.map(({ subject }) => subject)).toEqual([
      ...['starling.features.user', 'starling.features.item'],
    ]);
    expect(parseFeatureChange(decode(sent[1]!.bytes)).ids).toEqual(['1', '3']);
  });

  test('of features come in the order in which they were told, however long some take; of others nobody waits', async () => {
    const about = (entity: string, id: number) => ({ entity, id, features: {} });
    const events = newEvents();
    slow = (name) => name.endsWith('.user');
    const first = events.handle(
      byHand('features', [
        about('user', 1),
        about('item', 1),
        about('item', 9),
        { entity: 'shop' },
      ]),
    );
    const second = events.handle(byHand('features', about('item', 1)));
    await events.handle(byHand('features', about('item', 2)));
    expect(settled).toEqual(['ack']);
    releaseSlow();
    await Promise.all([first, second]);
    const items = sent.filter(({ subject: to }) => to.endsWith('.item'));
    expect(items.map(({ bytes }) => parseFeatureChange(decode(bytes)).ids.join())).toEqual([
      ...['2', '1,9', '1'],
    ]);
    expect(buried).toHaveLength(1);
  });

  test('of items keep what nothing is declared of, which is told once for each name', async () => {
    const events = newEvents();
    const attributes = { title: 'A lamp', url: 'https://x/t1', titel: 'A lamp' };
    const lamp = { item: 't1', ...attributes };
    for (let i = 0; i < 2; i++) await events.handle(byHand('items', lamp));
    const origin = { dataCenter: 'east', sequence: 7 };
    const told = { entity: 'item', mode: 'patch', ids: ['t1'], features: [attributes] };
    const change = { ...told, origin, atMs: acceptedAtMs };
    expect(sent.map(({ bytes }) => parseFeatureChange(decode(bytes)))).toEqual([change, change]);
    expect(checked!.counts.unknownAttributes).toBe('item.url, item.titel (declared: title)');
    expect([buried, events.counts.deadLettered]).toEqual([[], 0]);
  });

  test('of items lose what can not be read of them, and nothing else', async () => {
    const list = [
      { user: 'u1', attributes: { visits: {}, town: 'Kiel' } },
      { user: 'u2', town: 'Ulm' },
    ];
    await newEvents().handle(byHand('users', list));
    const { ids, features } = parseFeatureChange(decode(sent[0]!.bytes));
    expect([ids, features]).toEqual([
      ['u1', 'u2'],
      [{ town: 'Kiel' }, { town: 'Ulm' }],
    ]);
    const { unreadable, unreadableExample } = checked!.counts;
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
    await newEvents().handle(byHand('items', list));
    const origin = { dataCenter: 'east', sequence: 7 };
    expect(sent.map(({ bytes }) => parseFeatureChange(decode(bytes)))).toEqual([
      {
        ...{ entity: 'item', mode: 'replace', origin, ids: ['a'], features: [{ price: 1 }] },
        atMs: acceptedAtMs,
      },
      {
        ...{ entity: 'item', mode: 'patch', origin, ids: ['b', 'a'], atMs: acceptedAtMs },
        ...{ features: [{}, { price: null }], erased: [true, false] },
      },
    ]);
    await newEvents().handle(byHand('users', { user: 'u', deleted: true }));
    expect(messages).toEqual([expect.stringContaining('users are erased')]);
  });

  test('of features are told of when the log has them, with their place in it', async () => {
    await newEvents().handle(byHand('features', { entity: 'item', id: 1, features: {} }));
    expect(told.map(({ subject }) => subject)).toEqual(['starling.features-changed.item']);
    const notice = parseFeaturesNotice(decode(told[0]!.bytes));
    expect(notice).toEqual({ entity: 'item', ids: ['1'], sequence: 1 });
  });

  test('of features that the log refuses are told to nobody', async () => {
    fails = new StarlingError('UNAVAILABLE', 'no leader');
    await newEvents().handle(byHand('features', { entity: 'item', id: 1, features: {} }));
    expect(told).toEqual([]);
  });

  test('in columns are stamped with when the stream took them, and go to the partition that their request says', async () => {
    joinerCount = 2;
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
    await newEvents().handle(rawMessage('action', encode(actionsMessage(batch))));
    expect(sent).toHaveLength(2);
    const all = sent.flatMap(({ subject, bytes }) => {
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

  test('that were shown go to where their person is, and leave a pointer where others look for them', async () => {
    joinerCount = 4;
    const ids = Array.from({ length: 12 }, (_unused, i) => `r${i}`);
    const ours = placedRequestId('r', joinPartitionOf('u5', 4), 4);
    const shown = [
      ...ids.map((requestId, i) => ({ requestId, user: `u${i}`, item: '7' })),
      { requestId: ours, user: 'u5', item: '7' },
    ];
    await newEvents().handle(byHand('impression', shown));
    const pointers = new Map<string, number>();
    for (const { subject, bytes } of sent) {
      const value = decode(bytes);
      const partition = Number(subject.split('.').at(-1));
      if ((value as { kind: string }).kind === 'pointers') {
        const { requestIds, partitions } = parsePointers(value);
        requestIds.forEach((id, i) => {
          expect(partition).toBe(joinPartitionOf(id, 4));
          pointers.set(id, partitions[partitions.length === 1 ? 0 : i]!);
        });
      } else
        for (const user of parseImpressions(value, spec).users)
          expect(partition).toBe(joinPartitionOf(user, 4));
    }
    for (const [i, id] of ids.entries()) {
      const home = joinPartitionOf(`u${i}`, 4);
      expect(pointers.get(id)).toBe(joinPartitionOf(id, 4) === home ? undefined : home);
    }
    expect(pointers.has(ours)).toBe(false);
  });

  test('that claim to be ahead of their acceptance are put back to it, whatever door they came by', async () => {
    const events = newEvents();
    const at = (seconds: number) => acceptedAtMs / 1_000 + seconds;
    const shown = (user: string, seconds: number) => ({
      ...{ requestId: 'r', user, item: '7', timestamp: at(seconds) },
    });
    await events.handle(byHand('impression', [shown('right', -5), shown('wrong', 3_500)]));
    await events.handle(byHand('action', { requestId: 'r', item: '7', timestamp: at(60) }));
    const columns = { ...parseActions(decode(sent[1]!.bytes), spec), requestIds: ['s'] };
    columns.atMs.fill(acceptedAtMs + 2e12);
    await events.handle(rawMessage('action', encode(actionsMessage(columns, spec))));

    const latestMs = acceptedAtMs + 2_000;
    expect([...parseImpressions(decode(sent[0]!.bytes), spec).atMs]).toEqual([
      ...[acceptedAtMs - 5_000, latestMs],
    ]);
    for (const { bytes } of sent.slice(1))
      expect([...parseActions(decode(bytes), spec).atMs]).toEqual([latestMs]);
    expect(events.times.counts).toEqual({
      ...{ putBack: 3, putBackMsMax: 2e12 },
      putBackBy: {
        'request s': { events: 1, aheadMsMax: 2e12 },
        'user wrong': { events: 1, aheadMsMax: 3_500_000 },
        'request r': { events: 1, aheadMsMax: 60_000 },
      },
    });
  });

  test('of a clock that is ahead are told by the person, by hand as of a slate by who answered, and nobody makes names up', async () => {
    const events = newEvents();
    const timestamp = acceptedAtMs / 1_000 + 25 * 3_600; // Another zone of the world for one's own.
    await events.handle(byHand('event', { visitor: 'c9', item: '7', timestamp }));
    await events.handle(byHand('event', { user: 42, requestId: 'r', item: '7', timestamp }));
    await events.handle(byHand('shown', { requestId: 'r', items: ['7', '8'], timestamp }));
    await events.handle(byHand('impression', { requestId: 'r', visitor: 'c9', item: '7' }));
    const slate = parseImpressions(decode(sent.at(-1)!.bytes), spec);
    slate.atMs.fill(acceptedAtMs + 60_000);
    await events.handle(rawMessage('impression', encode(impressionsMessage(spec, slate))));
    expect(buried).toEqual([]);
    const aheadMsMax = 25 * 3_600_000;
    expect(events.times.counts.putBackBy).toEqual({
      'visitor c9': { events: 1, aheadMsMax },
      'user 42': { events: 1, aheadMsMax },
      'request r': { events: 2, aheadMsMax },
      'rankers of east': { events: 1, aheadMsMax: 60_000 },
    });
    const many = Array.from({ length: 500 }, (_unused, user) => ({ user, item: 7, timestamp }));
    await events.handle(byHand('event', many));
    expect(events.times.counts.putBack).toBe(505);
    expect(Object.keys(events.times.counts.putBackBy)).toHaveLength(5);
  });

  test('of a clock that is ahead do not use up what a person may do later', async () => {
    const events = newEvents();
    const of = (aheadS: number) => ({
      ...{ user: 'u1', item: 'n1', timestamp: acceptedAtMs / 1_000 + aheadS },
    });
    await events.handle(byHand('event', [of(10_800), of(0), of(0), of(0)]));
    const nextHour = { ...byHand('event', of(3_600)), atMs: acceptedAtMs + 3_600_000 };
    await events.handle(nextHour);
    const ignored = sent.flatMap(({ bytes }) => parseActions(decode(bytes), spec).facts.ignored);
    expect(ignored).toEqual(['', '', '', 'eventsPerPerson', '']);
  });

  test('of people bring what the model looks at now, and what they are learned against', async () => {
    const bought = {
      ...{ type: 'purchase', user: 42, visitor: 'c9', item: '7', value: 10, currency: 'USD' },
      ...{ order: 'o1', id: 'e1', context: { device: 'phone' } },
    };
    await newEvents().handle(byHand('event', [bought, { requestId: 'r', item: '8' }]));
    expect(buried).toEqual([]);
    const [alias, happened] = sent.map(({ bytes }) => decode(bytes));
    expect(parseAlias(alias)).toEqual({
      ...{ visitors: ['visitor/c9'], users: ['42'], atMs: Float64Array.of(acceptedAtMs) },
    });
    const actions = parseActions(happened, spec);
    expect(actions).toMatchObject({
      ...{ requestIds: ['', 'r'], items: ['7', '8'] },
      facts: {
        ...{ users: ['42', ''], visitors: ['c9', ''], types: ['purchase', 'click'] },
        ...{ orders: ['o1', ''], ids: ['e1', ''], positions: ['east:7', ''] },
      },
    });
    expect(actions.facts.values).toEqual(Float64Array.of(5, NaN));
    const { items, ends, examples, weights = items.map(() => 1) } = actions.moment!;
    expect([...ends]).toEqual([items.length, items.length]);
    expect(items[0]).toBe('7');
    expect(new Set(items).size).toBe(items.length);
    // All are as likely here, and one that was drawn twice counts for both.
    expect([...weights].reduce((sum, weight) => sum + weight)).toBe(3);
    for (const item of items.slice(1)) expect(['n1', 'n2', 'n3', '8']).toContain(item);
    const entities = ['7', ...items.slice(1)].map((id) => transform.encodeEntity('item', id, {}));
    const user = transform.encodeEntity('user', '42', {});
    const context = transform.encodeEntity('context', '', { device: 'phone' });
    expect(examples).toEqual(
      transform.assemble(
        entities.map(() => user),
        entities,
        entities.map(() => context),
      ),
    );
  });

  test('merge an account into another, said to where the first one is', async () => {
    joinerCount = 4;
    await newEvents().handle(
      byHand('merge', [
        ...[
          { from: 42, to: '43' },
          { from: '44', to: '45' },
          { from: '44', to: 44 },
        ],
        { from: '44' },
      ]),
    );
    expect(sent.map(({ subject: to }) => to).sort()).toEqual(
      ['42', '44'].map((who) => subject.join(joinPartitionOf(who, joinerCount))).sort(),
    );
    const said = sent.map(({ bytes }) => parseAlias(decode(bytes)));
    expect(
      said.flatMap(({ visitors, users }) => visitors.map((v, i) => `${v} ${users[i]}`)).sort(),
    ).toEqual(['42 43', '44 45']);
    expect(buried.map(([, code]) => code)).toEqual(['BAD_EVENT', 'BAD_EVENT']);
  });

  test('forget people everywhere, of a moment, and hear again who says that he is one of them', async () => {
    joinerCount = 3;
    const events = newEvents();
    const login = { visitor: 'c9', user: 42 };
    for (const [type, body] of [
      ...[['alias', login] as const, ['alias', login] as const],
      ...[['erase', [{ user: 42 }, {}]] as const, ['alias', login] as const],
    ])
      await events.handle(byHand(type, body));
    const to = (name: string) => sent.filter(({ subject: its }) => its === name);
    const joins = [0, 1, 2].flatMap((each) =>
      to(subject.join(each)).map(({ bytes }) => decode(bytes)),
    );
    const kinds = joins.map((each) => (each as { kind: string }).kind);
    expect(kinds.filter((kind) => kind === 'alias')).toHaveLength(2);
    const erasures = joins.filter((_each, i) => kinds[i] === 'erase').map(parseErase);
    const forgotten = { persons: ['42'], atMs: Float64Array.of(acceptedAtMs) };
    expect(erasures).toEqual([forgotten, forgotten, forgotten]);
    const [gone] = to(subject.features('user')).map(({ bytes }) =>
      parseFeatureChange(decode(bytes)),
    );
    expect(gone).toMatchObject({ ids: ['42'], erased: [true], atMs: acceptedAtMs });
    expect(buried.map(([, code]) => code)).toEqual(['BAD_EVENT']);
  });

  test('that bring no id are known by their place, however often they come', async () => {
    const viewed = { visitor: 'c9', item: '7' };
    for (const deliveries of [1, 2])
      await newEvents().handle(
        rawMessage('event', encodeAs('json', [{ item: 1 }, viewed, viewed]), deliveries),
      );
    for (const { bytes } of sent)
      expect(parseActions(decode(bytes), spec).facts.ids).toEqual(['east:7.1', 'east:7.2']);
    // What was buried says where it stood.
    expect(buried).toEqual([
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
  ])('%s are buried by name', async (_what, event, text) => {
    await newEvents().handle(byHand('event', event));
    expect([buried, sent]).toEqual([[[event, 'BAD_EVENT']], []]);
    expect(messages[0]).toMatch(text);
  });

  test('say what was on screen, and which user a visitor is, once', async () => {
    const events = newEvents();
    await events.handle(byHand('shown', { requestId: 'r', items: [7, 8] }));
    const alias = { visitor: 'c9', user: 42 };
    for (let i = 0; i < 3; i++) await events.handle(byHand('alias', alias));
    await events.handle(byHand('alias', { ...alias, user: 43 }));
    const [shown, ...aliases] = sent.map(({ bytes }) => decode(bytes));
    expect(parseShown(shown)).toMatchObject({ requestIds: ['r', 'r'], items: ['7', '8'] });
    expect(aliases.map((each) => parseAlias(each).users)).toEqual([['42'], ['43']]);
  });

  test('by hand may have keys that nothing is known of, which are counted', async () => {
    const events = newEvents();
    await events.handle(byHand('action', { requestId: 'r', item: '7', lable: 1 }));
    expect(sent).toHaveLength(1);
    expect(events.strange.warnings).toEqual([expect.stringContaining('"label"')]);
  });

  test('that can not be read are buried as they came', async () => {
    const bytes = Uint8Array.of(0x7b, 0xff);
    await newEvents().handle(rawMessage('action', bytes));
    expect(buried).toEqual([[bytes, 'BAD_MESSAGE']]);
    expect(settled).toEqual(['ack']);
  });

  test('come again when the way on is closed for a while, later each time', async () => {
    fails = new StarlingError('UNAVAILABLE', 'no server');
    const events = newEvents();
    const bytes = encodeAs('json', { requestId: 'r', item: '7' });
    for (const deliveries of [1, 2, 20])
      await events.handle(rawMessage('action', bytes, deliveries));
    expect(settled).toEqual(['nak 200', 'nak 400', 'nak 5000']);
    expect(buried).toEqual([]);
    expect(events.counts.retried).toBe(3);
  });

  test('that fail for no known reason again and again are buried', async () => {
    fails = new Error('a defect');
    const bytes = encodeAs('json', { requestId: 'r', item: '7' });
    const events = newEvents();
    for (const deliveries of [4, 5]) await events.handle(rawMessage('action', bytes, deliveries));
    expect(settled).toEqual(['nak 1600', 'ack']);
    expect(buried).toEqual([[bytes, 'INTERNAL']]);
  });
});
