import { afterEach, expect, test } from '@jest/globals';
import base from '../../cluster.config.js';
import { LiveCluster } from '../support/live-cluster.js';

let live: LiveCluster;
afterEach(() => live.stop());

test('a serving shard that is killed costs no recommendation while the other data center has its rows', async () => {
  live = await LiveCluster.start({ dataCenters: base.dataCenters! });
  await live.feed(900);
  await live.settled();
  let asking = true;
  let answered = 0;
  const failures: unknown[] = [];
  const asks = (async () => {
    while (asking) {
      try {
        const { items } = await live.client.recommend({ user: answered % 200, k: 5 });
        expect(items.length).toBe(5);
        answered++;
      } catch (error) {
        failures.push(error);
      }
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
  })();
  for (let kill = 0; kill < 3; kill++) {
    const { epoch } = live.actor('east.serving-shard.0');
    live.signal('east.serving-shard.0', 'SIGKILL');
    await live.until('it is back', () => {
      const { epoch: now, state } = live.actor('east.serving-shard.0');
      return now > epoch && state === 'ready';
    });
  }
  asking = false;
  await asks;
  expect(failures).toEqual([]);
  expect(answered).toBeGreaterThan(20);
  await live.feed(300);
  await live.settled();
  const trained = await live.digests();
  await live.until('serving has caught up', async () => {
    const served = await live.servedDigests('east');
    return served.every(
      ({ partition, deltaNumber }) => deltaNumber === trained.get(partition)!.deltaNumber,
    );
  });
  await live.until('the way from training to serving is measured', () => {
    const { propagationP50Ms } = live.actorOf('serving-shard', 'east.serving-shard.0').stats;
    return typeof propagationP50Ms === 'number' && propagationP50Ms >= 0;
  });
}, 120_000);
