import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { operate } from '../../client/operate.js';
import type { TakenSnapshot } from '../../cluster/snapshots/taken-snapshot.js';
import { streamName } from '../../messages/default-names.testkit.js';
import { audit } from '../../operations/audit/audit.js';
import { LiveCluster } from '../support/live-cluster.js';

/** Two models on real servers and in real processes; what faults do to them is for the simulation. */
let live: LiveCluster;
beforeAll(async () => {
  live = await LiveCluster.start({
    dataCenters: [{ name: 'main', role: 'all' }],
    actors: { 'ps-shard': 1, trainer: 1, ranker: 1 },
  });
}, 90_000);
afterAll(() => live?.stop());

const model = (request: object) => operate(live.bus, 'model', request, () => undefined);

async function scoredBy(): Promise<string> {
  return (await live.client.recommend({ user: '1', k: 1, log: false })).model;
}

/** Somebody who asks without a break, each time once, until he is stopped. */
function askOn() {
  const failures: string[] = [];
  let answered = 0;
  let going = true;
  const run = (async () => {
    while (going) {
      await live.client.recommend({ user: `${answered % 50}`, k: 1, log: false }).then(
        () => answered++,
        (error: unknown) => failures.push(String(error)),
      );
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
  })();
  return {
    answered: () => answered,
    stop: async () => {
      going = false;
      await run;
      return failures;
    },
  };
}

test('a model begins with a snapshot, learns, answers, is killed, and goes, while requests go on', async () => {
  await live.client.ingestItems(['1', '2', '3'].map((item) => ({ item, year: 1990 })));
  await live.feed(300);
  await live.settled();
  const { taken } = (await operate(live.bus, 'snapshot', {}, () => undefined)) as unknown as {
    taken: readonly TakenSnapshot[];
  };
  const requests = askOn();
  const { snapshot } = taken.find(({ of }) => of === 'rows')!;
  await model({ act: 'start', name: 'next', from: snapshot, set: {}, beginning: 'now' });
  const feeding = live.feedOn();
  expect(await scoredBy()).toBe('main');
  await model({ act: 'promote', name: 'next' });
  await live.until('the other one answers', async () => (await scoredBy()) === 'next');
  for (const kind of ['trainer', 'ps-shard', 'ranker']) {
    const { address, epoch } = live.actor(`main.${kind}.1000`);
    live.signal(address, 'SIGKILL');
    await live.until(`${address} is back`, () => {
      const now = live.actor(address);
      return now.epoch > epoch && now.state === 'ready';
    });
  }
  await feeding.stop();
  await live.settled();
  await live.until('it answers again', async () => (await scoredBy()) === 'next');
  const { laws } = await audit(live.bus, async () => live.cluster.status(), 20_000);
  expect(laws.filter(({ verdict }) => verdict !== 'holds')).toEqual([]);
  expect(laws.map(({ name }) => name)).toContain('batches in partition 0 of next');
  await model({ act: 'rollback' });
  await live.until('what was before answers', async () => (await scoredBy()) === 'main');
  await model({ act: 'stop', name: 'next' });
  await live.until('a hundred were answered', () => requests.answered() > 100);
  expect(await requests.stop()).toEqual([]);
  const left = await live.bus.subjects(streamName.deltas, 'starling.deltas.*.next.>');
  expect(left).toEqual([]);
}, 150_000);
