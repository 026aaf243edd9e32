import { beforeEach, describe, expect, test } from '@jest/globals';
import type { ClusterConfig } from '../../core/config/schema.js';
import { featureSpecOf } from '../../core/features/feature-spec.js';
import { encodeContext } from '../../core/features/origin.js';
import { createTransform } from '../../core/features/transform.js';
import { noFacts } from '../../core/joining/event-facts.js';
import { encode } from '../../messages/codec.js';
import { declareStreams } from '../../messages/declared-streams.js';
import { names } from '../../messages/default-names.testkit.js';
import { impressionsMessage } from '../../messages/events.js';
import { featureChangeMessage } from '../../messages/features.js';
import { simulatedConfig as config } from '../cluster/simulated-config.js';
import { MemoryServers } from '../nats/memory-servers.js';
import { Network } from '../nats/network.js';
import { SeededRandom } from '../time/seeded-random.js';
import { VirtualTime } from '../time/virtual-time.js';
import { FeatureCheck } from './feature-check.js';

const spec = featureSpecOf(config.features, config.lineage);
const transform = createTransform(spec);
let time: VirtualTime;
let servers: MemoryServers;
let check: FeatureCheck;
let found: string[];
const historyOf = (one: ClusterConfig) => ({
  newest: one,
  follow: (hear: (config: ClusterConfig) => void) => hear(one),
});

beforeEach(() => {
  time = new VirtualTime();
  const random = new SeededRandom(1);
  const network = new Network(time, random);
  const { dataCenters } = config;
  servers = new MemoryServers({
    ...{ time, random, network },
    dataCenters: dataCenters.map(({ name }) => name),
  });
  for (const stream of declareStreams(names, { dataCenters, ingestMapped: true }))
    servers.declare(stream);
  found = [];
  check = new FeatureCheck(servers, names, historyOf(config), (what) => found.push(what));
});

function changes(user: string, age: number): void {
  const change = { entity: 'user' as const, ids: [user], features: [{ age }] };
  const stream = servers.stream(names.stream.features);
  stream.append(names.subject.features('user'), encode(featureChangeMessage(change)), {}, 0);
}

function isScored(user: string, age: number): void {
  const examples = transform.assemble(
    [transform.encodeEntity('user', user, { age })],
    [transform.encodeEntity('item', 'i1', {})],
    [encodeContext(transform, {}, 'shown')],
  );
  const rows = { requestIds: ['r'], users: [user], items: ['i1'], atMs: Float64Array.of(0) };
  const scored = { ...rows, scores: Float32Array.of(0.5), facts: noFacts, examples };
  const subject = names.pattern('raw', { dc: 'east', type: 'impression' });
  const stream = servers.stream(names.stream.raw('east'));
  stream.append(subject, encode(impressionsMessage(spec, scored)), {}, 0);
}

describe('the check of features', () => {
  test('finds who is scored with what he was before, when a change has had its time', async () => {
    check.isCalm = true;
    changes('u1', 30);
    isScored('u1', 20);
    await time.pass(2_000);
    isScored('u1', 30);
    isScored('u2', 20);
    expect(found).toEqual([]);
    isScored('u1', 20);
    expect(found).toEqual(['the newest features']);
  });

  test('asks for nothing that has changed in a storm', async () => {
    changes('u1', 30);
    check.isCalm = true;
    changes('u2', 30);
    check.isCalm = false;
    await time.pass(2_000);
    isScored('u1', 20);
    isScored('u2', 20);
    expect(found).toEqual([]);
  });
});
