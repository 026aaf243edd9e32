import { expect, test } from '@jest/globals';
import { replicasOf, withServers } from './data-centers.js';
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

test('servers that are there count, whatever the configuration was written for', () => {
  const present = ['train', 'train', 'train', 'east', 'west', 'west'];
  const where = withServers(
    config,
    present.map((dataCenter) => ({ dataCenter })),
  );
  expect(replicasOf(where)).toEqual({ train: 3, east: 1, west: 1 });
  expect(where.model).toBe(config.model);
});
