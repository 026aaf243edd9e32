import { assign, setup } from 'xstate';
import { assert } from '../../core/base/assert.js';

/**
 * The part one host plays in leading the cluster. Decisions only: `campaign` tries to take the lease, `lead` and
 * `stepDown` start and stop what a leader does.
 *
 * A leader whose lease can't be renewed goes on leading until it learns of another: while the bucket is away nobody
 * can take over, and what it decides meanwhile is refused there, as its term is not the newest any more.
 */
export interface LeaderContext {
  /** The newest that is known: of this host while it leads, else of whom it follows. */
  readonly term: number;
}

export type LeaderEvent =
  /** Nobody leads, or the lease of who did has run out or was given back. */
  | { readonly type: 'VACANT' }
  | { readonly type: 'WON'; readonly term: number }
  /** Somebody else was faster, or nobody could be asked. */
  | { readonly type: 'LOST' }
  /** Another host has a newer term. */
  | { readonly type: 'DEPOSED'; readonly term: number }
  /** What a leader does has been stopped. */
  | { readonly type: 'STEPPED_DOWN' }
  | { readonly type: 'STOP' };

export const leaderMachine = setup({
  types: { context: {} as LeaderContext, events: {} as LeaderEvent },
  actions: {
    campaign: () => assert(false, 'provide campaign'),
    lead: () => assert(false, 'provide lead'),
    stepDown: () => assert(false, 'provide stepDown'),
    resign: () => assert(false, 'provide resign'),
    recordTerm: assign((_, params: { readonly term: number }) => ({ term: params.term })),
  },
}).createMachine({
  id: 'leader',
  context: { term: 0 },
  initial: 'following',
  states: {
    following: {
      description: 'Another host leads, or nobody yet.',
      on: { VACANT: 'campaigning', STOP: 'stopped' },
    },
    campaigning: {
      description: 'It tries to take the lease, as others may.',
      entry: 'campaign',
      on: {
        WON: {
          target: 'leading',
          actions: { type: 'recordTerm', params: ({ event }) => event },
        },
        LOST: 'following',
        STOP: 'withdrawing',
      },
    },
    withdrawing: {
      description: 'It was stopped while it tried; what it may have won by then is given back.',
      on: { WON: 'resigned', LOST: 'stopped' },
    },
    leading: {
      description:
        'It places actors, promotes, moves and drains, with its term in all that it writes.',
      entry: 'lead',
      on: {
        DEPOSED: {
          target: 'steppingDown',
          actions: { type: 'recordTerm', params: ({ event }) => event },
        },
        STOP: 'resigning',
      },
    },
    steppingDown: {
      description: 'Another one leads; what this one had begun is being stopped.',
      entry: 'stepDown',
      on: { STEPPED_DOWN: 'following', STOP: 'leaving' },
    },
    leaving: {
      description: 'It was stopped while it stepped down.',
      on: { STEPPED_DOWN: 'stopped' },
    },
    resigning: {
      description: 'It was stopped while it led; first it stops what it had begun.',
      entry: 'stepDown',
      on: { STEPPED_DOWN: 'resigned' },
    },
    resigned: {
      description: 'It gives the lease back, so that another host need not wait for its end.',
      type: 'final',
      entry: 'resign',
    },
    stopped: { description: 'It takes no part any more.', type: 'final' },
  },
});
