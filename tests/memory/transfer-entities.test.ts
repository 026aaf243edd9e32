import { expect, test } from '@jest/globals';
import { pino } from 'pino';
import type { FeaturesInput } from '../../client/ingest.js';
import { StarlingError } from '../../core/base/errors.js';
import { parseClusterConfig } from '../../core/config/schema.js';
import { encode } from '../../messages/codec.js';
import { declareStreams } from '../../messages/declared-streams.js';
import { names, subject } from '../../messages/default-names.testkit.js';
import { featureChangeMessage } from '../../messages/features.js';
import { transferEntities } from '../../operations/transfer-entities.js';
import { memoryWorld } from '../support/memory-world.js';

const config = parseClusterConfig({
  features: { item: { entity: 'item', kind: 'id' }, year: { entity: 'item', kind: 'id' } },
});

function world() {
  const { time, servers, connect } = memoryWorld(1);
  const { dataCenters } = config;
  for (const stream of declareStreams(names, { dataCenters, ingestMapped: true }))
    servers.declare({ ...stream, cluster: 'train' });
  const bus = connect();
  const tell = (entity: 'user' | 'item', changes: Record<string, number>) => {
    const features = Object.values(changes).map((year) => ({ year }));
    const change = { entity, ids: Object.keys(changes), features };
    return time.run(bus.append(subject.features(entity), encode(featureChangeMessage(change))));
  };
  return { time, bus, tell };
}

test('another cluster is told of each user and item once, as it is now, the oldest first', async () => {
  const { time, bus, tell } = world();
  await tell('item', { b: 1990, a: 1991 });
  await tell('user', { u: 1 });
  await tell('item', { c: 1992 });
  await tell('item', { b: 1999 });
  const told: FeaturesInput[] = [];
  const lines: string[] = [];
  const to = {
    ingestFeatures: async (events: readonly FeaturesInput[]) => {
      told.push(...events);
      return { repeated: 0, accepted: events.length };
    },
  };
  const log = pino({ level: 'silent' });
  const counts = await time.run(
    transferEntities({ from: { bus, config }, to, log, progress: (text) => lines.push(text) }),
  );
  expect(counts).toEqual({ user: 1, item: 3 });
  expect(told).toEqual([
    { entity: 'item', id: 'b', features: { year: 1999 }, mode: 'replace' },
    { entity: 'item', id: 'a', features: { year: 1991 }, mode: 'replace' },
    { entity: 'item', id: 'c', features: { year: 1992 }, mode: 'replace' },
    { entity: 'user', id: 'u', features: { year: 1 }, mode: 'replace' },
  ]);
  expect(lines).toEqual(['3 of 3 items', '1 of 1 users']);
});

test('what the other cluster refuses is told, and a log that does not reach back is not taken for all', async () => {
  const { time, bus, tell } = world();
  await tell('item', { a: 1990 });
  await tell('item', { b: 1991 });
  const refusing = {
    ingestFeatures: () => Promise.reject(new StarlingError('STORAGE_FULL', 'no room')),
  };
  const log = pino({ level: 'silent' });
  const run = () =>
    time.run(
      transferEntities({
        ...{ from: { bus, config }, to: refusing, log },
        progress: () => undefined,
      }),
    );
  await expect(run()).rejects.toMatchObject({ code: 'STORAGE_FULL' });
  await time.run(bus.purge(names.stream.features, { beforeSequence: 2 }));
  await expect(run()).rejects.toMatchObject({ code: 'CORRUPT' });
});
