import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { writeFileSync } from 'node:fs';
import path from 'node:path';
import base from '../../cluster.config.js';
import { clientOn } from '../../client/client.js';
import { codeOf, messageOf } from '../../core/base/errors.js';
import type { ClusterConfigInput } from '../../core/config/schema.js';
import { audit } from '../../operations/audit/audit.js';
import { connectAs, type NatsBus } from '../../runtime/nats/nats-bus.js';
import { LiveCluster } from '../support/live-cluster.js';
import { leanConfig } from '../support/lean-config.js';
import { starling } from '../support/starling-process.js';

/** Two data centers answer, so one can while the other changes; of all kinds there is one each. */
const actors = { 'ps-shard': 1, 'serving-shard': 1, ranker: 1, recommender: 1, joiner: 1 };
const shop = {
  dataCenters: base.dataCenters!,
  actors,
  standby: 0,
  partitions: 2,
  features: {
    user: { entity: 'user', kind: 'id' },
    item: { entity: 'item', kind: 'id' },
    price: { entity: 'item', kind: 'dense' },
  },
} satisfies Partial<ClusterConfigInput>;
const changed = {
  ...shop,
  features: {
    brand: { entity: 'item', kind: 'id' },
    item: { entity: 'item', kind: 'id' },
    user: { entity: 'user', kind: 'id' },
    taps: { entity: 'user', kind: 'count' },
  },
} satisfies Partial<ClusterConfigInput>;

let live: LiveCluster;
let buses: NatsBus[] = [];

beforeAll(async () => {
  live = await LiveCluster.start(shop);
}, 180_000);
afterAll(async () => {
  await Promise.all(buses.map((bus) => bus.close()));
  await live?.stop();
}, 60_000);

test('a configuration is applied and taken back while people ask, and each has an answer with items in it', async () => {
  const { cluster, folder } = live;
  const file = path.join(folder, 'changed.json');
  writeFileSync(file, JSON.stringify({ ...leanConfig, ...changed }));
  buses = await Promise.all(
    ['east', 'west'].map((dataCenter) =>
      connectAs(cluster.access(dataCenter, 'client'), { name: 'test', suspectMs: 200 }),
    ),
  );
  const people = buses.map((bus) => clientOn(bus, 2_000));
  await people[0]!.ingestItems(
    Array.from({ length: 30 }, (_unused, i) => ({ item: `i${i}`, price: i, brand: `b${i % 3}` })),
  );
  const shown = async () => {
    const answers = await Promise.all(people.map((each) => each.recommend({ user: 'u', k: 3 })));
    return answers.every(({ items }) => items.length === 3);
  };
  while (!(await shown().catch(() => false))) await new Promise((next) => setTimeout(next, 100));

  let isOver = false;
  let answered = 0;
  const troubles: string[] = [];
  const asking = people.map(async (client, i) => {
    for (let turn = 0; !isOver; turn++) {
      const user = `u${i}-${turn % 20}`;
      try {
        const { items, requestId, warnings, dataCenter } = await client.recommend({ user, k: 3 });
        answered++;
        if (items.length < 3)
          troubles.push(`${items.length} items of ${dataCenter}: ${warnings.join()}`);
        else await client.ingestActions([{ requestId, item: items[0]!.item, label: 1 }]);
      } catch (error) {
        troubles.push(`${codeOf(error)}: ${messageOf(error)}`);
      }
      await new Promise((next) => setTimeout(next, 100));
    }
  });
  const config = (...words: string[]) =>
    starling('config', ...words, '--state', cluster.stateDir, '--allow', 'forget:price,forget:brand,forget:taps'); // prettier-ignore
  const unasked = await starling('config', 'apply', file, '--state', cluster.stateDir);
  expect(unasked.output).toContain('--allow forget:price');
  expect(unasked.code).not.toBe(0);
  expect(await config('apply', file)).toMatchObject({ code: 0 });
  expect(await config('rollback', '1')).toMatchObject({ code: 0 });
  isOver = true;
  await Promise.all(asking);
  expect(troubles).toEqual([]);
  expect(answered).toBeGreaterThan(50);
  expect(cluster.status().ready).toBe(true);
  const admin = await connectAs(cluster.access('train', 'admin'), { name: 'audit' });
  buses.push(admin);
  const { verdict, laws } = await audit(admin, async () => cluster.status(), 30_000);
  expect(laws.filter((each) => each.verdict === 'violated')).toEqual([]);
  expect(verdict).toBe('holds');
}, 300_000);
