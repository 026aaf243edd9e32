import { describe, expect, test } from '@jest/globals';
import { encode } from '../../messages/codec.js';
import { names } from '../../messages/default-names.testkit.js';
import { MemoryBus } from '../nats/memory-bus.js';
import { MemoryServers, type Served } from '../nats/memory-servers.js';
import { Network } from '../nats/network.js';
import { SeededRandom } from '../time/seeded-random.js';
import { SimulatedProcess } from '../time/simulated-process.js';
import { VirtualTime } from '../time/virtual-time.js';
import { checkServed } from './request-check.js';

function world() {
  const time = new VirtualTime();
  const random = new SeededRandom(1);
  const network = new Network(time, random);
  const servers = new MemoryServers({ time, random, network, dataCenters: ['train'] });
  const process = new SimulatedProcess(time, { name: 'ranker', random, onCrash: () => undefined });
  const responder = new MemoryBus({ servers, process, names, dataCenters: ['train'] });
  const found: string[] = [];
  const served = { responder, subject: 'rank', waitedMs: 0, reply: encode({ items: [] }) };
  const answers = (
    timeout: string | undefined,
    sinceMs: number,
    more: Partial<Served> = {},
  ): void => checkServed({ ...served, timeout, sinceMs, ...more }, (what) => found.push(what));
  return { time, process, answers, found };
}

describe('the check of those who answer', () => {
  test('finds who works for longer than somebody waits', async () => {
    const { time, answers, found } = world();
    await time.pass(2_000);
    answers('1980', 0);
    answers(undefined, 0);
    expect(found).toEqual([]);
    answers('1500', 0);
    expect(found).toEqual(['in time']);
  });

  test('finds who begins when nobody waits any more, unless he refuses', async () => {
    const { time, answers, found } = world();
    await time.pass(2_000);
    answers('900', 1_990, { waitedMs: 800 });
    answers('900', 1_990, { waitedMs: 1_000, reply: encode({ error: { code: 'UNAVAILABLE' } }) });
    expect(found).toEqual([]);
    answers('900', 1_990, { waitedMs: 1_000 });
    expect(found).toEqual(['in time']);
  });

  test('excuses who stood still meanwhile', async () => {
    const { time, process, answers, found } = world();
    process.pause();
    await time.pass(2_000);
    process.resume();
    answers('100', 0);
    expect(found).toEqual([]);
  });
});
