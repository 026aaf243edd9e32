import { assign, setup } from 'xstate';
import { assert } from '../../core/base/assert.js';
import { messageOf } from '../../core/base/errors.js';

/**
 * What one shard is to one partition: nothing, a copy, or its owner. Decisions only: the driver (held-partition.ts)
 * carries out one step at a time and tells how it ended.
 *
 * The directory names an owner and its epoch, and is changed by compare-and-set. The log takes records of one writer
 * (partition-log.ts). An owner is a copy that has caught up and then written the first record of its epoch, which is
 * what fences the owner before it. Whether the lease of the shard still runs is a matter of time, and is looked at with
 * every request; what it means for a partition that it had run out is decided here.
 *
 * Before it accepts, at first and whenever it had stopped to (a lapse, a move that nobody went through with), it writes
 * the entry of the directory once more as it is: `confirm`. A look would not do: of three copies of the bucket any
 * answers a read, and it may be behind. Such a write also makes a change come too late that a leader is about to make.
 */
export interface OwnershipContext {
  /** What the directory says of this shard, as far as is known. */
  readonly role: Role;
  /** Of the owner that the directory names. */
  readonly namedEpoch: number;
  /** The newest in which this process has owned the partition, or tried to; 0 before. */
  readonly epoch: number;
  readonly isStopping: boolean;
}

export type Role = 'owner' | 'follower' | 'none';

export interface DirectoryNews {
  readonly role: Role;
  readonly epoch: number;
}

export type OwnershipEvent =
  /** The directory has an entry that is newer than what was known, or the same. */
  | ({ readonly type: 'DIRECTORY' } & DirectoryNews)
  /** What was in the log at the start is in the rows. */
  | { readonly type: 'FOLLOWED' }
  /** The directory names this shard at the epoch that it wanted. */
  | { readonly type: 'CLAIMED' }
  /** All that is in the log is in the rows. */
  | { readonly type: 'CAUGHT_UP' }
  /** The directory was read; what it says has come as DIRECTORY. */
  | { readonly type: 'LOOKED' }
  /** The log has the first record of the epoch. */
  | { readonly type: 'OPENED' }
  /** The log had more than was known. */
  | { readonly type: 'BEHIND' }
  /** The directory did not take the change, or the log has a later epoch. What is known of it has come as DIRECTORY. */
  | { readonly type: 'REFUSED' }
  /** The directory took the entry once more: nobody else had been named. */
  | { readonly type: 'CONFIRMED' }
  /** The leader is about to name another owner. */
  | { readonly type: 'RELEASE' }
  /** All that was applied is in the log. */
  | { readonly type: 'FLUSHED' }
  /** Its rows are about to be exchanged, and have been. */
  | { readonly type: 'PAUSE' }
  | { readonly type: 'RESUME' }
  /** The lease of this shard had run out and is held again: somebody may have taken over in between. */
  | { readonly type: 'LAPSED' }
  /** A caller knows of a later epoch. */
  | { readonly type: 'CHALLENGED' }
  /** The log has records of another owner. */
  | { readonly type: 'LOST' }
  /** Nothing is left of copy or ownership. */
  | { readonly type: 'DROPPED' }
  | { readonly type: 'STOP' }
  /** What no further try mends. */
  | { readonly type: 'FAILED'; readonly error: unknown };

/** What is put on record. */
export type OwnershipReport = 'owned' | 'fenced' | 'taken back';

/** Entries only get newer, and one that stops has no part any more whatever they say. */
export function heed(context: OwnershipContext, news: DirectoryNews): Partial<OwnershipContext> {
  if (context.isStopping || news.epoch < context.namedEpoch) return {};
  return { role: news.role, namedEpoch: news.epoch };
}

function isOwner({ role }: OwnershipContext): boolean {
  return role === 'owner';
}

function isUnwanted({ role }: OwnershipContext): boolean {
  return role === 'none';
}

/** The directory names somebody else, or this shard for another epoch than the one that it has. */
export function isSuperseded(context: OwnershipContext): boolean {
  return !isOwner(context) || context.namedEpoch !== context.epoch;
}

/**
 * An owner takes an epoch of its own, whatever the directory names: in the named one another process of the same
 * address may have written, or be about to. So an epoch has one writer. It is later than all that is known, and than
 * all that was tried here, of which one may have been written after all.
 */
export function nextEpoch({ namedEpoch, epoch }: OwnershipContext): number {
  return Math.max(namedEpoch, epoch) + 1;
}

const atEpoch = ({ context }: { readonly context: OwnershipContext }) => ({ epoch: context.epoch });

export const ownershipMachine = setup({
  types: { context: {} as OwnershipContext, events: {} as OwnershipEvent },
  delays: {
    /** Too low: a slow leader loses a move. Too high: a move whose leader died stops pushes for longer. */
    takeBack: 3_000,
  },
  guards: {
    owner: ({ context }) => isOwner(context),
    notOwner: ({ context }) => !isOwner(context),
    unwanted: ({ context }) => isUnwanted(context),
    wanted: ({ context }) => !isUnwanted(context),
    superseded: ({ context }) => isSuperseded(context),
    stopping: ({ context }) => context.isStopping,
  },
  actions: {
    follow: () => assert(false, 'provide follow'),
    claim: (_, params: { epoch: number }) => assert(false, `provide claim, of ${params.epoch}`),
    catchUp: () => assert(false, 'provide catchUp'),
    look: () => assert(false, 'provide look'),
    open: (_, params: { epoch: number }) => assert(false, `provide open, of ${params.epoch}`),
    confirm: (_, params: { epoch: number }) => assert(false, `provide confirm, of ${params.epoch}`),
    flush: () => assert(false, 'provide flush'),
    close: () => assert(false, 'provide close'),
    drop: () => assert(false, 'provide drop'),
    crash: (_, params: { error: unknown }) =>
      assert(false, `provide crash: ${messageOf(params.error)}`),
    report: (_, params: { what: OwnershipReport; epoch: number }) =>
      assert(false, `provide report ${params.what}`),
    heed: assign(({ context }, news: DirectoryNews) => heed(context, news)),
    heedClaim: assign(({ context }) => heed(context, { role: 'owner', epoch: context.epoch })),
    recordStop: assign({ isStopping: true, role: 'none' }),
    takeNextEpoch: assign(({ context }) => ({ epoch: nextEpoch(context) })),
  },
}).createMachine({
  id: 'ownership',
  context: { role: 'none', namedEpoch: 0, epoch: 0, isStopping: false },
  initial: 'absent',
  on: {
    DIRECTORY: { actions: { type: 'heed', params: ({ event }) => event } },
    STOP: { actions: 'recordStop' },
    FAILED: '.failed',
  },
  states: {
    absent: {
      description: 'Other shards have it.',
      tags: 'settled',
      always: [
        { guard: 'stopping', target: 'stopped' },
        { guard: 'wanted', target: 'loading' },
      ],
    },
    loading: {
      description: 'A copy is made from snapshot and log; what the directory says meanwhile waits.',
      entry: 'follow',
      on: { FOLLOWED: 'standby' },
    },
    standby: {
      description: 'The copy follows the log.',
      tags: 'settled',
      always: [
        { guard: 'unwanted', target: 'leaving' },
        { guard: 'owner', actions: 'takeNextEpoch', target: 'claiming' },
      ],
    },
    claiming: {
      description: 'The directory names it the owner; the copy goes on following meanwhile.',
      always: { guard: 'notOwner', target: 'standby' },
      initial: 'takingEpoch',
      states: {
        takingEpoch: {
          description:
            'A later epoch is written to the directory, if nobody else changed the entry.',
          entry: { type: 'claim', params: atEpoch },
          on: { CLAIMED: { target: 'catchingUp', actions: 'heedClaim' }, REFUSED: 'looking' },
        },
        catchingUp: {
          description: 'What is in the log by now comes into the rows.',
          entry: 'catchUp',
          on: { CAUGHT_UP: '#ownership.opening' },
        },
        looking: {
          description: 'Somebody was faster; the directory says who.',
          entry: 'look',
          on: { LOOKED: '#ownership.standby' },
        },
      },
    },
    opening: {
      description:
        'The first record of the epoch is on its way to the log; nothing else is decided before it is answered.',
      entry: { type: 'open', params: atEpoch },
      on: {
        OPENED: { target: 'owned', actions: report('owned') },
        BEHIND: 'claiming.catchingUp',
        REFUSED: 'claiming.looking',
      },
    },
    owned: {
      description: 'The log takes its records and nobody else’s.',
      initial: 'confirming',
      always: [
        { guard: 'stopping', target: 'closing' },
        { guard: 'superseded', target: 'fenced' },
      ],
      on: { LOST: 'fenced' },
      states: {
        confirming: {
          description:
            'Somebody else may have been named; it accepts once the directory has taken the entry as it is.',
          entry: { type: 'confirm', params: atEpoch },
          on: {
            CONFIRMED: 'serving',
            // Somebody changed the entry, and it still names this shard.
            REFUSED: { target: 'confirming', reenter: true },
            // What was confirmed was so before.
            LAPSED: { target: 'confirming', reenter: true },
          },
        },
        serving: {
          description:
            'Pulls and pushes of its epoch are accepted while the lease of the shard runs.',
          tags: ['settled', 'accepting'],
          on: {
            RELEASE: '#ownership.handingOver',
            PAUSE: 'exchanging',
            LAPSED: 'confirming',
            CHALLENGED: 'confirming',
          },
        },
        exchanging: {
          description:
            'A restore exchanges the rows; it takes its time, so whether they are still ours is asked after it.',
          tags: 'settled',
          on: { RESUME: 'confirming' },
        },
      },
    },
    handingOver: {
      description:
        'The leader asked for it: nothing more is accepted, and another one will be named.',
      initial: 'flushing',
      always: [
        { guard: 'stopping', target: 'closing' },
        { guard: 'superseded', target: 'fenced' },
      ],
      on: { LOST: 'fenced' },
      states: {
        flushing: {
          description: 'What was applied is on its way to the log.',
          entry: 'flush',
          on: { FLUSHED: 'released' },
        },
        released: {
          description: 'All of it is in the log, and the leader may name the next owner.',
          tags: 'settled',
          after: { takeBack: 'takingBack' },
          on: { RELEASE: { target: 'released', reenter: true } },
        },
        takingBack: {
          description:
            'Nobody was named in time; it accepts again once the directory has taken the entry as it is.',
          entry: { type: 'confirm', params: atEpoch },
          on: {
            CONFIRMED: { target: '#ownership.owned.serving', actions: report('taken back') },
            REFUSED: { target: 'takingBack', reenter: true },
            LAPSED: { target: 'takingBack', reenter: true },
            RELEASE: 'released',
          },
        },
      },
    },
    fenced: {
      description:
        'It is another’s, by the word of the directory or of the log: who waits is told, and the rows are no truth any more.',
      entry: ['close', report('fenced'), 'look'],
      always: { guard: 'stopping', target: 'leaving' },
      on: { LOOKED: 'leaving' },
    },
    closing: {
      description: 'It stops as an owner: what was applied is made durable first.',
      entry: 'flush',
      on: { FLUSHED: 'leaving', LOST: 'leaving' },
    },
    leaving: {
      description: 'Copy and ownership are given up; a copy that is wanted again is made anew.',
      entry: 'drop',
      on: { DROPPED: 'absent' },
    },
    stopped: { description: 'The shard ends.', type: 'final', tags: 'settled' },
    failed: {
      description: 'Something happened that no further try mends; the process ends.',
      type: 'final',
      tags: 'settled',
      entry: ['close', { type: 'crash', params: ({ event }) => ({ error: errorOf(event) }) }],
    },
  },
});

function report<What extends OwnershipReport>(what: What) {
  return {
    type: 'report',
    params: ({ context }: { context: OwnershipContext }) => ({ what, epoch: context.epoch }),
  } as const;
}

function errorOf(event: OwnershipEvent): unknown {
  assert(event.type === 'FAILED', 'only a failure leads there');
  return event.error;
}
