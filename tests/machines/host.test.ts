import { expect, test } from '@jest/globals';
import { describePaths, namesOf } from '../support/machine-paths.js';
import { calmOf, hostMachine, type HostEvent } from '../../cluster/hosts/host.machine.js';

const events: HostEvent[] = [{ type: 'RENEWED' }, { type: 'EXPIRED' }, { type: 'LEFT' }];

describePaths(hostMachine, {
  input: { calmMs: 100 },
  events,
  // Losses only count up; that the calm grows with them is tested below.
  view: ({ context }) => context.losses > 0,
  invariants: {
    'actors are moved to it for balance only after a calm': (walk) => {
      for (const step of walk)
        if (step.to.matches('steady') && step.from?.matches('joining'))
          expect(step.event.type).toMatch(/^xstate\.after\.calm/);
    },
    'the leader hears of every change of state': (walk) => {
      for (const step of walk)
        if (step.from !== undefined && step.from.value !== step.to.value)
          expect(namesOf(step)).toContain('changed');
    },
  },
});

test('a host that comes and goes has to be calm for longer each time, up to a bound', () => {
  const calms = [0, 1, 2, 6, 60].map((losses) => calmOf({ calmMs: 10, losses }));
  expect(calms).toEqual([10, 20, 40, 640, 640]);
});
