import { afterAll, beforeAll, beforeEach, describe, expect, test } from '@jest/globals';
import { clientOn } from '../../client/client.js';
import base from '../../cluster.config.js';
import { parseClusterConfig } from '../../core/config/schema.js';
import type { NatsBus } from '../../runtime/nats/nats-bus.js';
import { ClusterStreams } from '../../site/cluster-streams.js';
import { StorageFigures } from '../../site/storage-figures.js';
import { startMessageServer, type MessageServer } from '../support/message-server.js';

const config = parseClusterConfig(base);
const event = new TextEncoder().encode('an event');
const where = config.dataCenters.map(({ name }) => name);

let server: MessageServer;
let bus: NatsBus;
beforeAll(async () => {
  server = await startMessageServer();
  bus = await server.connect();
}, 60_000);
afterAll(async () => server?.stop());

/** What becomes of one event of each data center: `taken`, or the code it is refused with. */
async function fates(): Promise<string[]> {
  return Promise.all(
    where.map(async (dataCenter) => {
      try {
        await bus.append(bus.names.subject.raw(dataCenter, 'impression'), event);
        return 'taken';
      } catch (error) {
        return (error as { code: string }).code;
      }
    }),
  );
}

async function remove(stream: string): Promise<void> {
  await bus.request(`$JS.API.STREAM.DELETE.${stream}`, new Uint8Array(), { timeoutMs: 5_000 });
}

const all = (fate: string): string[] => where.map(() => fate);

/** `accepts` is what the guard of the disk says on the host that has one. */
function streamsOf(accepts?: () => boolean): ClusterStreams {
  return new ClusterStreams({ bus, config, placed: false, acceptsEvents: accepts });
}

/** As of servers that somebody else has set up. */
function figuresOn(bus: NatsBus): StorageFigures {
  return new StorageFigures({ bus, config, site: { placed: false, servers: () => [] } });
}

describe('with too little disk', () => {
  beforeEach(async () => {
    for (const name of where) await remove(bus.names.stream.raw(name));
  });

  test('streams that are made then take no event, not even the first', async () => {
    await streamsOf(() => false).prepare();
    expect(await fates()).toEqual(all('STORAGE_FULL'));
  });

  test('streams that refuse go on with that when a new leader brings them up to date, whoever that is', async () => {
    const own = streamsOf(() => true);
    await own.prepare();
    expect(await fates()).toEqual(all('taken'));
    await own.setIngest(false);
    await streamsOf(() => false).prepare();
    expect(await fates()).toEqual(all('STORAGE_FULL'));
    await streamsOf().prepare();
    expect(await fates()).toEqual(all('STORAGE_FULL'));
    await own.setIngest(true);
    expect(await fates()).toEqual(all('taken'));
  });

  test('a status says that it is the disk', async () => {
    const own = streamsOf(() => false);
    await own.prepare();
    const figures = figuresOn(bus);
    await figures.fresh(5_000);
    for (const name of where) expect(figures.at(name)).toMatchObject({ refuses: 'disk' });
    await own.setIngest(true);
    const later = figuresOn(bus);
    await later.fresh(5_000);
    for (const name of where) expect(later.at(name)).not.toHaveProperty('refuses');
  });

  test('the refusal says which limit it is', async () => {
    await streamsOf(() => false).prepare();
    const refused = bus.append(bus.names.subject.raw(where[0]!, 'action'), event);
    await expect(refused).rejects.toThrow(/less than nats\.freeBytesMin of disk is free/);
  });
});

describe('with the storage of the server used up', () => {
  let full: MessageServer;
  beforeAll(async () => {
    full = await startMessageServer({ storageBytesMax: 4 * 2 ** 20 });
  }, 60_000);
  afterAll(async () => full?.stop());

  test('who ingests is told of that limit, and how much was accepted', async () => {
    const bus = await full.connect();
    await new ClusterStreams({ bus, config, placed: false }).prepare();
    const text = 'x'.repeat(1_000);
    const items = Array.from({ length: 20_000 }, (_, id) => {
      return { entity: 'item' as const, id, features: { text } };
    });
    // Long enough for each message on a busy machine; so long the last one is tried again.
    const refused = await clientOn(bus, 2_000)
      .ingestFeatures(items)
      .catch((error: unknown) => error);
    const raw = where.map((name) => bus.streamState(bus.names.stream.raw(name)));
    const messages = (await Promise.all(raw)).reduce((sum, state) => sum + state.messages, 0);
    expect(refused).toMatchObject({
      code: 'STORAGE_FULL',
      message: expect.stringMatching(/^\d+ of 20000 events are accepted.* max_file_store/),
      details: { accepted: 500 * messages },
    });
    expect(messages).toBeGreaterThan(0);
  });

  test('a status says that it is the limit of the server, once a host has nothing stored', async () => {
    const bus = await full.connect();
    const figures = figuresOn(bus);
    await figures.fresh(5_000);
    const { usedBytes, refuses } = figures.at(where[0]!)!;
    expect(usedBytes).toBeGreaterThan(4 * 2 ** 20);
    expect(refuses).toBeUndefined();
    const error = await bus
      .bucketPut(bus.names.bucket, 'host.any', event)
      .catch((refused: unknown) => refused);
    figures.noteWrite(error);
    for (const name of where) expect(figures.at(name)).toEqual({ usedBytes, refuses: 'limit' });
  });
});
