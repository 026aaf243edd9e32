import { expect } from '@jest/globals';
import { describePaths } from '../support/machine-paths.js';
import {
  dataCenterMachine,
  dataCenterStateOf,
  isDark,
  isWhole,
  type Readiness,
} from '../../supervisor/data-center.machine.js';

const seen: Readiness[] = [
  { readyCount: 3, actorCount: 3, missingKinds: [] },
  { readyCount: 2, actorCount: 3, missingKinds: [] },
  { readyCount: 2, actorCount: 3, missingKinds: ['ranker'] },
  { readyCount: 0, actorCount: 3, missingKinds: ['ranker', 'recommender'] },
];

describePaths(dataCenterMachine, {
  input: { downAfterMs: 100 },
  events: seen.map((readiness) => ({ type: 'READINESS', readiness })),
  view: ({ context }) => context.readiness,
  invariants: {
    'it is healthy when every actor is ready, and only then': (walk) => {
      const { to } = walk.at(-1)!;
      const started = to.context.readiness.actorCount > 0;
      expect(dataCenterStateOf(to) === 'healthy').toBe(started && isWhole(to.context.readiness));
    },
    'it is down when nobody is ready': (walk) => {
      const { to } = walk.at(-1)!;
      if (isDark(to.context.readiness)) expect(dataCenterStateOf(to)).toBe('down');
    },
  },
});
