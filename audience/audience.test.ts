import { describe, expect, jest, test } from '@jest/globals';
import { StarlingError } from '../core/base/errors.js';
import { parseClusterConfig } from '../core/config/schema.js';
import { createTransform } from '../core/features/transform.js';
import { featureSpecOf } from '../core/features/feature-spec.js';
import { decode, encode, errorReply } from '../messages/codec.js';
import { parse, parseRecommend, publicEvent } from '../messages/public.js';
import { names, subject } from '../messages/default-names.testkit.js';
import type { Bus } from '../runtime/bus/bus.js';
import { system } from '../runtime/system.js';
import { clientOn } from '../client/client.js';
import { startAudience } from './audience.js';
import type { Audience } from './audience.js';
import { itemId, userId } from './public-ids.js';
import type { AudienceSite } from './visits.js';

const config = parseClusterConfig({
  features: {
    user: { entity: 'user', kind: 'id' },
    item: { entity: 'item', kind: 'id' },
    age: { entity: 'user', kind: 'buckets', boundaries: [18, 25, 35] },
    genres: { entity: 'item', kind: 'ids', pooling: 'mean', valuesMax: 8 },
  },
  simulation: { users: 40, items: 60, requestsPerSecond: 200, slateSize: 5 },
});
const log = { info: () => undefined, warn: () => undefined };

interface Received {
  readonly requests: ReturnType<typeof parseRecommend>[];
  readonly appended: { readonly subject: string; readonly events: unknown[] }[];
}

/** A cluster of two functions. */
function cluster(
  answer: (request: ReturnType<typeof parseRecommend>) => unknown,
): Received & { bus: Bus } {
  const received: Received = { requests: [], appended: [] };
  const bus: Pick<Bus, 'clock' | 'random' | 'names' | 'payloadBytesMax' | 'request' | 'append'> = {
    ...system,
    names,
    payloadBytesMax: 1_000_000,
    async request(_subject, bytes) {
      const request = parseRecommend(decode(bytes), config.serving);
      received.requests.push(request);
      try {
        return encode(answer(request));
      } catch (error) {
        return encode(errorReply(error));
      }
    },
    async append(name, bytes) {
      received.appended.push({ subject: name, events: decode(bytes) as unknown[] });
      return received.appended.length;
    },
  };
  return { ...received, bus: bus as Bus };
}

/** The audience as it is in the product: over the client that users import. */
const site = (dataCenter: string, bus: Bus): AudienceSite => ({
  dataCenter,
  client: clientOn(bus),
});

const slate = (request: ReturnType<typeof parseRecommend>) => ({
  items: Array.from({ length: request.k }, (_unused, i) => ({ item: itemId(i * 3), score: 0.5 })),
  requestId: request.requestId ?? request.idempotencyKey,
  modelVersion: 1,
  dataCenter: request.from,
  degraded: false,
});

async function until(audience: Audience, done: () => boolean): Promise<void> {
  while (!done()) await new Promise((resolve) => setTimeout(resolve, 5));
  await audience.stop();
}

describe('startAudience', () => {
  test('tells all features first, in the words of the configuration', async () => {
    const { bus, appended, requests } = cluster(slate);
    const audience = startAudience({ sites: [site('east', bus)], config, log });
    await until(audience, () => requests.length > 0);
    const told = appended.filter((each) => each.subject === subject.ingest('features'));
    const events = told.flatMap((each) =>
      each.events.map((event) => parse(publicEvent.features, event, 'features', 'BAD_EVENT')),
    );
    expect(events.filter(({ entity }) => entity === 'user').length).toBe(40);
    expect(events.filter(({ entity }) => entity === 'item').map(({ id }) => id)).toContain('i60');
    const transform = createTransform(featureSpecOf(config.features, config.lineage));
    for (const { entity, id, features } of events) transform.encodeEntity(entity, id, features);
    expect(Object.keys(events[0]!.features)).toEqual(['age']);
    expect(appended.findIndex((each) => each.subject === subject.ingest('action'))).not.toBe(0);
  });

  test('answers each slate with one batch: clicks and dismissals under its request id', async () => {
    const { bus, appended, requests } = cluster(slate);
    const audience = startAudience({ sites: [site('east', bus)], config, log });
    await until(audience, () => requests.length >= 30);
    const batches = appended.filter((each) => each.subject === subject.ingest('action'));
    expect(batches.length).toBe(requests.length);
    const asked = new Map(requests.map((request) => [request.idempotencyKey, request]));
    expect(asked.size).toBe(requests.length);
    for (const { events } of batches) {
      const actions = events.map((event) =>
        parse(publicEvent.action, event, 'action', 'BAD_EVENT'),
      );
      expect(actions.map(({ item }) => item)).toEqual(['i1', 'i4', 'i7', 'i10', 'i13']);
      expect(asked.has(actions[0]!.requestId)).toBe(true);
      expect(new Set(actions.map(({ requestId }) => requestId)).size).toBe(1);
    }
    const clicks = batches
      .flatMap(({ events }) => events as { label: number }[])
      .filter(({ label }) => label === 1).length;
    const figures = audience.figures();
    expect(figures).toMatchObject({
      introduced: true,
      requests: requests.length,
      impressions: 5 * requests.length,
      clicks,
      errors: {},
    });
    expect(figures.total.ctr).toBeCloseTo(clicks / (5 * requests.length));
    expect(figures.total.oracle).toBeGreaterThan(figures.total.random);
    expect(figures.latencyMs.p50).toBeGreaterThan(0);
  });

  test('users ask at home', async () => {
    const east = cluster(slate);
    const west = cluster(slate);
    const sites = [site('east', east.bus), site('west', west.bus)];
    const audience = startAudience({ sites, config, log });
    await until(audience, () => east.requests.length >= 20 && west.requests.length >= 20);
    const eastern = new Set(east.requests.map(({ user }) => user));
    expect(west.requests.some(({ user }) => eastern.has(user))).toBe(false);
    expect(audience.figures().rerouted).toBe(0);
    expect(new Set(east.requests.map(({ from }) => from))).toEqual(new Set(['east']));
  });

  test('whom another data center answers are rerouted', async () => {
    const { bus, requests } = cluster((request) => ({ ...slate(request), dataCenter: 'west' }));
    const audience = startAudience({ sites: [site('east', bus)], config, log });
    await until(audience, () => requests.length >= 5);
    expect(audience.figures().rerouted).toBeGreaterThanOrEqual(4);
  });

  test('counts errors by code and goes on', async () => {
    let answers = 0;
    const { bus, requests } = cluster((request) => {
      answers++;
      if (answers % 3 === 0) throw new StarlingError('BAD_REQUEST', 'no');
      return answers % 3 === 1 ? { items: 'none' } : slate(request);
    });
    const audience = startAudience({ sites: [site('east', bus)], config, log });
    await until(audience, () => requests.length >= 30);
    const { errors, requests: served } = audience.figures();
    expect(errors['BAD_REQUEST']).toBeGreaterThanOrEqual(9);
    expect(errors['BAD_MESSAGE']).toBeGreaterThanOrEqual(9);
    expect(served + errors['BAD_REQUEST']! + errors['BAD_MESSAGE']!).toBe(requests.length);
  });

  test('skips requests when too many are in flight', async () => {
    const { bus } = cluster(slate);
    let release: (() => void) | undefined;
    const held = new Promise<void>((resolve) => (release = resolve));
    const east = site('east', bus);
    const slow: AudienceSite['client'] = {
      ...east.client,
      recommend: (...args) => held.then(() => east.client.recommend(...args)),
    };
    jest.useFakeTimers();
    try {
      const sites = [{ ...east, client: slow }];
      const audience = startAudience({ sites, config, log });
      while (audience.figures().skipped === 0) await jest.advanceTimersByTimeAsync(10);
      expect(audience.figures().inFlight).toBe(400);
      release!();
      await audience.stop();
      expect(audience.figures().inFlight).toBe(0);
    } finally {
      jest.useRealTimers();
    }
  });

  test('nobody clicks an item that is not of their world', async () => {
    const { bus, appended } = cluster((request) => ({
      ...slate(request),
      items: ['i61', 'film-7', 'i0'].map((item) => ({ item, score: 0.5 })),
    }));
    const audience = startAudience({ sites: [site('east', bus)], config, log });
    await until(audience, () => audience.figures().requests >= 20);
    const labels = appended
      .filter((each) => each.subject === subject.ingest('action'))
      .flatMap(({ events }) => events as { label: number }[]);
    expect(labels.every(({ label }) => label === 0)).toBe(true);
  });

  test('waits for a cluster that is not there yet, and can be stopped meanwhile', async () => {
    const { bus, requests } = cluster(slate);
    const absent = {
      ...bus,
      append: () => Promise.reject(new StarlingError('NO_RESPONDERS', 'no stream')),
    } as Bus;
    const audience = startAudience({ sites: [site('east', absent)], config, log });
    await until(audience, () => (audience.figures().errors['NO_RESPONDERS'] ?? 0) >= 2);
    expect(audience.figures().introduced).toBe(false);
    expect(requests).toEqual([]);
  });

  test('ids count from one', () => {
    expect([userId(0), itemId(41)]).toEqual(['u1', 'i42']);
  });
});
