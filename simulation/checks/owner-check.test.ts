import { beforeEach, describe, expect, test } from '@jest/globals';
import { IntervalSet } from '../../core/base/interval-set.js';
import { encode } from '../../messages/codec.js';
import { names } from '../../messages/default-names.testkit.js';
import { MemoryServers } from '../nats/memory-servers.js';
import { Network } from '../nats/network.js';
import { SeededRandom } from '../time/seeded-random.js';
import { VirtualTime } from '../time/virtual-time.js';
import { OwnerCheck } from './owner-check.js';

let found: string[];
let servers: MemoryServers;
let check: OwnerCheck;

beforeEach(() => {
  const time = new VirtualTime();
  const random = new SeededRandom(1);
  const network = new Network(time, random);
  servers = new MemoryServers({ time, random, network, dataCenters: ['train'] });
  servers.declare({
    ...{ name: names.stream.deltas, cluster: 'train', subjects: ['starling.deltas.>'] },
    ...{ maxAgeMs: 0, discard: 'new', duplicateWindowMs: 1_000 },
  });
  found = [];
  check = new OwnerCheck(servers, names, (what) => found.push(what));
});

const pulled = (shard: number, partition: number, epoch: number, life = 1): void =>
  check.answered(
    `c${shard}.${life}`,
    names.subject.pull(shard),
    encode({ partitions: Uint32Array.of(partition), epochs: Uint32Array.of(epoch) }),
    {},
  );
const pushed = (shard: number, epoch: number, ...batches: number[]): void =>
  check.answered(
    `c${shard}.1`,
    names.subject.push(shard),
    encode({
      ...{ partitions: Uint32Array.of(0), epochs: Uint32Array.of(epoch) },
      batches: Float64Array.from(batches),
    }),
    { outcome: 'applied' },
  );
function logged(epoch: number, ...batches: number[]): void {
  const applied = new IntervalSet();
  for (const batch of batches) applied.add(batch);
  const delta = { partition: 0, epoch, deltaNumber: 1, applied: applied.encode() };
  const stream = servers.stream(names.stream.deltas);
  stream.append(names.subject.deltaRows('main', 0), encode(delta), {}, 0);
}

describe('the check of owners', () => {
  test('finds a record of an old epoch', () => {
    logged(1, 1);
    logged(2, 1);
    expect(found).toEqual([]);
    logged(1, 1);
    expect(found).toEqual(['no old owner']);
  });

  test('finds two lives of a shard that answer at one epoch', () => {
    pulled(0, 3, 1);
    pulled(0, 3, 2, 2);
    expect(found).toEqual([]);
    pulled(0, 3, 2);
    expect(found).toEqual(['one owner']);
  });

  test('finds two shards that answer at one epoch, and one that answers at an old one', () => {
    pulled(0, 3, 1);
    pulled(1, 3, 2);
    expect(found).toEqual([]);
    pulled(0, 3, 2);
    expect(found.splice(0)).toEqual(['one owner']);
    pulled(0, 3, 1);
    expect(found).toEqual(['no old owner']);
  });

  test('finds what was said to be durable and is not in the log, at once and later', () => {
    logged(1, 1, 2);
    pushed(0, 1, 2);
    expect(found).toEqual([]);
    pushed(0, 1, 3);
    expect(found.splice(0)).toEqual(['nothing is lost']);
    logged(2, 1, 3);
    expect(found.splice(0)).toEqual(['nothing is lost']);
  });

  test('finds a push that was taken by an owner of a later epoch than it names', () => {
    logged(5, 1);
    pushed(0, 5, 1);
    // It was applied before, by an earlier owner.
    pushed(0, 6, 1);
    expect(found).toEqual([]);
    pushed(0, 4, 1);
    expect(found).toEqual(['no old request']);
  });
});
