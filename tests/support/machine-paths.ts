import { describe, expect, test } from '@jest/globals';
import {
  getNextTransitions,
  initialTransition,
  transition,
  type AnyMachineSnapshot,
  type AnyStateMachine,
  type EventFromLogic,
  type EventObject,
  type InputFrom,
  type SnapshotFrom,
} from 'xstate';
import { getShortestPaths, getStateNodes } from 'xstate/graph';

/**
 * Walks a machine along a shortest path to every state it can be in, and from there one step on with every event it may
 * ever meet, timers included: so each state is seen, and each event in each state. What holds for every machine is
 * tested here; what holds for one is a function over walks, an invariant.
 */
export interface MachinePaths<Machine extends AnyStateMachine> {
  readonly input: InputFrom<Machine>;
  /** At least one of each type; several where guards tell them apart. Timers are found in the machine. */
  readonly events: readonly EventFromLogic<Machine>[];
  /** What guards and effects look at beside the state itself. What only counts up must stay out: it has no end. */
  readonly view: (snapshot: SnapshotFrom<Machine>) => unknown;
  /** By the sentence that they prove; they throw when it does not hold along a walk. */
  readonly invariants: Readonly<Record<string, (walk: Walk<Machine>) => void>>;
}

export interface Effect {
  readonly type: string;
  readonly params: unknown;
}

export interface Step<Machine extends AnyStateMachine> {
  /** Absent at the first step, which is the start. */
  readonly from?: SnapshotFrom<Machine>;
  readonly event: EventFromLogic<Machine> | { readonly type: 'the start' };
  readonly to: SnapshotFrom<Machine>;
  readonly effects: readonly Effect[];
}

export type Walk<Machine extends AnyStateMachine> = readonly Step<Machine>[];

/** More is a `view` that has no end; without a limit it would end with the memory. */
const statesMax = 20_000;

/** A shortest path to each state, each followed by each event. */
function walksOf<Machine extends AnyStateMachine>(
  machine: Machine,
  paths: Pick<MachinePaths<Machine>, 'input' | 'events' | 'view'>,
): Walk<Machine>[] {
  type Event = EventFromLogic<Machine>;
  // A machine that is done hears nothing more, as when it runs.
  const eventsIn = (snapshot: SnapshotFrom<Machine>): Event[] =>
    isDone(snapshot) ? [] : [...paths.events, ...(timersOf(snapshot) as Event[])];
  const shortest = getShortestPaths(machine, {
    input: paths.input,
    limit: statesMax,
    events: (state) => eventsIn(state as SnapshotFrom<Machine>),
    serializeState: (state) => {
      const snapshot = state as SnapshotFrom<Machine>;
      return JSON.stringify([stateOf(snapshot), paths.view(snapshot)]);
    },
  });
  return shortest.flatMap(({ steps }) => {
    const events = steps.map(({ event }) => event).filter(({ type }) => type !== 'xstate.init');
    const walk = replay(machine, paths.input, events);
    return eventsIn(walk.at(-1)!.to).map((event) => [...walk, step(machine, walk, event)]);
  });
}

/** The tests that every machine has, and one for each invariant. */
export function describePaths<Machine extends AnyStateMachine>(
  machine: Machine,
  paths: MachinePaths<Machine>,
): void {
  describe(`on every path of the machine "${machine.id}"`, () => {
    const walks = walksOf(machine, paths);
    const steps = walks.map((walk) => walk.at(-1)!);

    test('every state is reached', () => {
      const reached = new Set(steps.flatMap(({ to }) => nodesOf(to).map(({ id }) => id)));
      const known = getStateNodes(machine).filter(({ type }) => type !== 'history');
      expect(known.map(({ id }) => id).filter((id) => !reached.has(id))).toEqual([]);
    });

    test('every event that a state knows is met there', () => {
      const met = new Set(
        steps.flatMap(({ from, event }) =>
          nodesOf(from!).map(({ id }) => `${id}: ${typeOf(event)}`),
        ),
      );
      const known = [machine.root, ...getStateNodes(machine)].flatMap(({ id, transitions }) =>
        [...transitions.keys()].map((type) => `${id}: ${type}`),
      );
      expect(known.filter((each) => !met.has(each))).toEqual([]);
    });

    test('an event that a state does not know changes nothing', () => {
      for (const { from, event, to, effects } of steps) {
        if (knownTypes(from!).includes(typeOf(event))) continue;
        expect([stateOf(to), contextOf(to), effects]).toEqual([
          stateOf(from!),
          contextOf(from!),
          [],
        ]);
      }
    });

    for (const [sentence, check] of Object.entries(paths.invariants))
      test(sentence, () => {
        for (const walk of walks) checkAlong(walk, check);
      });
  });
}

/** Names of the effects of a step. */
export function namesOf({ effects }: { readonly effects: readonly Effect[] }): string[] {
  return effects.map(({ type }) => type);
}

function checkAlong<Machine extends AnyStateMachine>(
  walk: Walk<Machine>,
  check: (walk: Walk<Machine>) => void,
): void {
  try {
    check(walk);
  } catch (error) {
    const path = walk.map(({ event, to }) => `${JSON.stringify(event)} → ${stateOf(to)}`);
    throw new Error(`does not hold along\n  ${path.join('\n  ')}\n${String(error)}`, {
      cause: error,
    });
  }
}

function replay<Machine extends AnyStateMachine>(
  machine: Machine,
  input: InputFrom<Machine>,
  events: readonly EventFromLogic<Machine>[],
): Walk<Machine> {
  const [to, actions] = initialTransition(machine, input);
  const walk: Step<Machine>[] = [
    { event: { type: 'the start' }, to: to, effects: effectsOf(actions) },
  ];
  for (const event of events) walk.push(step(machine, walk, event));
  return walk;
}

function step<Machine extends AnyStateMachine>(
  machine: Machine,
  walk: Walk<Machine>,
  event: EventFromLogic<Machine>,
): Step<Machine> {
  const from = walk.at(-1)!.to;
  const [to, actions] = transition(machine, from, event);
  return { from, event, to: to, effects: effectsOf(actions) };
}

/** What the machine asks of its host; starting and cancelling its timers is its own business. */
function effectsOf(actions: readonly Effect[]): Effect[] {
  return actions.filter(({ type }) => !type.startsWith('xstate.'));
}

function knownTypes(snapshot: AnyMachineSnapshot): string[] {
  const known: readonly { readonly eventType: string }[] = getNextTransitions(snapshot);
  return known.map(({ eventType }) => eventType);
}

/** The timers of the current state going off. */
function timersOf(snapshot: AnyMachineSnapshot): { readonly type: string }[] {
  return knownTypes(snapshot)
    .filter((type) => type.startsWith('xstate.after'))
    .map((type) => ({ type }));
}

function isDone(snapshot: AnyMachineSnapshot): boolean {
  return snapshot.status === 'done';
}

function nodesOf(snapshot: AnyMachineSnapshot): readonly { readonly id: string }[] {
  return snapshot._nodes;
}

// The library's types lose what every event and every snapshot has when the machine is a parameter.
function typeOf(event: unknown): string {
  return (event as EventObject).type;
}

function contextOf(snapshot: unknown): unknown {
  return (snapshot as AnyMachineSnapshot).context;
}

/** Where the machine is, as text. */
function stateOf(snapshot: AnyMachineSnapshot): string {
  return JSON.stringify(snapshot.value);
}
