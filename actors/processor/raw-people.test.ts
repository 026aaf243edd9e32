import { beforeEach, describe, expect, test } from '@jest/globals';
import { decode, encode } from '../../messages/codec.js';
import {
  actionsMessage,
  impressionsMessage,
  parseActions,
  parseImpressions,
} from '../../messages/events.js';
import { parseFeatureChange } from '../../messages/features.js';
import { subject } from '../../messages/default-names.testkit.js';
import { parseAlias, parseErase, parsePointers } from '../../messages/join-records.js';
import { placedRequestId } from '../../messages/request-ids.js';
import { joinPartitionOf } from '../../core/joining/join-partition.js';
import { RawEventsWorld, acceptedAtMs, spec, transform } from './raw-events.testkit.js';

let world: RawEventsWorld;
beforeEach(() => {
  world = new RawEventsWorld();
});

describe('raw events', () => {
  test('that were shown go to where their person is, and leave a pointer where others look for them', async () => {
    world.joinerCount = 4;
    const ids = Array.from({ length: 12 }, (_unused, i) => `r${i}`);
    const ours = placedRequestId('r', joinPartitionOf('u5', 4), 4);
    const shown = [
      ...ids.map((requestId, i) => ({ requestId, user: `u${i}`, item: '7' })),
      { requestId: ours, user: 'u5', item: '7' },
    ];
    await world.newEvents().handle(world.byHand('impression', shown));
    const pointers = new Map<string, number>();
    for (const { subject, bytes } of world.sent) {
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

  test('in columns that are for one joiner go on as they came, and are made anew where a time is put back', async () => {
    const events = world.newEvents();
    await events.handle(world.byHand('impression', { requestId: 'r', user: 'u1', item: 'i' }));
    const slate = parseImpressions(decode(world.sent[0]!.bytes), spec);
    // What only a newer release knows stays with it.
    const cameIn = encode({ ...impressionsMessage(spec, slate), toCome: 1 });
    await events.handle(world.rawMessage('impression', cameIn));
    expect(world.sent[1]!.bytes).toEqual(cameIn);
    const ahead = { ...slate, atMs: Float64Array.of(acceptedAtMs + 1e6) };
    await events.handle(world.rawMessage('impression', encode(impressionsMessage(spec, ahead))));
    const { atMs } = parseImpressions(decode(world.sent[2]!.bytes), spec);
    expect([...atMs]).toEqual([acceptedAtMs + 2_000]);
  });

  test('that claim to be ahead of their acceptance are put back to it, whatever door they came by', async () => {
    const events = world.newEvents();
    const at = (seconds: number) => acceptedAtMs / 1_000 + seconds;
    const shown = (user: string, seconds: number) => ({
      ...{ requestId: 'r', user, item: '7', timestamp: at(seconds) },
    });
    await events.handle(world.byHand('impression', [shown('right', -5), shown('wrong', 3_500)]));
    await events.handle(world.byHand('action', { requestId: 'r', item: '7', timestamp: at(60) }));
    const columns = { ...parseActions(decode(world.sent[1]!.bytes), spec), requestIds: ['s'] };
    columns.atMs.fill(acceptedAtMs + 2e12);
    await events.handle(world.rawMessage('action', encode(actionsMessage(columns, spec))));

    const latestMs = acceptedAtMs + 2_000;
    expect([...parseImpressions(decode(world.sent[0]!.bytes), spec).atMs]).toEqual([
      ...[acceptedAtMs - 5_000, latestMs],
    ]);
    for (const { bytes } of world.sent.slice(1))
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

  test('of a clock that is ahead are world.told by the person, by hand as of a slate by who answered, and nobody makes names up', async () => {
    const events = world.newEvents();
    const timestamp = acceptedAtMs / 1_000 + 25 * 3_600; // Another zone of the world for one's own.
    await events.handle(world.byHand('event', { visitor: 'c9', item: '7', timestamp }));
    await events.handle(world.byHand('event', { user: 42, requestId: 'r', item: '7', timestamp }));
    await events.handle(world.byHand('shown', { requestId: 'r', items: ['7', '8'], timestamp }));
    await events.handle(world.byHand('impression', { requestId: 'r', visitor: 'c9', item: '7' }));
    const slate = parseImpressions(decode(world.sent.at(-1)!.bytes), spec);
    slate.atMs.fill(acceptedAtMs + 60_000);
    await events.handle(world.rawMessage('impression', encode(impressionsMessage(spec, slate))));
    expect(world.buried).toEqual([]);
    const aheadMsMax = 25 * 3_600_000;
    expect(events.times.counts.putBackBy).toEqual({
      'visitor c9': { events: 1, aheadMsMax },
      'user 42': { events: 1, aheadMsMax },
      'request r': { events: 2, aheadMsMax },
      'rankers of east': { events: 1, aheadMsMax: 60_000 },
    });
    const many = Array.from({ length: 500 }, (_unused, user) => ({ user, item: 7, timestamp }));
    await events.handle(world.byHand('event', many));
    expect(events.times.counts.putBack).toBe(505);
    expect(Object.keys(events.times.counts.putBackBy)).toHaveLength(5);
  });

  test('of a clock that is ahead do not use up what a person may do later', async () => {
    const events = world.newEvents();
    const of = (aheadS: number) => ({
      ...{ user: 'u1', item: 'n1', timestamp: acceptedAtMs / 1_000 + aheadS },
    });
    await events.handle(world.byHand('event', [of(10_800), of(0), of(0), of(0)]));
    const nextHour = { ...world.byHand('event', of(3_600)), atMs: acceptedAtMs + 3_600_000 };
    await events.handle(nextHour);
    const ignored = world.sent.flatMap(
      ({ bytes }) => parseActions(decode(bytes), spec).facts.ignored,
    );
    expect(ignored).toEqual(['', '', '', 'eventsPerPerson', '']);
  });

  test('of people bring what the model looks at now, and what they are learned against', async () => {
    const bought = {
      ...{ type: 'purchase', user: 42, visitor: 'c9', item: '7', value: 10, currency: 'USD' },
      ...{ order: 'o1', id: 'e1', context: { device: 'phone' } },
    };
    await world.newEvents().handle(world.byHand('event', [bought, { requestId: 'r', item: '8' }]));
    expect(world.buried).toEqual([]);
    const [alias, happened] = world.sent.map(({ bytes }) => decode(bytes));
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
    // All are as likely here, and one that was world.drawn twice counts for both.
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
    world.joinerCount = 4;
    await world.newEvents().handle(
      world.byHand('merge', [
        ...[
          { from: 42, to: '43' },
          { from: '44', to: '45' },
          { from: '44', to: 44 },
        ],
        { from: '44' },
      ]),
    );
    expect(world.sent.map(({ subject: to }) => to).sort()).toEqual(
      ['42', '44'].map((who) => subject.join(joinPartitionOf(who, world.joinerCount))).sort(),
    );
    const said = world.sent.map(({ bytes }) => parseAlias(decode(bytes)));
    expect(
      said.flatMap(({ visitors, users }) => visitors.map((v, i) => `${v} ${users[i]}`)).sort(),
    ).toEqual(['42 43', '44 45']);
    expect(world.buried.map(([, code]) => code)).toEqual(['BAD_EVENT', 'BAD_EVENT']);
  });

  test('forget people everywhere, of a moment, and hear again who says that he is one of them', async () => {
    world.joinerCount = 3;
    const events = world.newEvents();
    const login = { visitor: 'c9', user: 42 };
    for (const [type, body] of [
      ...[['alias', login] as const, ['alias', login] as const],
      ...[['erase', [{ user: 42 }, {}]] as const, ['alias', login] as const],
    ])
      await events.handle(world.byHand(type, body));
    const to = (name: string) => world.sent.filter(({ subject: its }) => its === name);
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
    expect(world.buried.map(([, code]) => code)).toEqual(['BAD_EVENT']);
  });
});
