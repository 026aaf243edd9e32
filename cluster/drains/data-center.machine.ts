import { assign, setup, type SnapshotFrom } from 'xstate';
import { assert } from '../../core/base/assert.js';
import type { DrainCause } from '../../messages/drains.js';
import type { Judgment } from './data-center-health.js';
import {
  ailsTooLong,
  courseAfter,
  isCalm,
  relapsesAfter,
  unknownCourse,
  type Course,
  type DrainPatience,
} from './drain-policy.js';

/**
 * The life of one data center, judged by the readiness of its actors and by how well they serve.
 *
 * A kind without a ready actor makes the data center unable to do its job, but a restart takes less than a second, so it
 * is called down only when that lasts. NATS sees that by itself, as its replicas are gone. What NATS can't see is one
 * that answers late or from old rows: it asks to be drained, and after that to be taken back. It only asks, with every
 * judgment for as long as there is cause, since it does not see whether others could take over (`mayDrain`); DRAIN and
 * UNDRAIN are what came of it, and what people want.
 */
export interface Readiness {
  readonly readyCount: number;
  readonly actorCount: number;
  /** Kinds of which no actor is ready. */
  readonly missingKinds: readonly string[];
}

export type DataCenterState =
  'healthy' | 'degraded' | 'draining' | 'drained' | 'down' | 'rejoining';

export interface DataCenterInput extends DrainPatience {
  /** How long a kind may be missing. Too low: every restart looks like an outage; too high: callers are told late. */
  readonly downAfterMs: number;
}

export interface DataCenterContext extends DataCenterInput {
  readonly readiness: Readiness;
  readonly course: Course;
  /** Why it is out of service; null: it is not. */
  readonly drainedBy: DrainCause | null;
  /** When it was taken back last, if its drain had not been by hand. */
  readonly backAtMs: number | null;
  /** Drains in a row that came soon after it was taken back. */
  readonly relapses: number;
}

export type DataCenterEvent =
  | { readonly type: 'READINESS'; readonly readiness: Readiness }
  | { readonly type: 'HEALTH'; readonly judgment: Judgment; readonly atMs: number }
  /** It is to leave; for one that has left already only the cause is new. */
  | { readonly type: 'DRAIN'; readonly by: DrainCause; readonly atMs: number }
  /** All its replicas have left their queue groups. */
  | { readonly type: 'LEFT' }
  | { readonly type: 'UNDRAIN'; readonly atMs: number };

type Of<Type extends DataCenterEvent['type']> = Extract<DataCenterEvent, { type: Type }>;

/** Counts what is ready. `children` are all actors placed in one data center. */
export function readinessOf(
  children: readonly { readonly kind: string; readonly ready: boolean }[],
): Readiness {
  const ready = children.filter((child) => child.ready);
  const readyKinds = new Set(ready.map((child) => child.kind));
  const missingKinds = [...new Set(children.map((child) => child.kind))].filter(
    (kind) => !readyKinds.has(kind),
  );
  return { readyCount: ready.length, actorCount: children.length, missingKinds };
}

/** Every actor is ready, and there are some. */
export function isWhole(readiness: Readiness): boolean {
  return readiness.readyCount === readiness.actorCount && readiness.actorCount > 0;
}

/** No actor is ready, though there are some. */
export function isDark(readiness: Readiness): boolean {
  return readiness.readyCount === 0 && readiness.actorCount > 0;
}

/** Some kind has no ready actor. */
export function lacksKind(readiness: Readiness): boolean {
  return readiness.missingKinds.length > 0;
}

/** It has served badly for too long, this judgment included. */
function asksToDrain(context: DataCenterContext, { judgment, atMs }: Of<'HEALTH'>): boolean {
  return ailsTooLong(courseAfter(context.course, judgment, atMs), atMs, context);
}

/** What took it out of service has been over for long enough; a person who took it out is not overruled. */
function asksToReturn(context: DataCenterContext, { judgment, atMs }: Of<'HEALTH'>): boolean {
  if (context.drainedBy === 'hand' || lacksKind(context.readiness)) return false;
  return isCalm(courseAfter(context.course, judgment, atMs), atMs, context, context.relapses);
}

/** What is known of it after a DRAIN: it can't overrule a person, and repeating it changes nothing. */
function drainedContext(
  context: DataCenterContext,
  { by, atMs }: Of<'DRAIN'>,
): Partial<DataCenterContext> {
  if (context.drainedBy === 'hand') return {};
  if (by === 'hand') return { drainedBy: by };
  if (context.drainedBy !== null) return { drainedBy: by };
  const relapses = relapsesAfter(context.relapses, context.backAtMs, atMs, context);
  return { drainedBy: by, relapses, course: unknownCourse };
}

function returnedContext(
  { drainedBy }: DataCenterContext,
  { atMs }: Of<'UNDRAIN'>,
): Partial<DataCenterContext> {
  const backAtMs = drainedBy === 'hand' ? null : atMs;
  return { drainedBy: null, backAtMs, course: unknownCourse };
}

const seen = {
  type: 'recordReadiness',
  params: ({ event }: { event: Of<'READINESS'> }) => event.readiness,
} as const;

const when = <Name extends 'isWhole' | 'isDark' | 'lacksKind'>(type: Name) => ({
  type,
  params: ({ event }: { event: Of<'READINESS'> }) => event.readiness,
});

const knownTo = <Name extends 'isWhole' | 'lacksKind'>(type: Name) => ({
  type,
  params: ({ context }: { context: DataCenterContext }) => context.readiness,
});

const judged = {
  type: 'recordJudgment',
  params: ({ event }: { event: Of<'HEALTH'> }) => event,
} as const;

/** Why: the judgment that is the last of too many. */
const askToDrain = {
  type: 'drain',
  params: ({ event }: { event: Of<'HEALTH'> }) => ({ by: causeOf(event.judgment) }),
} as const;

const back = {
  type: 'recordReturn',
  params: ({ event }: { event: Of<'UNDRAIN'> }) => event,
} as const;

function causeOf(judgment: Judgment): DrainCause {
  assert(judgment === 'slow' || judgment === 'stale', `${judgment} is no cause to drain`);
  return judgment;
}

export const dataCenterMachine = setup({
  types: {
    context: {} as DataCenterContext,
    events: {} as DataCenterEvent,
    input: {} as DataCenterInput,
  },
  delays: { downAfter: ({ context }) => context.downAfterMs },
  guards: {
    isWhole: (_, readiness: Readiness) => isWhole(readiness),
    isDark: (_, readiness: Readiness) => isDark(readiness),
    lacksKind: (_, readiness: Readiness) => lacksKind(readiness),
    asksToDrain: ({ context }, event: Of<'HEALTH'>) => asksToDrain(context, event),
    asksToReturn: ({ context }, event: Of<'HEALTH'>) => asksToReturn(context, event),
  },
  actions: {
    drain: (_, params: { by: DrainCause }) => assert(false, `provide drain, of ${params.by}`),
    undrain: () => assert(false, 'provide undrain'),
    recordReadiness: assign((_, readiness: Readiness) => ({ readiness })),
    recordJudgment: assign(({ context }, { judgment, atMs }: Of<'HEALTH'>) => ({
      course: courseAfter(context.course, judgment, atMs),
    })),
    forgetJudgments: assign({ course: unknownCourse }),
    recordDrain: assign(({ context }, event: Of<'DRAIN'>) => drainedContext(context, event)),
    recordReturn: assign(({ context }, event: Of<'UNDRAIN'>) => returnedContext(context, event)),
  },
}).createMachine({
  id: 'data-center',
  context: ({ input }) => ({
    ...input,
    readiness: { readyCount: 0, actorCount: 0, missingKinds: [] },
    course: unknownCourse,
    drainedBy: null,
    backAtMs: null,
    relapses: 0,
  }),
  initial: 'inService',
  states: {
    inService: {
      description: 'Its replicas are in their queue groups, as far as they are there.',
      initial: 'down',
      on: {
        DRAIN: {
          actions: { type: 'recordDrain', params: ({ event }) => event },
          target: 'outOfService',
        },
        HEALTH: [
          {
            guard: { type: 'asksToDrain', params: ({ event }) => event },
            actions: [judged, askToDrain],
          },
          { actions: judged },
        ],
      },
      states: {
        healthy: {
          description: 'Every actor is ready.',
          on: {
            READINESS: [
              { guard: when('isWhole'), actions: seen },
              { guard: when('isDark'), actions: seen, target: 'down' },
              { guard: when('lacksKind'), actions: seen, target: 'degraded.lacking' },
              { actions: seen, target: 'degraded' },
            ],
          },
        },
        degraded: {
          description: 'Some actors are not ready.',
          initial: 'thinned',
          on: {
            READINESS: [
              { guard: when('isWhole'), actions: seen, target: 'healthy' },
              { guard: when('isDark'), actions: seen, target: 'down' },
              { guard: when('lacksKind'), actions: seen, target: '.lacking' },
              { actions: seen, target: '.thinned' },
            ],
          },
          states: {
            thinned: { description: 'Of every kind at least one is ready.' },
            lacking: {
              description: 'A kind has no ready actor; if that lasts, the data center is down.',
              after: { downAfter: '#data-center.inService.down' },
              on: {
                READINESS: [
                  { guard: when('isDark'), actions: seen, target: '#data-center.inService.down' },
                  // Stays without re-entering, so that further news does not restart the timer.
                  { guard: when('lacksKind'), actions: seen },
                  {
                    guard: when('isWhole'),
                    actions: seen,
                    target: '#data-center.inService.healthy',
                  },
                  { actions: seen, target: 'thinned' },
                ],
              },
            },
          },
        },
        down: {
          description:
            'It can not do its job: a kind has had no ready actor for too long, or nothing is ready, or it has not started yet.',
          entry: 'forgetJudgments',
          on: {
            // What is judged now is the start; it counts from when the data center serves.
            HEALTH: {},
            READINESS: [
              { guard: when('lacksKind'), actions: seen },
              { guard: when('isWhole'), actions: seen, target: 'healthy' },
              { actions: seen, target: 'rejoining' },
            ],
          },
        },
        rejoining: {
          description: 'It was down and every kind is back, but not every actor yet.',
          on: {
            HEALTH: {},
            READINESS: [
              { guard: when('isWhole'), actions: seen, target: 'healthy' },
              { guard: when('lacksKind'), actions: seen, target: 'down' },
              { actions: seen },
            ],
          },
        },
      },
    },
    outOfService: {
      description: 'Its replicas are to stay out of their queue groups, whatever restarts.',
      initial: 'draining',
      on: {
        READINESS: { actions: seen },
        DRAIN: { actions: { type: 'recordDrain', params: ({ event }) => event } },
        UNDRAIN: [
          { guard: knownTo('lacksKind'), actions: back, target: 'inService.down' },
          { guard: knownTo('isWhole'), actions: back, target: 'inService.healthy' },
          { actions: back, target: 'inService.rejoining' },
        ],
      },
      states: {
        draining: {
          description: 'Its replicas finish what they were given and leave their queue groups.',
          on: { LEFT: 'drained', HEALTH: { actions: judged } },
        },
        drained: {
          description: 'It answers nobody, and follows the logs as before.',
          on: {
            HEALTH: [
              {
                guard: { type: 'asksToReturn', params: ({ event }) => event },
                actions: [judged, 'undrain'],
              },
              { actions: judged },
            ],
          },
        },
      },
    },
  },
});

/** The state that a status shows. */
export function dataCenterStateOf(
  snapshot: SnapshotFrom<typeof dataCenterMachine>,
): DataCenterState {
  const { value } = snapshot;
  if ('outOfService' in value) return value.outOfService;
  return typeof value.inService === 'string' ? value.inService : 'degraded';
}
