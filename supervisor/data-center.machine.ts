import { assign, setup, type SnapshotFrom } from 'xstate';

/**
 * The health of one data center, judged by the readiness of its actors. A kind without a ready actor makes the data
 * center unable to do its job, but a restart takes less than a second, so it is called down only when that lasts.
 */
export interface Readiness {
  readonly readyCount: number;
  readonly actorCount: number;
  /** Kinds of which no actor is ready. */
  readonly missingKinds: readonly string[];
}

export type DataCenterState = 'healthy' | 'degraded' | 'down' | 'rejoining';

export interface DataCenterInput {
  /** How long a kind may be missing. Too low: every restart looks like an outage; too high: callers are told late. */
  readonly downAfterMs: number;
}

export interface DataCenterContext extends DataCenterInput {
  readonly readiness: Readiness;
}

export interface DataCenterEvent {
  readonly type: 'READINESS';
  readonly readiness: Readiness;
}

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

/** Every actor is ready. */
export function isWhole(readiness: Readiness): boolean {
  return readiness.readyCount === readiness.actorCount;
}

/** No actor is ready, though there are some. */
export function isDark(readiness: Readiness): boolean {
  return readiness.readyCount === 0 && readiness.actorCount > 0;
}

/** Some kind has no ready actor. */
export function lacksKind(readiness: Readiness): boolean {
  return readiness.missingKinds.length > 0;
}

const seen = {
  type: 'recordReadiness',
  params: ({ event }: { event: DataCenterEvent }) => event.readiness,
} as const;

const when = <Name extends 'isWhole' | 'isDark' | 'lacksKind'>(type: Name) => ({
  type,
  params: ({ event }: { event: DataCenterEvent }) => event.readiness,
});

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
  },
  actions: {
    recordReadiness: assign((_, readiness: Readiness) => ({ readiness })),
  },
}).createMachine({
  id: 'data-center',
  context: ({ input }) => ({
    ...input,
    readiness: { readyCount: 0, actorCount: 0, missingKinds: [] },
  }),
  initial: 'down',
  states: {
    /** Every actor is ready. */
    healthy: {
      on: {
        READINESS: [
          { guard: when('isWhole'), actions: seen },
          { guard: when('isDark'), actions: seen, target: 'down' },
          { guard: when('lacksKind'), actions: seen, target: 'degraded.lacking' },
          { actions: seen, target: 'degraded' },
        ],
      },
    },
    /** Some actors are not ready. */
    degraded: {
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
        /** Of every kind at least one is ready. */
        thinned: {},
        /** A kind has no ready actor; if that lasts, the data center is down. */
        lacking: {
          after: { downAfter: '#data-center.down' },
          on: {
            READINESS: [
              { guard: when('isDark'), actions: seen, target: '#data-center.down' },
              // Stays without re-entering, so that further news does not restart the timer.
              { guard: when('lacksKind'), actions: seen },
              { guard: when('isWhole'), actions: seen, target: '#data-center.healthy' },
              { actions: seen, target: 'thinned' },
            ],
          },
        },
      },
    },
    /** It can't do its job: a kind has had no ready actor for too long, or nothing is ready, or it has not started yet. */
    down: {
      on: {
        READINESS: [
          { guard: when('lacksKind'), actions: seen },
          { guard: when('isWhole'), actions: seen, target: 'healthy' },
          { actions: seen, target: 'rejoining' },
        ],
      },
    },
    /** It was down and every kind is back, but not every actor yet. */
    rejoining: {
      on: {
        READINESS: [
          { guard: when('isWhole'), actions: seen, target: 'healthy' },
          { guard: when('lacksKind'), actions: seen, target: 'down' },
          { actions: seen },
        ],
      },
    },
  },
});

/** The state that a status shows. */
export function dataCenterStateOf(
  snapshot: SnapshotFrom<typeof dataCenterMachine>,
): DataCenterState {
  return typeof snapshot.value === 'string' ? snapshot.value : 'degraded';
}
