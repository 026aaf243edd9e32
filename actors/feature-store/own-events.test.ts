import { beforeEach, describe, expect, test } from '@jest/globals';
import { ManualClock } from '../../core/base/manual-clock.testkit.js';
import { featureSpecOf } from '../../core/features/feature-spec.js';
import { createTransform } from '../../core/features/transform.js';
import { noActionFacts, noFacts } from '../../core/joining/event-facts.js';
import { encode } from '../../messages/codec.js';
import { actionsMessage, impressionsMessage } from '../../messages/events.js';
import type { StreamMessage, TailOptions } from '../../runtime/bus/logs.js';
import { OwnEvents } from './own-events.js';

const spec = featureSpecOf({ user: { entity: 'user', source: 'user', kind: 'id' } });
const rules = { listed: new Map([['click', 9]]), undoes: new Map<string, string>() };

let clock: ManualClock;
let state: { acknowledged: number; left: number };
let tailed: TailOptions[];
let hear: (message: StreamMessage) => unknown;
let stopped: number;
let changed: string[];
let own: OwnEvents;

beforeEach(() => {
  clock = new ManualClock();
  clock.jump(1_000_000);
  state = { acknowledged: 0, left: 0 };
  tailed = [];
  stopped = 0;
  changed = [];
  own = new OwnEvents({
    bus: {
      clock,
      workState: async () => state,
      tail: async (options, handler) => {
        tailed.push(options);
        hear = handler;
        return { caughtUp: Promise.resolve(), stop: async () => void stopped++ };
      },
    },
    ...{ stream: 'RAW_EAST', durable: 'processor', spec, rules },
    whoIs: (person) => (person === 'also u' ? 'u' : person),
    log: { info: () => undefined, warn: () => undefined },
    onChanged: (people) => void changed.push(...people),
  });
  own.start();
});

/** Whoever looks has seen what is there. */
async function seconds(count: number): Promise<void> {
  for (let i = 0; i < count; i++) {
    await clock.advance(1_000);
    await new Promise((resolve) => setImmediate(resolve));
  }
}

function message(sequence: number, type: string, bytes: Uint8Array, atMs = 999_000): StreamMessage {
  const header = () => undefined;
  return { subject: `starling.raw.east.${type}`, sequence, atMs, bytes, header };
}
const json = (value: unknown) => new TextEncoder().encode(JSON.stringify(value));
const itemsOf = (person: string) =>
  (own.provisional.listsOf(person, () => undefined)?.lists['click'] ?? []).map(([item]) => item);

describe('events of the own data center', () => {
  test('are not read while somebody works on them', async () => {
    for (let i = 0; i < 9; i++) {
      state = { acknowledged: i, left: 5 };
      await seconds(1);
    }
    state = { acknowledged: 9, left: 0 };
    await seconds(9);
    expect(tailed).toEqual([]);
    expect(own.sequence).toBe(9);
  });

  test('are read where nobody does, those of the last minutes for whose requests are', async () => {
    state = { acknowledged: 2, left: 3 };
    await seconds(5);
    expect(tailed).toHaveLength(1);
    expect(tailed[0]).toMatchObject({ stream: 'RAW_EAST' });
    const slate = {
      ...{ requestIds: ['r'], users: ['u'], items: ['a'], atMs: Float64Array.of(1) },
      ...{ scores: Float32Array.of(0.5), facts: noFacts },
      examples: createTransform(spec).assemble(
        [createTransform(spec).encodeEntity('user', 'u', {})],
        [createTransform(spec).encodeEntity('item', 'a', {})],
        [createTransform(spec).encodeEntity('context', '', {})],
      ),
    };
    hear(message(1, 'impression', encode(impressionsMessage(spec, slate))));
    hear(message(2, 'event', json({ user: 'u', item: 'told by training' })));
    const done = {
      ...{ requestIds: ['r'], items: ['a'], atMs: Float64Array.of(2), labels: Float32Array.of(1) },
      ...{ acceptedAtMs: Float64Array.of(2), facts: noActionFacts },
    };
    hear(message(3, 'action', encode(actionsMessage(done))));
    hear(message(4, 'event', json([{ user: 'u', item: 'b' }, { item: 'bad' }])));
    hear(message(5, 'event', json({ requestId: 'of somebody', item: 'c' })));
    hear(message(6, 'event', new Uint8Array([0xff])));
    hear(message(7, 'event', json({ visitor: 'v', item: 'd' })));
    hear(message(8, 'alias', json({ visitor: 'v', user: 'u' })));
    hear(message(9, 'event', json({ user: 'also u', item: 'e' })));
    hear(message(10, 'event', json({ user: 'w', item: 'f' })));
    hear(message(11, 'merge', json({ from: 'w', to: 'u' })));
    expect(itemsOf('u')).toEqual(['a', 'b', 'd', 'e', 'f']);
    expect(changed).toContain('u');
    expect(own.sequence).toBe(11);
  });

  test('count when they happened, not beyond when they were accepted', async () => {
    state = { acknowledged: 0, left: 1 };
    await seconds(5);
    hear(message(1, 'event', json({ user: 'u', item: 'a', timestamp: 1_500 }), 1_000_000));
    expect(own.provisional.listsOf('u', () => undefined)?.lists['click']).toEqual([
      ['a', 1_002_000, NaN, ''],
    ]);
  });

  test('are left alone again once they are worked on, and what is told of them is taken', async () => {
    state = { acknowledged: 0, left: 1 };
    await seconds(5);
    hear(message(1, 'event', json({ user: 'u', item: 'a' })));
    hear(message(2, 'event', json({ user: 'u', item: 'b' })));
    await seconds(5);
    state = { acknowledged: 1, left: 4 };
    await seconds(5);
    expect(stopped).toBe(0);
    state = { acknowledged: 2, left: 4 };
    await seconds(1);
    expect(stopped).toBe(1);
    // Training may not have told it yet.
    expect(itemsOf('u')).toEqual(['a', 'b']);
    expect(own.sequence).toBe(2);
    state = { acknowledged: 6, left: 0 };
    await seconds(25);
    expect(itemsOf('u')).toEqual([]);
    expect(own.sequence).toBe(6);
    expect(changed.at(-1)).toBe('u');
  });
});
