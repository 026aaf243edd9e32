import { beforeEach, expect, test } from '@jest/globals';
import { ManualClock } from '../../core/base/manual-clock.testkit.js';
import { parseClusterConfig } from '../../core/config/schema.js';
import { JudgedScores } from '../../core/model/judged-scores.js';
import type { ActorStatus } from '../../messages/actor-status.js';
import type { AlarmEntry } from '../../messages/alarms.js';
import { AlarmKeeper } from './alarm-keeper.js';

const { training } = parseClusterConfig({ features: { item: { entity: 'item', kind: 'id' } } });
const minute = 60_000;

let clock: ManualClock;
let stored: Map<string, AlarmEntry>;
let events: string[];
let trainers: ActorStatus[];
let keeper: AlarmKeeper;

beforeEach(() => {
  clock = new ManualClock();
  stored = new Map();
  events = [];
  trainers = [trainer(0, {}), trainer(1, {})];
  keeper = keeperOf(1);
});

function keeperOf(term: number): AlarmKeeper {
  return new AlarmKeeper({
    ...{ term, training, clock },
    store: {
      isRaised: (name) => stored.get(name)?.raised ?? false,
      write: async (name, entry) => void stored.set(name, entry),
    },
    view: { actors: () => trainers },
    record: ({ type, address }) => void events.push(`${type} ${address}`),
    log: () => undefined,
  });
}

function trainer(number: number, stats: ActorStatus['stats']): ActorStatus {
  return {
    ...{ address: `train.trainer.${number}`, kind: 'trainer', dataCenter: 'train', host: 'h' },
    ...{ pid: 1, state: 'ready', epoch: 1, restarts: 0, sinceMs: 0 },
    stats: { deadLettered: 0, ...stats } as ActorStatus['stats'],
  } as ActorStatus;
}

/** Of 20,000 rows, predicted so many times as often as they came. */
function shown(calibration: number): ActorStatus['stats'] {
  const scores = new JudgedScores();
  const logit = -Math.log(1 / (0.2 * calibration) - 1);
  for (let i = 0; i < 20_000; i++) scores.add(logit, i % 5 === 0 ? 1 : 0, 1);
  return { shown: { click: scores.counts } };
}

const pass = (ms: number): Promise<void> => clock.advance(ms);

test('samples that were refused raise an alarm at once, which ends when there were none for a while', async () => {
  keeper.look();
  expect(events).toEqual([]);
  trainers[1] = trainer(1, { deadLettered: 3 });
  keeper.look();
  expect(events).toEqual(['alarm samples']);
  await pass(5 * minute);
  // A trainer that begins anew has refused none; another has.
  trainers = [trainer(0, { deadLettered: 1 }), trainer(1, {})];
  await pass(9 * minute);
  expect(events).toEqual(['alarm samples']);
  await pass(2 * minute);
  expect(events).toEqual(['alarm samples', 'calm samples']);
  expect(stored.get('samples')).toMatchObject({ raised: false, term: 1 });
});

test('calibration of both trainers together is an alarm after it was off for long, and no sooner', async () => {
  trainers = [trainer(0, shown(1.9)), trainer(1, shown(0.9))];
  await pass(30 * minute);
  expect(events).toEqual([]);
  trainers = [trainer(0, shown(1.9)), trainer(1, shown(1.5))];
  await pass(5 * minute);
  trainers = [trainer(0, shown(1)), trainer(1, shown(1))];
  await pass(2 * minute);
  trainers = [trainer(0, shown(0.5)), trainer(1, shown(0.6))];
  await pass(10 * minute);
  expect(events).toEqual([]);
  await pass(minute);
  expect(events).toEqual(['alarm calibration.click']);
  expect(stored.get('calibration.click')!.text).toMatch(/predicted 0\.5\d times/);
});

test('a feature that drifts is an alarm, which the next leader goes on with', async () => {
  trainers[0] = trainer(0, { drift: { price: 0.6, age: 0.1 } });
  await pass(minute);
  expect(events).toEqual(['alarm drift.price']);
  await keeper.stop();
  keeper = keeperOf(2);
  await pass(minute);
  trainers[0] = trainer(0, { drift: { price: 0.2 } });
  await pass(minute);
  expect(events).toEqual(['alarm drift.price']);
  trainers[0] = trainer(0, { drift: { price: 0.1 } });
  await pass(minute);
  expect(events).toEqual(['alarm drift.price', 'calm drift.price']);
});
