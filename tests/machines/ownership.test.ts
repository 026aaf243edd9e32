import { expect } from '@jest/globals';
import {
  ownershipMachine,
  type DirectoryNews,
  type OwnershipEvent,
} from '../../actors/ps-shard/ownership.machine.js';
import { describePaths, namesOf, type Step, type Walk } from '../support/machine-paths.js';

type Machine = typeof ownershipMachine;

const directory = (role: DirectoryNews['role'], epoch: number): OwnershipEvent => ({
  type: 'DIRECTORY',
  role,
  epoch,
});

/** The higher epochs are beyond all that is taken on the way to them, so that each role is met as news. */
const events: OwnershipEvent[] = [
  directory('owner', 0),
  directory('follower', 100),
  directory('owner', 200),
  directory('none', 200),
  { type: 'FOLLOWED' },
  { type: 'CLAIMED' },
  { type: 'CAUGHT_UP' },
  { type: 'LOOKED' },
  { type: 'OPENED' },
  { type: 'BEHIND' },
  { type: 'REFUSED' },
  { type: 'CONFIRMED' },
  { type: 'RELEASE' },
  { type: 'FLUSHED' },
  { type: 'PAUSE' },
  { type: 'RESUME' },
  { type: 'LAPSED' },
  { type: 'CHALLENGED' },
  { type: 'LOST' },
  { type: 'DROPPED' },
  { type: 'STOP' },
  { type: 'FAILED', error: new Error('no space left') },
];

const accepts = ({ to }: Step<Machine>): boolean => to.hasTag('accepting');

/** Of the effects of one name, in order. */
function epochsOf(walk: Walk<Machine>, name: string): number[] {
  return walk.flatMap(({ effects }) =>
    effects
      .filter(({ type }) => type === name)
      .map(({ params }) => (params as { readonly epoch: number }).epoch),
  );
}

describePaths(ownershipMachine, {
  input: undefined,
  events,
  view: ({ context }) => [
    context.role,
    Math.sign(context.namedEpoch - context.epoch),
    // What of the directory would still be news.
    [100, 200].map((epoch) => epoch >= context.namedEpoch),
    context.isStopping,
  ],
  invariants: {
    'it accepts only in the epoch that the directory names it for, as far as it has heard': (
      walk,
    ) => {
      for (const step of walk.filter(accepts)) {
        const { role, namedEpoch, epoch, isStopping } = step.to.context;
        expect([role, namedEpoch, isStopping]).toEqual(['owner', epoch, false]);
      }
    },
    'it accepts only when the log has the first record of its epoch, and no other owner’s since': (
      walk,
    ) => {
      let opened = 0;
      for (const step of walk) {
        if (step.event.type === 'OPENED' && step.from?.matches('opening'))
          opened = step.to.context.epoch;
        if (['LOST', 'FAILED'].includes(step.event.type)) opened = 0;
        if (accepts(step)) expect(step.to.context.epoch).toBe(opened);
      }
    },
    'whenever it begins to accept the directory has just taken the entry, asked after all that was in doubt':
      (walk) => {
        let asked = false;
        for (const step of walk) {
          if (accepts(step) && (step.from === undefined || !step.from.hasTag('accepting'))) {
            expect([step.event.type, asked]).toEqual(['CONFIRMED', true]);
          }
          if (['LAPSED', 'CHALLENGED', 'RELEASE'].includes(step.event.type)) asked = false;
          if (namesOf(step).includes('confirm')) asked = true;
        }
      },
    'after its lease had run out, or a caller knew better, it accepts nothing': (walk) => {
      for (const step of walk)
        if (['LAPSED', 'CHALLENGED'].includes(step.event.type)) expect(accepts(step)).toBe(false);
    },
    'once fenced it accepts nothing before it has been dropped, made anew, and opened a later epoch':
      (walk) => {
        let fencedAt: number | undefined;
        let isAnew = false;
        for (const step of walk) {
          if (step.to.matches('fenced') && fencedAt === undefined) {
            fencedAt = step.to.context.epoch;
            isAnew = false;
          }
          if (step.event.type === 'FOLLOWED' && step.from?.matches('loading')) isAnew = true;
          if (fencedAt === undefined) continue;
          if (!accepts(step)) continue;
          expect(isAnew).toBe(true);
          expect(step.to.context.epoch).toBeGreaterThan(fencedAt);
          fencedAt = undefined;
        }
      },
    'what it gives away is in the log before the next owner may be named': (walk) => {
      let applied = false;
      for (const step of walk) {
        if (accepts(step)) applied = true;
        if (step.event.type === 'FLUSHED' && step.from?.matches({ handingOver: 'flushing' }))
          applied = false;
        if (step.to.matches({ handingOver: 'released' })) expect(applied).toBe(false);
      }
    },
    'what it has applied is in the log before it stops, or was lost to another owner': (walk) => {
      let applied = false;
      for (const step of walk) {
        if (accepts(step)) applied = true;
        if (step.event.type === 'FLUSHED' || step.to.matches('fenced')) applied = false;
        if (step.event.type === 'LOST') applied = false;
        if (step.to.matches('stopped')) expect(applied).toBe(false);
      }
    },
    'every claim is of a higher epoch than all before, here and in the directory': (walk) => {
      let highest = 0;
      for (const step of walk) {
        for (const epoch of epochsOf([step], 'claim')) {
          expect(epoch).toBeGreaterThan(highest);
          highest = epoch;
        }
        highest = Math.max(highest, step.to.context.namedEpoch);
      }
    },
    'the log is opened at rising epochs, and at the same one only while none of it was accepted': (
      walk,
    ) => {
      const opened = epochsOf(walk, 'open');
      expect(opened).toEqual([...opened].sort((a, b) => a - b));
      const accepted = walk.filter(
        ({ event, from }) => event.type === 'OPENED' && from?.matches('opening'),
      );
      const epochs = accepted.map(({ to }) => to.context.epoch);
      expect(new Set(epochs).size).toBe(epochs.length);
    },
    'a copy is begun only where nothing is left of the one before': (walk) => {
      let isLeft = false;
      for (const step of walk) {
        if (step.event.type === 'DROPPED' && step.from?.matches('leaving')) isLeft = false;
        if (!namesOf(step).includes('follow')) continue;
        expect(isLeft).toBe(false);
        isLeft = true;
      }
    },
    'the process ends if something failed, and only then': (walk) => {
      for (const step of walk)
        expect(namesOf(step).includes('crash')).toBe(
          step.event.type === 'FAILED' && step.from?.status === 'active',
        );
    },
  },
});
