import { expect } from '@jest/globals';
import { describePaths, namesOf } from '../support/machine-paths.js';
import { leaderMachine, type LeaderEvent } from '../../cluster/leadership/leader.machine.js';

const events: LeaderEvent[] = [
  { type: 'VACANT' },
  { type: 'WON', term: 1 },
  { type: 'LOST' },
  { type: 'DEPOSED', term: 2 },
  { type: 'STEPPED_DOWN' },
  { type: 'STOP' },
];

describePaths(leaderMachine, {
  input: undefined,
  events,
  view: ({ context }) => context.term,
  invariants: {
    'it leads only after it has won, and begins anew only after it has stepped down': (walk) => {
      let leading = false;
      for (const step of walk) {
        for (const name of namesOf(step)) {
          if (name === 'lead') {
            expect(step.event.type).toBe('WON');
            expect(leading).toBe(false);
            leading = true;
          }
        }
        if (step.event.type === 'STEPPED_DOWN' && step.to !== step.from) leading = false;
      }
    },
    'what it has won it leads with or gives back': (walk) => {
      for (const step of walk) {
        if (step.event.type !== 'WON' || step.from === undefined) continue;
        const { value } = step.from;
        if (value === 'campaigning') expect(namesOf(step)).toContain('lead');
        if (value === 'withdrawing') expect(namesOf(step)).toContain('resign');
      }
    },
    'it ends what it has begun before it gives the lease back': (walk) => {
      let open = false;
      for (const step of walk)
        for (const name of namesOf(step)) {
          if (name === 'lead') open = true;
          if (name === 'stepDown') open = false;
          if (name === 'resign') expect(open).toBe(false);
        }
    },
  },
});
