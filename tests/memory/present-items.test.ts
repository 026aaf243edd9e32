import { expect, test } from '@jest/globals';
import { pino } from 'pino';
import { parseClusterConfig } from '../../core/config/schema.js';
import { encode } from '../../messages/codec.js';
import { declareStreams } from '../../messages/declared-streams.js';
import { names, subject } from '../../messages/default-names.testkit.js';
import { featureChangeMessage, type FeatureChange } from '../../messages/features.js';
import { presentItems } from '../../operations/item-files/present-items.js';
import { memoryWorld } from '../support/memory-world.js';

const config = parseClusterConfig({ features: { item: { entity: 'item', kind: 'id' } } });

test('who loads a file of items knows what the cluster has of them, also where two changes are in the wrong order', async () => {
  const { time, servers, connect } = memoryWorld(1);
  const { dataCenters } = config;
  for (const stream of declareStreams(names, { dataCenters, ingestMapped: true }))
    servers.declare({ ...stream, cluster: 'train' });
  const bus = connect();
  const tell = (change: FeatureChange) =>
    time.run(bus.append(subject.features(change.entity), encode(featureChangeMessage(change))));
  const origin = (sequence: number) => ({ dataCenter: 'train', sequence });
  const lamp = { title: 'A lamp', price: 9 };
  await tell({ entity: 'item', ids: ['a', 'b', 'gone'], features: [lamp, lamp, lamp] });
  await tell({ entity: 'user', ids: ['u'], features: [{ town: 'Kiel' }] });
  await tell({ entity: 'item', mode: 'patch', ids: ['gone'], features: [{}], erased: [true] });
  // The second of them was accepted first.
  const patch = { entity: 'item', mode: 'patch', ids: ['b'] } as const;
  await tell({ ...patch, features: [{ price: 8 }], origin: origin(12) });
  await tell({ ...patch, features: [{ price: 7, stock: 1 }], origin: origin(11) });
  const log = pino({ level: 'silent' });
  const present = await time.run(presentItems({ bus, config, log }));
  expect([...present.ids()]).toEqual(['a', 'b']);
  expect(present.patch('a', lamp)).toBe('unchanged');
  expect(present.patch('b', { ...lamp, price: 8, stock: 1 })).toBe('unchanged');
  expect(present.patch('b', { price: 7 })).toBe('changed');
});
