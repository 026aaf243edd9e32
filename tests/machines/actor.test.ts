import { expect } from '@jest/globals';
import { describePaths, namesOf } from '../support/machine-paths.js';
import { actorMachine } from '../../runtime/actor.machine.js';

describePaths(actorMachine, {
  input: undefined,
  events: [
    { type: 'CONNECTED' },
    { type: 'RESTORED' },
    { type: 'STOP' },
    { type: 'DRAINED' },
    { type: 'FAILED' },
  ],
  view: () => null,
  invariants: {
    'it serves only what it has restored': (walk) => {
      const events = walk.map(({ event }) => event.type);
      if (walk.some(({ to }) => to.value === 'ready')) expect(events).toContain('RESTORED');
    },
    'it ends once, with 0 unless it failed': (walk) => {
      const exits = walk.flatMap(({ effects }) => effects).filter(({ type }) => type === 'exit');
      const { to } = walk.at(-1)!;
      const codes = to.status === 'done' ? [{ code: to.value === 'failed' ? 1 : 0 }] : [];
      expect(exits.map(({ params }) => params)).toEqual(codes);
    },
    'what it restored or began to restore is drained before it ends well': (walk) => {
      const names = walk.flatMap(namesOf);
      if (walk.at(-1)!.to.value === 'stopped')
        expect(names.includes('drain')).toBe(names.includes('restore'));
    },
  },
});
