import { assign, setup, type SnapshotFrom } from 'xstate';
import { assert } from '../core/base/assert.js';
import type { ErrorCode } from '../core/base/errors.js';
import type { ChildState } from '../messages/actor-status.js';
import type { SupervisionEventType } from '../messages/supervision-events.js';
import {
  backoffMs,
  isPermanent,
  noCrashes,
  recordCrash,
  withinIntensity,
  type ChildPolicy,
  type CrashHistory,
} from '../runtime/restart-policy.js';

/**
 * The life of one supervised actor, as decisions only: the host provides `spawn`, `kill`, `drain`, `escalate` and
 * `report`, and sends what it sees.
 *
 * A successor is started only after EXITED, never after a kill alone: two processes of one address must not overlap,
 * since both would hold the same files. So a process that survives SIGKILL (stuck in the kernel) keeps its address
 * suspect for ever, which is right. The first process of an address may be one that an earlier supervisor left: `spawn`
 * waits for that one, and ADOPTED tells that it goes on.
 */
export interface ChildContext extends CrashHistory {
  readonly policy: ChildPolicy;
  /** Pause before the next start; set on every crash. */
  readonly backoffMs: number;
  readonly drainMs: number;
  /** It is to be stopped soon, so no process follows the one that there is. */
  readonly retires: boolean;
  /** Starts after the first one. */
  readonly restarts: number;
  /** Last words of the current or latest process. */
  readonly failure: ChildFailure | null;
}

export interface ChildFailure {
  readonly code: ErrorCode;
  readonly message: string;
}

export type ChildEvent =
  /** Any sign of life. */
  | { readonly type: 'HEARTBEAT' }
  /** The process was there before this supervisor, and has introduced itself. */
  | { readonly type: 'ADOPTED' }
  | { readonly type: 'RESTORING' }
  | { readonly type: 'READY' }
  | { readonly type: 'FAILED'; readonly failure: ChildFailure }
  /** The process is gone, or could not be started. `jitter` in [0, 1) spreads the restart. */
  | {
      readonly type: 'EXITED';
      readonly atMs: number;
      readonly jitter: number;
      /** Who shared the process, where it ended because of that one: no crash of this child. */
      readonly because?: string;
    }
  /** All of its group are going to be stopped, and it when its turn comes. */
  | { readonly type: 'RETIRE' }
  | { readonly type: 'STOP'; readonly drainMs: number }
  /** Its group starts anew because of another child: it drains and is started again; not a crash of its own. */
  | { readonly type: 'RESTART'; readonly reason: string }
  /** Its group crashed too often: it drains and stays down for the cool-down. */
  | { readonly type: 'COOL_DOWN'; readonly reason: string };

/** What is put on record. */
export interface Report {
  readonly type: SupervisionEventType;
  /** Why the group does this to the child; absent when the cause is its own. */
  readonly withGroup?: string;
  /** Whose failure has ended the process that it shared with the child. */
  readonly withProcess?: string;
}

/** Clears what was known of the last process; for the start of a new one. */
export function countRestart(context: ChildContext): Partial<ChildContext> {
  return { restarts: context.restarts + 1, failure: null };
}

/** Books a crash and plans the pause that a restart would wait. */
export function planRestart(
  context: ChildContext,
  crash: { readonly atMs: number; readonly jitter: number },
): Partial<ChildContext> {
  const history = recordCrash(context, crash.atMs, context.policy.restartWindowMs);
  return { ...history, backoffMs: backoffMs(history, context.policy, crash.jitter) };
}

/** Whether a crash at `atMs` is answered by a restart rather than by giving up. */
export function isRestartable(context: ChildContext, atMs: number): boolean {
  return !isPermanent(context.failure?.code) && withinIntensity(context, atMs, context.policy);
}

const leaveWithGroup = {
  actions: ['recordOwnDrain', groupReport('restart')],
  target: '#child.stopping.forRestart',
} as const;

export const childMachine = setup({
  types: {
    context: {} as ChildContext,
    events: {} as ChildEvent,
    input: {} as ChildPolicy,
  },
  delays: {
    startSilence: ({ context }) => context.policy.startSilenceMs,
    heartbeatSilence: ({ context }) => context.policy.heartbeatSilenceMs,
    suspectGrace: ({ context }) => context.policy.suspectGraceMs,
    backoff: ({ context }) => context.backoffMs,
    coolDown: ({ context }) => context.policy.coolDownMs,
    drainDeadline: ({ context }) => context.drainMs,
  },
  guards: {
    restartable: ({ context }, params: { atMs: number }) => isRestartable(context, params.atMs),
    retires: ({ context }) => context.retires,
    isBlameless: (_, params: { because?: string }) => params.because !== undefined,
  },
  actions: {
    spawn: () => assert(false, 'provide spawn'),
    kill: () => assert(false, 'provide kill'),
    drain: () => assert(false, 'provide drain'),
    escalate: () => assert(false, 'provide escalate'),
    report: (_, params: Report) => assert(false, `provide report, of ${params.type}`),
    countRestart: assign(({ context }) => countRestart(context)),
    planRestart: assign(({ context }, crash: { atMs: number; jitter: number }) =>
      planRestart(context, crash),
    ),
    recordFailure: assign((_, failure: ChildFailure) => ({ failure })),
    recordRetirement: assign({ retires: true }),
    recordReady: assign({ crashesSinceReady: 0 }),
    recordDrain: assign((_, params: { drainMs: number }) => ({ drainMs: params.drainMs })),
    recordOwnDrain: assign(({ context }) => ({ drainMs: context.policy.drainMs })),
  },
}).createMachine({
  id: 'child',
  context: ({ input }) => ({
    ...noCrashes,
    policy: input,
    backoffMs: input.backoffMsMin,
    drainMs: input.drainMs,
    retires: false,
    restarts: 0,
    failure: null,
  }),
  initial: 'running',
  on: { RETIRE: { actions: 'recordRetirement' } },
  states: {
    running: {
      description: 'A process exists or is being made.',
      entry: 'spawn',
      initial: 'alive',
      on: {
        EXITED: [
          { guard: 'retires', target: 'stopped' },
          {
            guard: { type: 'isBlameless', params: ({ event }) => event },
            actions: [
              {
                type: 'report',
                params: ({ event }) => ({ type: 'restart', withProcess: event.because ?? '' }),
              },
              'countRestart',
            ],
            target: 'running',
            reenter: true,
          },
          {
            guard: { type: 'restartable', params: ({ event }) => ({ atMs: event.atMs }) },
            actions: { type: 'planRestart', params: ({ event }) => event },
            target: 'restarting',
          },
          { actions: { type: 'planRestart', params: ({ event }) => event }, target: 'failed' },
        ],
        FAILED: {
          actions: { type: 'recordFailure', params: ({ event }) => event.failure },
          target: '.suspect.leaving',
        },
        STOP: {
          actions: { type: 'recordDrain', params: ({ event }) => event },
          target: 'stopping',
        },
        COOL_DOWN: {
          actions: ['recordOwnDrain', groupReport('failed')],
          target: 'stopping.forCoolDown',
        },
      },
      states: {
        alive: {
          description: 'The process gives signs of life.',
          initial: 'starting',
          on: { RESTART: leaveWithGroup },
          states: {
            starting: {
              description:
                'The process boots and connects; it may take its time as long as it speaks at all.',
              after: { startSilence: '#child.running.suspect' },
              on: {
                HEARTBEAT: { target: 'starting', reenter: true },
                ADOPTED: { target: 'starting', reenter: true, actions: adoptReport() },
                RESTORING: 'restoring',
                READY: { target: 'ready', actions: ['recordReady', readyReport()] },
              },
            },
            restoring: {
              description:
                'The actor loads its snapshot and replays its log; it does not serve yet.',
              after: { heartbeatSilence: '#child.running.suspect' },
              on: {
                HEARTBEAT: { target: 'restoring', reenter: true },
                READY: { target: 'ready', actions: ['recordReady', readyReport()] },
              },
            },
            ready: {
              description: 'The actor serves.',
              after: { heartbeatSilence: '#child.running.suspect' },
              on: { HEARTBEAT: { target: 'ready', reenter: true } },
            },
            recent: { type: 'history' },
          },
        },
        suspect: {
          description:
            'The process is taken for hung or has said that it failed; it is killed after a grace.',
          entry: { type: 'report', params: { type: 'suspect' } },
          initial: 'silent',
          states: {
            silent: {
              description: 'Heartbeats are missing; one is enough to be trusted again.',
              after: { suspectGrace: 'killed' },
              on: {
                // Before it says that it is ready it tells its figures, and who is not adopted in time is killed.
                HEARTBEAT: '#child.running.alive.recent',
                RESTORING: '#child.running.alive.restoring',
                // The other two are about to exit and to start anew by themselves.
                RESTART: leaveWithGroup,
              },
            },
            leaving: {
              description: 'It announced its end, and has the grace to leave by itself.',
              after: { suspectGrace: 'killed' },
            },
            killed: { description: 'SIGKILL is sent; only the exit counts now.', entry: 'kill' },
          },
        },
      },
    },
    restarting: {
      description: 'The process is gone and the next one waits for its backoff.',
      entry: { type: 'report', params: { type: 'restart' } },
      after: { backoff: { target: 'running', actions: 'countRestart' } },
      on: {
        STOP: 'stopped',
        RETIRE: 'stopped',
        COOL_DOWN: { target: 'failed.withGroup', actions: groupReport('failed') },
      },
    },
    failed: {
      description: 'It is given up for now; after a cool-down it is tried once more.',
      initial: 'alone',
      after: { coolDown: { target: 'running', actions: 'countRestart' } },
      on: { STOP: 'stopped', RETIRE: 'stopped' },
      states: {
        alone: {
          description: 'It died too often or for a reason that stays; the parent is told.',
          entry: [{ type: 'report', params: { type: 'failed' } }, 'escalate'],
        },
        withGroup: { description: 'Its group crashed too often, which the group tells.' },
      },
    },
    stopping: {
      description: 'The process was asked to drain; past the deadline it is killed.',
      entry: 'drain',
      initial: 'forGood',
      after: { drainDeadline: { actions: 'kill' } },
      on: {
        FAILED: { actions: { type: 'recordFailure', params: ({ event }) => event.failure } },
        STOP: {
          actions: { type: 'recordDrain', params: ({ event }) => event },
          target: 'stopping',
          reenter: true,
        },
      },
      states: {
        forGood: {
          description: 'The actor is not wanted any more.',
          // An empty transition: being asked again must not buy more time.
          on: { EXITED: '#child.stopped', STOP: {} },
        },
        forRestart: {
          description: 'Its group starts anew.',
          on: {
            EXITED: [
              { guard: 'retires', target: '#child.stopped' },
              { target: '#child.running', actions: 'countRestart' },
            ],
            COOL_DOWN: { target: 'forCoolDown', actions: groupReport('failed') },
          },
        },
        forCoolDown: {
          description: 'Its group crashed too often.',
          on: {
            EXITED: [{ guard: 'retires', target: '#child.stopped' }, '#child.failed.withGroup'],
          },
        },
      },
    },
    stopped: {
      description: 'The actor was stopped on purpose and has no process.',
      type: 'final',
      entry: { type: 'report', params: { type: 'stop' } },
    },
  },
});

function groupReport<Type extends SupervisionEventType>(type: Type) {
  return {
    type: 'report',
    params: ({ event }: { event: { readonly reason: string } }) => ({
      type,
      withGroup: event.reason,
    }),
  } as const;
}

function adoptReport(): { readonly type: 'report'; readonly params: { readonly type: 'adopt' } } {
  return { type: 'report', params: { type: 'adopt' } };
}

function readyReport(): { readonly type: 'report'; readonly params: { readonly type: 'ready' } } {
  return { type: 'report', params: { type: 'ready' } };
}

/** The state that a status shows: the innermost one that is not a detail of `suspect`. */
export function childStateOf(snapshot: SnapshotFrom<typeof childMachine>): ChildState {
  const { value } = snapshot;
  if (typeof value === 'string') return value;
  if (!('running' in value)) return 'failed' in value ? 'failed' : 'stopping';
  const { running } = value;
  return 'alive' in running && running.alive !== undefined ? running.alive : 'suspect';
}
