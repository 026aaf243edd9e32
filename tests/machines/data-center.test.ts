import { expect } from '@jest/globals';
import { describePaths, namesOf } from '../support/machine-paths.js';
import {
  dataCenterMachine,
  dataCenterStateOf,
  isDark,
  isWhole,
  type DataCenterEvent,
  type Readiness,
} from '../../cluster/drains/data-center.machine.js';

const seen: Readiness[] = [
  { readyCount: 3, actorCount: 3, missingKinds: [] },
  { readyCount: 2, actorCount: 3, missingKinds: [] },
  { readyCount: 2, actorCount: 3, missingKinds: ['ranker'] },
  { readyCount: 0, actorCount: 3, missingKinds: ['ranker', 'recommender'] },
];

const events: DataCenterEvent[] = [
  ...seen.map((readiness) => ({ type: 'READINESS', readiness }) as const),
  { type: 'HEALTH', judgment: 'slow', atMs: 0 },
  { type: 'HEALTH', judgment: 'slow', atMs: 1_000 },
  { type: 'HEALTH', judgment: 'stale', atMs: 1_000 },
  { type: 'HEALTH', judgment: 'fine', atMs: 0 },
  { type: 'HEALTH', judgment: 'fine', atMs: 1_000 },
  { type: 'DRAIN', by: 'hand', atMs: 0 },
  { type: 'DRAIN', by: 'slow', atMs: 0 },
  { type: 'LEFT' },
  { type: 'UNDRAIN', atMs: 0 },
];

describePaths(dataCenterMachine, {
  input: { downAfterMs: 100, drainAfterMs: 500, rejoinAfterMs: 500 },
  events,
  // Relapses only count up.
  view: ({ context: { readiness, course, drainedBy } }) => [readiness, course, drainedBy],
  invariants: {
    'in service it is healthy when every actor is ready, and only then': (walk) => {
      const { to } = walk.at(-1)!;
      if (!to.matches('inService')) return;
      const started = to.context.readiness.actorCount > 0;
      expect(dataCenterStateOf(to) === 'healthy').toBe(started && isWhole(to.context.readiness));
    },
    'in service it is down when nobody is ready': (walk) => {
      const { to } = walk.at(-1)!;
      if (to.matches('inService') && isDark(to.context.readiness))
        expect(dataCenterStateOf(to)).toBe('down');
    },
    'it is out of service from a drain until it is taken back, whatever restarts': (walk) => {
      let drained = false;
      for (const { event, to } of walk) {
        if (event.type === 'DRAIN') drained = true;
        if (event.type === 'UNDRAIN') drained = false;
        expect(to.matches('outOfService')).toBe(drained);
      }
    },
    'it never asks to be taken back when a person took it out': (walk) => {
      for (const step of walk)
        if (namesOf(step).includes('undrain')) expect(step.to.context.drainedBy).not.toBe('hand');
    },
    'it asks to be drained only while it serves badly': (walk) => {
      for (const step of walk)
        if (namesOf(step).includes('drain'))
          expect(step.event).toMatchObject({
            type: 'HEALTH',
            judgment: expect.stringMatching(/^s/),
          });
    },
  },
});
