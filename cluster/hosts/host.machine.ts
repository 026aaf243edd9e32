import { assign, setup } from 'xstate';
import { assert } from '../../core/base/assert.js';

/**
 * One host as the leader sees it. Decisions only: `changed` is called whenever what may be placed on it is another.
 * A host that keeps coming and going has to be calm for longer each time before actors are moved to it.
 */
export interface HostInput {
  readonly calmMs: number;
}

export interface HostContext extends HostInput {
  /** Times it was lost since it was last steady for as long as it had to be calm. */
  readonly losses: number;
}

export type HostEvent = { readonly type: 'RENEWED' | 'EXPIRED' | 'LEFT' };

/** Beyond this a longer calm helps nobody. */
const doublingsMax = 6;

/** How long a host must have been there before actors are moved to it. */
export function calmOf({ calmMs, losses }: HostContext): number {
  return calmMs * 2 ** Math.min(losses, doublingsMax);
}

export const hostMachine = setup({
  types: {
    context: {} as HostContext,
    events: {} as HostEvent,
    input: {} as HostInput,
  },
  delays: { calm: ({ context }) => calmOf(context) },
  actions: {
    changed: () => assert(false, 'provide changed'),
    countLoss: assign(({ context }) => ({ losses: context.losses + 1 })),
    forgive: assign(({ context }) => ({ losses: Math.max(0, context.losses - 1) })),
  },
}).createMachine({
  id: 'host',
  context: ({ input }) => ({ ...input, losses: 0 }),
  initial: 'joining',
  states: {
    joining: {
      description:
        'It is there, for a short time yet: it takes actors that have no host, and no others.',
      entry: 'changed',
      after: { calm: 'steady' },
      on: { EXPIRED: 'lost', LEFT: 'left' },
    },
    steady: {
      description: 'It has been there for a while: actors are moved to it for balance.',
      entry: 'changed',
      after: { calm: { target: 'steady', actions: 'forgive', reenter: true } },
      on: { EXPIRED: 'lost', LEFT: 'left' },
    },
    lost: {
      description: 'Its lease ran out: its actors run elsewhere, where another host can take them.',
      entry: ['countLoss', 'changed'],
      on: { RENEWED: 'joining', LEFT: 'left' },
    },
    left: {
      description: 'It has stopped by itself.',
      entry: 'changed',
      on: { RENEWED: 'joining' },
    },
  },
});
