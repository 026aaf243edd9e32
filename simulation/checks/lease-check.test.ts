import { expect, test } from '@jest/globals';
import { names } from '../../messages/default-names.testkit.js';
import { leaseKey } from '../../messages/ownership.js';
import { simulatedConfig } from '../cluster/simulated-config.js';
import { MemoryServers } from '../nats/memory-servers.js';
import { Network } from '../nats/network.js';
import { SeededRandom } from '../time/seeded-random.js';
import { VirtualTime } from '../time/virtual-time.js';
import { LeaseCheck } from './lease-check.js';

test('a shard that answers pulls without a lease is found', async () => {
  const [time, random] = [new VirtualTime(), new SeededRandom(1)];
  const network = new Network(time, random);
  const servers = new MemoryServers({ time, random, network, dataCenters: ['train'] });
  servers.declareBucket(names.bucket, 'train');
  const found: string[] = [];
  const check = new LeaseCheck(servers, names, simulatedConfig, (what) => found.push(what));
  const { bucket } = servers.bucket(names.bucket);
  const renew = (): void => void bucket.put(leaseKey('train.ps-shard.1'), new Uint8Array(1));
  renew();
  await time.pass(1_500);
  check.answered(names.subject.pull(1));
  renew();
  await time.pass(1_500);
  check.answered(names.subject.pull(1));
  // It is protected by the log.
  await time.pass(1_500);
  check.answered(names.subject.push(1));
  expect(found).toEqual([]);
  check.answered(names.subject.pull(1));
  check.answered(names.subject.pull(0));
  expect(found).toEqual(['no answer without a lease', 'no answer without a lease']);
});
