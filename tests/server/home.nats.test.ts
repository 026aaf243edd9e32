import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import type { StarlingError } from '../../core/base/errors.js';
import { protocolVersion, decode, encode } from '../../messages/codec.js';
import { streamName, subject } from '../../messages/default-names.testkit.js';
import type { Stoppable } from '../../runtime/stoppable.js';
import { call } from '../../runtime/idempotent-call.js';
import type { NatsBus } from '../../runtime/nats/nats-bus.js';
import { ServedEndpoint } from '../../runtime/serve-endpoint.js';
import { startDataCenters, until, type DataCenters } from '../support/data-centers.js';

let centers: DataCenters;
beforeAll(async () => {
  centers = await startDataCenters();
}, 90_000);
afterAll(async () => centers?.stop());

const request = { v: protocolVersion };
const deadlineMs = 10_000;

/** In the other inference data center. */
async function rankerInWest(): Promise<void> {
  const ranker = await centers.connect('ranker', 'west');
  const reply = encode({ v: protocolVersion, dataCenter: 'west' });
  ranker.serve(subject.rank, { queue: 'ranker' }, async () => reply);
  await ranker.flush();
}

const ask = (bus: NatsBus): Promise<unknown> =>
  call(bus, subject.rank, request, { deadlineMs, attemptMs: deadlineMs / 2 });

const isHome = (bus: NatsBus) => (): boolean => !bus.away && bus.dataCenter === 'east';

/** Asks all the time; the answers, until it is stopped. */
function asking(bus: NatsBus, how: (bus: NatsBus) => Promise<unknown>, pauseMs: number) {
  let going = true;
  let answers = 0;
  const run = (async () => {
    while (going) {
      await how(bus);
      answers++;
      await new Promise((resolve) => setTimeout(resolve, pauseMs));
    }
  })();
  return {
    stop: async (): Promise<number> => {
      going = false;
      await run;
      return answers;
    },
  };
}

// First of all: the more often a server of 2.12 or newer was killed, the later its copies ask again (decision 14).
describe('a stream whose server is gone', () => {
  test('is followed on when it is back, without a gap and nothing twice', async () => {
    const processor = await centers.connect('processor', 'train');
    const follower = await centers.connect('feature-store', 'east');
    const seen: number[] = [];
    const tell = async (n: number): Promise<void> => {
      await processor.append(subject.features('user'), encode(n));
    };
    for (let n = 0; n < 3; n++) await tell(n);
    const tail = await follower.tail({ stream: streamName.featuresAt('east') }, ({ bytes }) => {
      seen.push(decode(bytes) as number);
    });
    await until('what was there', () => seen.length === 3);
    centers.signal('east', 'SIGKILL');
    await until('away', () => follower.away);
    for (let n = 3; n < 6; n++) await tell(n);
    await until('home again', isHome(follower));
    for (let n = 6; n < 9; n++) await tell(n);
    await until('all', () => seen.length >= 9);
    await tail.stop();
    expect(seen).toEqual([0, 1, 2, 3, 4, 5, 6, 7, 8]);
  }, 90_000);

  test('is worked on and watched on when it is back, and others are worked on meanwhile', async () => {
    const client = await centers.connect('client', 'east');
    const ingest = (n: number): Promise<number> =>
      client.append(subject.ingest('action'), encode([n]));
    const processor = await centers.connect('processor', 'train');
    const worked = new Set<string>();
    const working: Stoppable[] = [];
    for (const dataCenter of ['train', 'east']) {
      const options = { stream: streamName.raw(dataCenter), durable: 'processor' };
      const how = { ...options, ackWaitMs: 5_000, pendingMax: 10 };
      const consumer = await processor.work(how, (message) => {
        worked.add(message.subject);
        message.ack();
      });
      working.push(consumer);
    }
    const supervisor = await centers.connect('supervisor', 'train');
    const watcher = await centers.connect('trainer', 'train');
    const seen: number[] = [];
    const watch = await watcher.bucketWatch('CLUSTER', 'partition.*', (_key, { bytes }) => {
      seen.push(bytes[0]!);
    });
    centers.signal('train', 'SIGKILL');
    await until('away', () => processor.away && watcher.away);
    await ingest(1);
    await until('the events of east', () => worked.has('starling.raw.east.action'));
    await until('home again', () => [processor, watcher, supervisor].every(({ away }) => !away));
    const trainer = await centers.connect('client', 'train');
    await trainer.append(subject.ingest('action'), encode([2]));
    await until('the events of train', () => worked.has('starling.raw.train.action'));
    await Promise.all(working.map((consumer) => consumer.stop()));
    // The bucket may be back a moment later than its server.
    let isPut = false;
    const put = (): Promise<void> =>
      supervisor.bucketPut('CLUSTER', 'partition.0', new Uint8Array([7])).then(
        () => void (isPut = true),
        (error: unknown) => {
          if (!(error as StarlingError).retryable) throw error;
        },
      );
    while (!isPut) await put();
    await until('the new value', () => seen.includes(7));
    await watch.stop();
  }, 90_000);
});

describe('a connection', () => {
  test('is at home, and knows where that is', async () => {
    const bus = await centers.connect('recommender', 'east');
    expect([bus.dataCenter, bus.home, bus.away]).toEqual(['east', 'east', false]);
  });

  test('whose server is killed goes elsewhere, answers on, comes home again, and loses no answer on its way', async () => {
    await rankerInWest();
    const slow = await centers.connect('serving-shard', 'west');
    slow.serve(subject.lookup(8), {}, async () => {
      await new Promise((resolve) => setTimeout(resolve, 300));
      return encode({ v: protocolVersion });
    });
    await slow.flush();
    const bus = await centers.connect('recommender', 'east');
    const asker = await centers.connect('ranker', 'east');
    const load = asking(bus, ask, 5);
    centers.signal('east', 'SIGKILL');
    await until('away', () => bus.away && bus.dataCenter === 'west');
    await until('away', () => asker.away && asker.dataCenter !== undefined);
    expect(bus.home).toBe('east');
    expect(decode(await bus.request(subject.rank, encode(request), { timeoutMs: 5_000 }))).toEqual({
      v: protocolVersion,
      dataCenter: 'west',
    });
    // One attempt each: a lost answer fails the test.
    const once = (each: NatsBus): Promise<unknown> =>
      each.request(subject.lookup(8), encode(request), { timeoutMs: 10_000 });
    const slowLoad = asking(asker, once, 100);
    await until('home again', () => isHome(bus)() && isHome(asker)());
    await ask(bus);
    await once(asker);
    expect(await load.stop()).toBeGreaterThan(10);
    expect(await slowLoad.stop()).toBeGreaterThan(3);
  }, 60_000);

  test('whose server says nothing any more does not wait for it', async () => {
    await rankerInWest();
    const bus = await centers.connect('recommender', 'east');
    const load = asking(bus, ask, 5);
    centers.signal('east', 'SIGSTOP');
    await until('away', () => bus.away);
    await ask(bus);
    centers.signal('east', 'SIGCONT');
    await until('home again', isHome(bus));
    await load.stop();
  }, 60_000);

  test('begins elsewhere when home is silent', async () => {
    centers.signal('east', 'SIGSTOP');
    const bus = await centers.connect('recommender', 'east');
    expect([bus.dataCenter, bus.away]).toEqual(['west', true]);
    centers.signal('east', 'SIGCONT');
    await until('home', isHome(bus));
    expect(bus.home).toBe('east');
  }, 60_000);

  test('serves only its own data center while it is a guest in another, and leaves nobody without an answer on its way home', async () => {
    const endpoints: ServedEndpoint[] = [];
    const rankerOf = async (dataCenter: string): Promise<NatsBus> => {
      const bus = await centers.connect('ranker', dataCenter);
      const endpoint = new ServedEndpoint(bus, {
        subject: subject.rank,
        alsoAt: subject.rankAt(dataCenter),
        answersAt: (place) => place === 'train',
        queue: 'ranker',
        inFlightMax: 8,
        deadlineMs,
        handle: async () => ({ v: protocolVersion, dataCenter }),
      });
      endpoints.push(endpoint);
      await bus.flush();
      return bus;
    };
    const east = await rankerOf('east');
    await rankerOf('west');
    const caller = await centers.connect('recommender', 'west');
    const answersOf = async (asker: NatsBus): Promise<Set<unknown>> => {
      const replies = await Promise.all(Array.from({ length: 40 }, () => ask(asker)));
      return new Set(replies.map((reply) => (reply as { dataCenter: string }).dataCenter));
    };
    const shard = await centers.connect('serving-shard', 'east');
    shard.serve(subject.lookup(7), {}, async () => {
      await new Promise((resolve) => setTimeout(resolve, 50));
      return encode({ v: protocolVersion });
    });
    const ranker = await centers.connect('ranker', 'west');
    centers.signal('east', 'SIGKILL');
    await until('a guest', () => east.away && east.dataCenter === 'west');
    await until('away', () => shard.away && shard.dataCenter !== undefined);
    const lookup = (asker: NatsBus): Promise<unknown> =>
      call(asker, subject.lookup(7), request, { deadlineMs, attemptMs: 5_000 });
    const load = asking(ranker, lookup, 1);
    await east.flush();
    expect(await answersOf(caller)).toEqual(new Set(['west']));
    const there = call(caller, subject.rankAt('east'), request, { deadlineMs });
    expect(await there).toMatchObject({ dataCenter: 'east' });
    await until('home again', () => isHome(east)() && isHome(shard)());
    await lookup(ranker);
    expect(await load.stop()).toBeGreaterThan(10);
    await east.flush();
    expect(await answersOf(await centers.connect('recommender', 'east'))).toEqual(
      new Set(['east']),
    );
    await Promise.all(endpoints.map((endpoint) => endpoint.stop()));
  }, 60_000);
});
