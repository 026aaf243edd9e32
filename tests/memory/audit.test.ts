import { beforeEach, describe, expect, test } from '@jest/globals';
import type { HeardOf } from '../../messages/actor-kinds.js';
import type { ActorStatus } from '../../messages/actor-status.js';
import type { ClusterStatus } from '../../messages/cluster-status.js';
import { IntervalSet } from '../../core/base/interval-set.js';
import { sleep } from '../../core/base/clock.js';
import { encode, protocolVersion } from '../../messages/codec.js';
import { subject } from '../../messages/default-names.testkit.js';
import { digestsReply, type PartitionDigest } from '../../messages/ownership.js';
import { audit } from '../../operations/audit/audit.js';
import type { MemoryBus } from '../../simulation/nats/memory-bus.js';
import { memoryWorld, type MemoryWorld } from '../support/memory-world.js';
import { mainModel } from '../../messages/model-name.js';

/** What an audit finds in logs and answers; that it reads those of real servers, tests of clusters show. */
let world: MemoryWorld;
let bus: MemoryBus;

const dataCenters = [
  { name: 'train', role: 'training' as const },
  { name: 'east', role: 'inference' as const },
];
const known = dataCenters.map((each) => ({ ...each, state: 'healthy' }));
const streams = ['RAW_TRAIN', 'RAW_EAST', 'JOIN', 'SAMPLES', 'DELTAS', 'DENSE', 'DEAD_LETTER'];

beforeEach(async () => {
  world = memoryWorld(1, 'train', ['east']);
  world.declareOnly(streams, { dataCenters, ingestMapped: true });
  bus = world.connect();
  for (const [stream, durable] of [
    ['RAW_TRAIN', 'processor'],
    ['RAW_EAST', 'processor'],
    ['SAMPLES', 'trainer'],
  ] as const) {
    // Whoever works on a stream here acknowledges at once.
    const options = { stream, durable, ackWaitMs: 1_000, pendingMax: 10 };
    await world.time.run(bus.work(options, (message) => message.ack()));
  }
});

/** Virtual time passes until it is done. */
const inTime = <T>(act: () => Promise<T>): Promise<T> => world.time.run(act(), 600_000);

const send = (name: string, value: object) =>
  bus.append(name, encode({ v: protocolVersion, ...value }));
const columns = (kind: string, ...requestIds: string[]) => ({
  kind,
  requestIds,
  items: requestIds.map(() => '7'),
});

function statusWith(joiner: HeardOf<'joiner'>): Pick<ClusterStatus, 'actors' | 'dataCenters'> {
  const zeros = {
    ...{ passedImpressions: 0, received: 0, notGiven: 0, notSeen: 0, erased: 0 },
    ...{ passed: 0, passedIn: 0, samples: 0, ignoredImpressions: 0 },
  };
  const counters = { positives: 0, negatives: 0, negativesDropped: 0, lateImpressions: 0, open: 0 };
  const others = { actions: 1, duplicates: 1, outboxPending: 0, ...zeros };
  const stats = { impressions: 0, ...counters, ...others, published: { 0: Infinity }, ...joiner };
  return { dataCenters: known, actors: [joinerWith(stats)] };
}

const joinerWith = (stats: HeardOf<'joiner'>): ActorStatus<'joiner'> => ({
  ...rowOf('train.joiner.0'),
  kind: 'joiner',
  stats,
});

const shards: readonly ActorStatus[] = [
  { ...rowOf('train.ps-shard.0'), kind: 'ps-shard', stats: {} },
  { ...rowOf('train.ps-shard.1'), kind: 'ps-shard', stats: {} },
  { ...rowOf('east.serving-shard.0'), kind: 'serving-shard', stats: {} },
];

function rowOf(address: string) {
  return {
    address,
    dataCenter: address.split('.')[0]!,
    host: 'here',
    pid: 1,
    state: 'ready' as const,
    epoch: 1,
    restarts: 0,
    sinceMs: 0,
  };
}

/** A shard that answers with these digests, each of partition 0 at one record. */
function answer(
  name: string,
  digest: Pick<PartitionDigest, 'digest'> & Partial<PartitionDigest>,
): void {
  const place = { partition: 0, epoch: 1, deltaNumber: 5, sequence: 9, rows: 3 };
  const digests = [{ ...place, owned: false, settled: true, ...digest }];
  bus.serve(name, {}, async () => encode(digestsReply(digests)));
}

/** Three impressions, one refused, one clicked, one open. */
const write = (change: Parameters<typeof written>[0] = {}) => inTime(() => written(change));
async function written(change: { lose?: boolean; double?: boolean; skip?: number }) {
  const one = { requestId: 'a', item: 7 };
  const raw = subject.raw('east', 'impression');
  await bus.append(raw, encode([one, { requestId: 'bad' }]));
  await send(raw, columns('impressions', 'b', 'c'));
  await send(subject.raw('train', 'action'), columns('actions', 'a'));
  await send(subject.deadLetter('processor'), {
    ...{ atMs: 1, address: 'train.processor.0', origin: raw, sequence: 1 },
    letters: [{ code: 'BAD_EVENT', message: '-', events: 1, content: { requestId: 'bad' } }],
  });
  await send(subject.join(0), columns('impressions', 'a'));
  await send(subject.join(0), columns('impressions', 'a', 'b'));
  if (!change.lose) await send(subject.join(0), columns('impressions', 'c'));
  await send(subject.join(0), columns('actions', 'a'));
  await send(subject.samples(0), columns('samples', 'a'));
  const last = await send(subject.samples(0), columns('samples', change.double ? 'a' : 'b'));
  for (const partition of [0, 1]) {
    const set = new IntervalSet();
    for (let batch = 1; batch <= last; batch++)
      if (partition === 0 || batch !== change.skip) set.add(batch);
    await send(subject.deltaWeights(mainModel, partition), { applied: set.encode() });
  }
  await send(subject.denseState(mainModel), { applied: new IntervalSet(last + 1).encode() });
  for (const [stream, durable] of [
    ['RAW_EAST', 'processor'],
    ['SAMPLES', 'trainer'],
  ] as const)
    while ((await bus.workState(stream, durable)).left > 0) await sleep(bus.clock, 5);
  return last;
}

const counted = { impressions: 3, positives: 1, negatives: 1, open: 1, samples: 2 };
const check = async (joiner: HeardOf<'joiner'> = counted, status = statusWith(joiner)) => {
  const { verdict, laws } = await inTime(() => audit(bus, async () => status, 0));
  const broken = laws.filter((law) => law.verdict !== 'holds');
  return { verdict, broken: broken.map(({ name, remark }) => [name, remark]) };
};

describe('an audit', () => {
  test('finds the books of a sound cluster balanced', async () => {
    await write();
    expect(await check()).toEqual({ verdict: 'holds', broken: [] });
  });

  test('finds an impression that was lost between RAW and JOIN', async () => {
    await write({ lose: true });
    const { verdict, broken } = await check({ ...counted, impressions: 2, open: 0 });
    expect(verdict).toBe('violated');
    expect(broken).toEqual([
      ['impressions accepted', expect.stringContaining('1 accepted and nowhere after')],
    ]);
  });

  test('finds a sample that came twice', async () => {
    await write({ double: true });
    const { verdict, broken } = await check();
    expect(verdict).toBe('violated');
    expect(broken).toEqual([['samples', expect.stringContaining('1 came twice')]]);
  });

  test('finds a batch that one partition has not applied', async () => {
    await write({ skip: 1 });
    const { verdict, broken } = await check();
    expect(verdict).toBe('violated');
    expect(broken).toEqual([['batches in partition 1', 'missing 1']]);
  });

  test.each<[string, readonly ActorStatus[], string]>([
    ['is missing', [joinerWith({ ...counted, negatives: 1 })], 'train.joiner.0 has not told '],
    ['has nobody to tell it', [], 'the status has no joiner'],
  ])('does not read 0 where a figure %s: it says so', async (_how, actors, remark) => {
    await write();
    const { verdict, broken } = await check(counted, { dataCenters: known, actors });
    expect(verdict).toBe('violated');
    expect(broken).toEqual(
      ['events joined', 'impressions settled', 'samples'].map((law) => [
        law,
        expect.stringContaining(remark),
      ]),
    );
  });

  test.each<[string, { standby?: string; served?: string }, string[][]]>([
    ['equal', {}, []],
    [
      'other rows in a standby',
      { standby: 'b' },
      [['rows of standbys', 'partition 0 of train.ps-shard.1 has b at epoch 1 delta 5']],
    ],
    [
      'other rows in a data center that serves',
      { served: 'x' },
      [['rows served in east', 'partition 0 of east.serving-shard.0 has x at epoch 1 delta 5']],
    ],
  ])('compares the rows of all who have them, and finds %s', async (_what, planted, expected) => {
    await write();
    const { standby = 'a', served = 'w' } = planted;
    answer(subject.shardControl('digest', 0), { owned: true, digest: 'a', served: 'w' });
    answer(subject.shardControl('digest', 1), { digest: standby });
    answer(subject.servingControl('digest', 'east', 0), { digest: served });
    const actors = [...statusWith(counted).actors, ...shards];
    const { broken } = await check(counted, { dataCenters: known, actors });
    expect(broken).toEqual(expected.map(([law, text]) => [law, expect.stringContaining(text!)]));
  });

  test('does not call rows equal of which nobody tells', async () => {
    await write();
    answer(subject.shardControl('digest', 0), { owned: true, digest: 'a', served: 'w' });
    answer(subject.shardControl('digest', 1), { digest: 'a' });
    const down = { ...rowOf('east.serving-shard.0'), state: 'restarting' } as const;
    const silent: ActorStatus = { ...down, kind: 'serving-shard', stats: {} };
    const actors = [...statusWith(counted).actors, ...shards.slice(0, 2), silent];
    const { verdict, broken } = await check(counted, { dataCenters: known, actors });
    expect(verdict).toBe('under way');
    expect(broken).toEqual([['rows served in east', 'east.serving-shard.0: it is restarting']]);
  });

  test('waits for what is on its way', async () => {
    await write({ lose: true });
    let looks = 0;
    const statusOf = async () => {
      if (++looks === 2) await send(subject.join(0), columns('impressions', 'c'));
      return statusWith(counted);
    };
    const { ok } = await inTime(() => audit(bus, statusOf, 5_000));
    expect(ok).toBe(true);
    expect(looks).toBe(2);
  });
});
