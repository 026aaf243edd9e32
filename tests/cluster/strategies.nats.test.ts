import { afterEach, expect, test } from '@jest/globals';
import type { ActorStatus } from '../../messages/actor-status.js';
import { LiveCluster } from '../support/live-cluster.js';

let live: LiveCluster;
afterEach(() => live.stop());

function actorsOf(dataCenter: string): ActorStatus[] {
  return live.cluster.status().actors.filter((actor) => actor.dataCenter === dataCenter);
}

test('all for one: a crash starts all of its data center anew, no other, and every sample is learned', async () => {
  live = await LiveCluster.start({ supervision: { strategy: 'all-for-one' } });
  await live.feed(200);
  const feeding = live.feedOn();
  live.signal('train.trainer.0', 'SIGKILL');
  await live.until('all of the data center have a new epoch', () =>
    actorsOf('train').every(({ epoch }) => epoch > 1),
  );
  await live.untilReady();
  await feeding.stop();
  await live.settled();

  const { events } = live.cluster.status();
  const told = events
    .filter(({ detail }) => detail === 'with its group: train.trainer.0 crashed')
    .map(({ address }) => address);
  const others = actorsOf('train').filter(({ kind }) => kind !== 'trainer');
  expect(told.sort()).toEqual(others.map(({ address }) => address).sort());
});
