import { expect, test } from '@jest/globals';
import { onOneHost, replicasOf } from './data-centers.js';
import { parseClusterConfig } from './schema.js';

const config = parseClusterConfig({
  features: { user: { entity: 'user', kind: 'id' }, item: { entity: 'item', kind: 'id' } },
  dataCenters: [
    { name: 'train', role: 'training', servers: 5 },
    { name: 'east', role: 'inference', servers: 3 },
    { name: 'west', role: 'inference' },
  ],
});

test('three servers or more hold three copies of each stream', () => {
  expect(replicasOf(config)).toEqual({ train: 3, east: 3, west: 1 });
});

test('on one host there is one server for each data center, and one copy', () => {
  expect(replicasOf(onOneHost(config))).toEqual({ train: 1, east: 1, west: 1 });
  expect(onOneHost(config).model).toBe(config.model);
});
