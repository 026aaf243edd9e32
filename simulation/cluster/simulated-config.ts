import type { ClusterConfig } from '../../core/config/schema.js';
import { parseClusterConfig } from '../../core/config/schema.js';
import type { SeededRandom } from '../time/seeded-random.js';

/**
 * A cluster that has everything, and of everything little: it is what happens between its parts that is looked at, so rows
 * are short, the network is one small layer, and there are few partitions. Two shards and a standby for each partition, two
 * trainers that overtake each other, two data centers of inference with two rankers each.
 */
export const simulatedShape = {
  name: 'starling',
  dataCenters: [
    { name: 'train', role: 'training' },
    { name: 'east', role: 'inference' },
    { name: 'west', role: 'inference' },
  ],
  features: {
    user: { entity: 'user', kind: 'id' },
    item: { entity: 'item', kind: 'id' },
    age: { entity: 'user', kind: 'buckets', boundaries: [25, 50] },
    recent: { entity: 'user', kind: 'history', of: 'item', length: 3 },
    seen: { entity: 'item', kind: 'count', events: ['shown'] },
    liked: { entity: 'item', kind: 'rate', of: 'click', smoothing: 2 },
    likes: { entity: 'user', kind: 'rate', of: 'click', beside: 'liked', smoothing: 2 },
  },
  model: { network: 'deepfm', factorDim: 4, hidden: [4], backend: 'kernels' },
  partitions: 4,
  actors: { 'ps-shard': 2, trainer: 2, ranker: 2, joiner: 1, 'serving-shard': 2 },
  standby: 1,
  events: { click: {}, purchase: {}, refund: { undoes: 'purchase' }, dismiss: { negative: true } },
  joining: { windowMs: 5_000, latenessMs: 1_000, idleMs: 2_000 },
  snapshots: { everyMs: 60_000, keep: 2 },
  // Half as often as usual: what is said again and again takes most of the time, and tells least.
  // Each actor by itself, unless a seed says otherwise: so most troubles are those of one.
  supervision: {
    processes: 'each',
    calmMs: 3_000,
    heartbeatMs: 1_000,
    leaseMs: 1_600,
    hostLeaseMs: 4_000,
  },
};

export const simulatedConfig: ClusterConfig = parseClusterConfig(simulatedShape);

const severalOutcomes = {
  click: { from: ['click', 'purchase'] },
  purchase: { given: 'click', window: '12s' },
  spent: { from: ['purchase'], predict: 'value', given: 'click', window: '9s' },
};

/** What a shop waits for: a window that no run outlasts, but that of an import does. */
const weeklyOutcomes = {
  click: { from: ['click', 'purchase'] },
  purchase: { given: 'click', window: '7d' },
  spent: { from: ['purchase'], predict: 'value', given: 'click', window: '7d' },
};

/** Of restarts: a group that has no more is given up for a while. */
export const untiring = 1_000;

const strategies = ['one-for-one', 'rest-for-one', 'all-for-one'] as const;

/** As a seed has it: how faults are shared, when one is given up, and how soon a data center is taken out of service. */
export function configOf(random: SeededRandom): ClusterConfig {
  const isImpatient = random.happens(0.5);
  const config = {
    ...simulatedShape,
    actors: { ...simulatedShape.actors, joiner: random.pick([1, 2]) },
    outcomes: random.pick([{}, severalOutcomes, weeklyOutcomes]),
    snapshots: { everyMs: random.pick([5_000, 20_000, 60_000]), keep: 2 },
    serving: isImpatient ? { p99BudgetMs: 300, freshnessBudgetMs: 1_000 } : {},
    supervision: {
      ...simulatedShape.supervision,
      strategy: random.pick(strategies),
      groupRestartsMax: random.happens(0.5) ? 8 : untiring,
      ...(random.happens(0.5) ? { restartsMax: 4 } : {}),
      ...(isImpatient ? { drainAfterMs: 2_000, rejoinAfterMs: 5_000 } : {}),
    },
    // Last, so that a seed has of the rest what it had.
    ignore: random.pick(['', 'event.user == "u3" || event.visitor == "vu7"']),
    joining: { ...simulatedShape.joining, ...random.pick([{}, { partitions: 3 }]) },
    // Where it learns it answers, too: there are no copies of its logs in that data center.
    dataCenters: random.pick([
      simulatedShape.dataCenters,
      simulatedShape.dataCenters,
      simulatedShape.dataCenters.map((each) =>
        each.role === 'training' ? { ...each, role: 'all' } : each,
      ),
    ]),
  };
  const processes = random.pick(['each', 'each', 1, 2, 3] as const);
  return parseClusterConfig({ ...config, supervision: { ...config.supervision, processes } });
}
