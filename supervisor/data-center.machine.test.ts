import { describe, expect, test } from '@jest/globals';
import { createActor, initialTransition, SimulatedClock, transition } from 'xstate';
import {
  dataCenterMachine,
  dataCenterStateOf,
  readinessOf,
  type DataCenterState,
  type Readiness,
} from './data-center.machine.js';

const whole: Readiness = { readyCount: 3, actorCount: 3, missingKinds: [] };
const thinned: Readiness = { readyCount: 2, actorCount: 3, missingKinds: [] };
const lacking: Readiness = { readyCount: 2, actorCount: 3, missingKinds: ['ranker'] };
const dark: Readiness = { readyCount: 0, actorCount: 3, missingKinds: ['ranker', 'recommender'] };

const wayTo: Record<string, Readiness[]> = {
  healthy: [whole],
  thinned: [whole, thinned],
  lacking: [whole, lacking],
  down: [],
  rejoining: [thinned],
};

function after(...seen: Readiness[]): DataCenterState {
  let [snapshot] = initialTransition(dataCenterMachine, { downAfterMs: 100 });
  for (const readiness of seen) {
    [snapshot] = transition(dataCenterMachine, snapshot, { type: 'READINESS', readiness });
  }
  return dataCenterStateOf(snapshot);
}

describe('a data center', () => {
  test.each<[string, DataCenterState, DataCenterState, DataCenterState, DataCenterState]>([
    // state       whole      thinned      lacking     dark
    ['healthy', 'healthy', 'degraded', 'degraded', 'down'],
    ['thinned', 'healthy', 'degraded', 'degraded', 'down'],
    ['lacking', 'healthy', 'degraded', 'degraded', 'down'],
    ['down', 'healthy', 'rejoining', 'down', 'down'],
    ['rejoining', 'healthy', 'rejoining', 'down', 'down'],
  ])('that is %s answers to readiness', (state, onWhole, onThinned, onLacking, onDark) => {
    const way = wayTo[state]!;
    expect(after(...way, whole)).toBe(onWhole);
    expect(after(...way, thinned)).toBe(onThinned);
    expect(after(...way, lacking)).toBe(onLacking);
    expect(after(...way, dark)).toBe(onDark);
  });

  test('goes down when a kind stays away, counted from when it left', () => {
    const clock = new SimulatedClock();
    const dataCenter = createActor(dataCenterMachine, { input: { downAfterMs: 100 }, clock });
    const see = (readiness: Readiness) => dataCenter.send({ type: 'READINESS', readiness });
    dataCenter.start();
    see(whole);
    see(thinned);
    clock.increment(1_000);
    expect(dataCenterStateOf(dataCenter.getSnapshot())).toBe('degraded');
    see(lacking);
    clock.increment(60);
    see(lacking);
    clock.increment(60);
    expect(dataCenterStateOf(dataCenter.getSnapshot())).toBe('down');
  });

  test('keeps what it saw last', () => {
    const [down] = initialTransition(dataCenterMachine, { downAfterMs: 100 });
    const [next] = transition(dataCenterMachine, down, { type: 'READINESS', readiness: thinned });
    expect(next.context.readiness).toEqual(thinned);
  });
});

test('readiness names the kinds of which nobody is ready', () => {
  expect(
    readinessOf([
      { kind: 'ranker', ready: false },
      { kind: 'ranker', ready: true },
      { kind: 'recommender', ready: false },
    ]),
  ).toEqual({ readyCount: 1, actorCount: 3, missingKinds: ['recommender'] });
});
