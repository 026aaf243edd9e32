import { describe, expect, test } from '@jest/globals';
import { createActor, initialTransition, SimulatedClock, transition } from 'xstate';
import type { Judgment } from './data-center-health.js';
import {
  dataCenterMachine,
  dataCenterStateOf,
  readinessOf,
  type DataCenterEvent,
  type DataCenterState,
  type Readiness,
} from './data-center.machine.js';

const input = { downAfterMs: 100, drainAfterMs: 1_000, rejoinAfterMs: 2_000 };
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
  let [snapshot] = initialTransition(dataCenterMachine, input);
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
    const dataCenter = createActor(dataCenterMachine, { input, clock });
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
    const [down] = initialTransition(dataCenterMachine, input);
    const [next] = transition(dataCenterMachine, down, { type: 'READINESS', readiness: thinned });
    expect(next.context.readiness).toEqual(thinned);
  });
});

/** What a data center does, event by event: its state, and what it asks for. */
class Story {
  #snapshot = initialTransition(dataCenterMachine, input)[0];

  /** @returns the effects, `drain slow` or `undrain`. */
  tell(event: DataCenterEvent): string[] {
    const [next, actions] = transition(dataCenterMachine, this.#snapshot, event);
    this.#snapshot = next;
    return actions.map(({ type, params }) =>
      [type, (params as { by?: string } | undefined)?.by].filter(Boolean).join(' '),
    );
  }

  see(readiness: Readiness): this {
    this.tell({ type: 'READINESS', readiness });
    return this;
  }

  judge(judgment: Judgment, atMs: number): string[] {
    return this.tell({ type: 'HEALTH', judgment, atMs });
  }

  drain(by: 'hand' | 'slow' | 'stale', atMs: number): this {
    this.tell({ type: 'DRAIN', by, atMs });
    return this;
  }

  left(): this {
    this.tell({ type: 'LEFT' });
    return this;
  }

  undrain(atMs: number): this {
    this.tell({ type: 'UNDRAIN', atMs });
    return this;
  }

  get state(): DataCenterState {
    return dataCenterStateOf(this.#snapshot);
  }

  get drainedBy() {
    return this.#snapshot.context.drainedBy;
  }
}

describe('a data center that serves badly', () => {
  test.each(['slow', 'stale'] as const)(
    'asks to be drained when it stays %s, not before',
    (ill) => {
      const story = new Story().see(whole);
      expect(story.judge(ill, 0)).toEqual([]);
      expect(story.judge(ill, 1_000)).toEqual([]);
      expect(story.judge(ill, 1_001)).toEqual([`drain ${ill}`]);
      expect(story.state).toBe('healthy');
    },
  );

  test('asks again until it is drained or well: whoever decides may see no other to take over', () => {
    const story = new Story().see(whole);
    story.judge('slow', 0);
    expect(story.judge('slow', 2_000)).toEqual(['drain slow']);
    expect(story.judge('stale', 2_500)).toEqual(['drain stale']);
    expect(story.judge('passable', 3_000)).toEqual([]);
    expect(story.judge('slow', 3_500)).toEqual([]);
  });

  test.each([
    ['down', []],
    ['rejoining', [thinned]],
  ] as const)('asks nothing while it is %s, and counts from when it serves', (state, seen) => {
    const story = new Story();
    for (const readiness of seen) story.see(readiness);
    expect(story.state).toBe(state);
    story.judge('stale', 0);
    expect(story.judge('stale', 5_000)).toEqual([]);
    story.see(whole);
    expect(story.judge('stale', 5_500)).toEqual([]);
    expect(story.judge('stale', 6_600)).toEqual(['drain stale']);
  });

  test('forgets what was before it went down', () => {
    const story = new Story().see(whole);
    story.judge('slow', 0);
    story.see(dark).see(whole);
    expect(story.judge('slow', 2_000)).toEqual([]);
  });
});

describe('a data center that is drained', () => {
  test.each<[string, Readiness[]]>(Object.entries(wayTo))(
    'from %s drains, then is drained',
    (_, way) => {
      const story = new Story();
      for (const readiness of way) story.see(readiness);
      expect(story.drain('hand', 0).state).toBe('draining');
      expect(story.see(whole).see(lacking).state).toBe('draining');
      expect(story.left().state).toBe('drained');
      expect(story.see(dark).see(whole).left().state).toBe('drained');
    },
  );

  test.each<[string, Readiness, DataCenterState]>([
    ['every actor is ready', whole, 'healthy'],
    ['some are not', thinned, 'rejoining'],
    ['a kind is missing', lacking, 'down'],
  ])('and taken back when %s is what it is then', (_, readiness, state) => {
    const draining = new Story().see(whole).drain('hand', 0).see(readiness);
    expect(draining.undrain(1).state).toBe(state);
    const drained = new Story().see(whole).drain('hand', 0).left().see(readiness);
    expect(drained.undrain(1).state).toBe(state);
    expect(drained.drainedBy).toBeNull();
  });

  test('by itself asks to be taken back after a calm', () => {
    const story = new Story().see(whole).drain('slow', 0).left();
    story.judge('fine', 0);
    expect(story.judge('passable', 1_500)).toEqual([]);
    expect(story.judge('fine', 2_100)).toEqual([]);
    expect(story.judge('fine', 4_100)).toEqual([]);
    expect(story.judge('fine', 4_101)).toEqual(['undrain']);
    expect(story.judge('fine', 4_600)).toEqual(['undrain']);
    expect(story.undrain(5_000).state).toBe('healthy');
  });

  test('by itself does not come back without one of each kind', () => {
    const story = new Story().see(whole).drain('stale', 0).left().see(lacking);
    story.judge('fine', 0);
    expect(story.judge('fine', 9_000)).toEqual([]);
    story.see(thinned);
    expect(story.judge('fine', 9_500)).toEqual(['undrain']);
  });

  test('by hand never asks, also when it had been drained by itself before', () => {
    for (const story of [
      new Story().see(whole).drain('hand', 0).left(),
      new Story().see(whole).drain('slow', 0).left().drain('hand', 10),
      new Story().see(whole).drain('hand', 0).left().drain('slow', 10),
    ]) {
      expect(story.drainedBy).toBe('hand');
      story.judge('fine', 20);
      expect(story.judge('fine', 100_000)).toEqual([]);
    }
  });

  test('again soon after it came back waits twice as long, and as before after it has held out', () => {
    const story = new Story().see(whole).drain('slow', 0).left();
    story.undrain(3_000).drain('slow', 5_000).left();
    story.judge('fine', 5_000);
    expect(story.judge('fine', 8_000)).toEqual([]);
    expect(story.judge('fine', 9_001)).toEqual(['undrain']);
    story.undrain(10_000).drain('slow', 30_000).left();
    story.judge('fine', 30_000);
    expect(story.judge('fine', 32_001)).toEqual(['undrain']);
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
