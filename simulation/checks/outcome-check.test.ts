import { beforeEach, expect, test } from '@jest/globals';
import type { ClusterConfig } from '../../core/config/schema.js';
import { featureSpecOf } from '../../core/features/feature-spec.js';
import { encodeContext } from '../../core/features/origin.js';
import { createTransform } from '../../core/features/transform.js';
import { columnsOfRows } from '../../core/base/columns.js';
import { factTable, factsOf, lanes } from '../../core/joining/event-facts.js';
import { zeroEvents, zeroLane, zeroOutcome } from '../../core/joining/join-counts.js';
import { encode } from '../../messages/codec.js';
import { names } from '../../messages/default-names.testkit.js';
import { header } from '../../messages/headers.js';
import { outcomesOf } from '../../messages/outcomes.js';
import { samplesMessage } from '../../messages/samples.js';
import { simulatedConfig } from '../cluster/simulated-config.js';
import { MemoryServers } from '../nats/memory-servers.js';
import { Network } from '../nats/network.js';
import { SeededRandom } from '../time/seeded-random.js';
import { VirtualTime } from '../time/virtual-time.js';
import { OutcomeCheck } from './outcome-check.js';

const transform = createTransform(featureSpecOf(simulatedConfig.features));
let found: string[];
const historyOf = (one: ClusterConfig) => ({
  newest: one,
  follow: (hear: (config: ClusterConfig) => void) => hear(one),
});
let servers: MemoryServers;
let check: OutcomeCheck;

beforeEach(() => {
  const time = new VirtualTime();
  const random = new SeededRandom(1);
  servers = new MemoryServers({
    ...{ time, random, network: new Network(time, random), dataCenters: ['train'] },
  });
  servers.declare({
    ...{ name: names.stream.samples, cluster: 'train', subjects: ['starling.samples.>'] },
    ...{ maxAgeMs: 0, discard: 'new', duplicateWindowMs: 1_000 },
  });
  found = [];
  check = new OutcomeCheck(servers, names, historyOf(simulatedConfig), (what) => found.push(what));
});

interface Published {
  readonly requestIds: string[];
  readonly labels: number[];
  /** What the joiner says that it has counted by then. */
  readonly counted?: { readonly samples: number; readonly positives: number };
  readonly complete?: boolean;
  readonly lane?: number;
}

function published({ requestIds, labels, counted, complete = true, lane = 0 }: Published): void {
  const rows = requestIds.length;
  const each = <T>(value: T): T[] => new Array<T>(rows).fill(value);
  const counters = counted && {
    ...{ ...zeroEvents(), ...zeroOutcome(), others: {}, imported: zeroLane() },
    ...counted,
  };
  const message = samplesMessage(transform.spec, {
    ...{ resolved: rows, requestIds, users: each('u'), items: each('i') },
    outcomes: outcomesOf(Float32Array.from(labels)),
    ...{ sampleRates: Float32Array.of(1), scores: new Float32Array(rows) },
    ...{ atMs: new Float64Array(rows), acceptedAtMs: new Float64Array(rows), progress: {} },
    facts: factsOf(columnsOfRows(factTable, each({ lanes: lane })), {}),
    examples: transform.assemble(
      each(transform.encodeEntity('user', 'u', {})),
      each(transform.encodeEntity('item', 'i', {})),
      each(encodeContext(transform, {}, 'shown')),
    ),
    ...(counters ? { counters } : {}),
  });
  const headers = { [header.position]: `0.1.${rows}.${complete ? 1 : 0}` };
  servers
    .stream(names.stream.samples)
    .append(names.subject.samples(0), encode(message), { headers }, 0);
}

test('a joiner that has counted what it has published is right, and what is of no request is no impression', () => {
  published({
    ...{ requestIds: ['r1', 'r2', ''], labels: [1, 0, 1] },
    counted: { samples: 3, positives: 2 },
  });
  expect(found).toEqual([]);
  expect(Object.fromEntries(check.ways)).toEqual({
    ...{ 'live short 1': 1, 'live short 0': 1, 'organic 1': 1 },
  });
});

test('an outcome of a row that is learned again is found', () => {
  published({ requestIds: ['r1'], labels: [0] });
  published({ requestIds: ['r1'], labels: [1], lane: lanes.import });
  expect(found).toEqual(['learned once']);
});

test('labels that are counted and not there are found, and so are those that nobody has counted', () => {
  published({ requestIds: ['r1'], labels: [1], counted: { samples: 1, positives: 2 } });
  published({ requestIds: ['r2', 'r3'], labels: [1, 1], counted: { samples: 3, positives: 2 } });
  expect(found).toEqual(['books of outcomes', 'books of outcomes']);
});

test('in the middle of a commit counters are ahead', () => {
  const counted = { samples: 3, positives: 3 };
  published({ requestIds: ['r1'], labels: [1], counted, complete: false });
  published({ requestIds: ['r2', 'r3'], labels: [1, 1], counted });
  expect(found).toEqual([]);
});
