import { describe, expect, test } from '@jest/globals';
import {
  createActor,
  getNextTransitions,
  initialTransition,
  SimulatedClock,
  transition,
  type SnapshotFrom,
} from 'xstate';
import type { ChildState } from '../messages/actor-status.js';
import {
  childMachine,
  childStateOf,
  countRestart,
  isRestartable,
  planRestart,
  type ChildEvent,
  type ChildFailure,
} from './child.machine.js';
import { childPolicy } from '../runtime/restart-policy.js';

type Snapshot = SnapshotFrom<typeof childMachine>;

const policy = childPolicy({ restartsMax: 1, backoffMsMin: 10, backoffMsMax: 10 });
const full: ChildFailure = { code: 'STORAGE_FULL', message: 'no space left' };
const misconfigured: ChildFailure = { code: 'CONFIG_INVALID', message: 'no such optimizer' };

const heartbeat: ChildEvent = { type: 'HEARTBEAT' };
const adopted: ChildEvent = { type: 'ADOPTED' };
const restoring: ChildEvent = { type: 'RESTORING' };
const ready: ChildEvent = { type: 'READY' };
const failed: ChildEvent = { type: 'FAILED', failure: full };
const failedForGood: ChildEvent = { type: 'FAILED', failure: misconfigured };
const exited: ChildEvent = { type: 'EXITED', atMs: 0, jitter: 1 };
const exitedWith: ChildEvent = { ...exited, because: 'a.trainer.0' };
const retire: ChildEvent = { type: 'RETIRE' };
const stop: ChildEvent = { type: 'STOP', drainMs: 7 };
const restart: ChildEvent = { type: 'RESTART', reason: 'a.ps-shard.0 crashed' };
const coolDown: ChildEvent = { type: 'COOL_DOWN', reason: '5 crashes in 60 s' };

/** Types of the events that the current state answers to. */
function knownTypes(snapshot: Snapshot): string[] {
  return getNextTransitions(snapshot).map(({ eventType }: { eventType: string }) => eventType);
}

/** The timer of the current state going off; a state of this machine has at most one. */
function timerOf(snapshot: Snapshot): ChildEvent | undefined {
  const type = knownTypes(snapshot).find((eventType) => eventType.startsWith('xstate.after'));
  return type === undefined ? undefined : ({ type } as unknown as ChildEvent);
}

const timer = 'timer';

/** Where `steps` lead from the start, and the effects of the last one. */
function walk(steps: readonly (ChildEvent | typeof timer)[]): {
  snapshot: Snapshot;
  effects: string[];
} {
  let [snapshot, actions] = initialTransition(childMachine, policy);
  for (const step of steps) {
    const event = step === timer ? timerOf(snapshot)! : step;
    [snapshot, actions] = transition(childMachine, snapshot, event);
  }
  const effects = actions
    .filter(({ type }) => !type.startsWith('xstate.'))
    .map(({ type, params }) =>
      type === 'report' ? `report ${(params as { type: string }).type}` : type,
    );
  return { snapshot, effects };
}

const wayTo: Readonly<Record<string, readonly (ChildEvent | typeof timer)[]>> = {
  starting: [],
  restoring: [restoring],
  ready: [ready],
  silent: [ready, timer],
  leaving: [ready, failed],
  killed: [ready, timer, timer],
  restarting: [ready, exited],
  failed: [exited, timer, exited],
  failedWithGroup: [exited, coolDown],
  stopping: [stop],
  stoppingForRestart: [ready, restart],
  stoppingForCoolDown: [ready, coolDown],
  stopped: [stop, exited],
};

type Row = [event: ChildEvent | typeof timer, state: ChildState, effects: string[]];

const table: Readonly<Record<string, readonly Row[]>> = {
  starting: [
    [restart, 'stopping', ['report restart', 'drain']],
    [coolDown, 'stopping', ['report failed', 'drain']],
    [heartbeat, 'starting', []],
    [adopted, 'starting', ['report adopt']],
    [restoring, 'restoring', []],
    [ready, 'ready', ['report ready']],
    [failed, 'suspect', ['report suspect']],
    [exited, 'restarting', ['report restart']],
    [exitedWith, 'starting', ['report restart', 'spawn']],
    [stop, 'stopping', ['drain']],
    [timer, 'suspect', ['report suspect']],
  ],
  restoring: [
    [restart, 'stopping', ['report restart', 'drain']],
    [coolDown, 'stopping', ['report failed', 'drain']],
    [heartbeat, 'restoring', []],
    [adopted, 'restoring', []],
    [restoring, 'restoring', []],
    [ready, 'ready', ['report ready']],
    [failed, 'suspect', ['report suspect']],
    [exited, 'restarting', ['report restart']],
    [exitedWith, 'starting', ['report restart', 'spawn']],
    [stop, 'stopping', ['drain']],
    [timer, 'suspect', ['report suspect']],
  ],
  ready: [
    [restart, 'stopping', ['report restart', 'drain']],
    [coolDown, 'stopping', ['report failed', 'drain']],
    [heartbeat, 'ready', []],
    [adopted, 'ready', []],
    [restoring, 'ready', []],
    [ready, 'ready', []],
    [failed, 'suspect', ['report suspect']],
    [exited, 'restarting', ['report restart']],
    [exitedWith, 'starting', ['report restart', 'spawn']],
    [stop, 'stopping', ['drain']],
    [timer, 'suspect', ['report suspect']],
  ],
  silent: [
    [restart, 'stopping', ['report restart', 'drain']],
    [coolDown, 'stopping', ['report failed', 'drain']],
    [heartbeat, 'ready', []],
    [adopted, 'suspect', []],
    [restoring, 'restoring', []],
    [ready, 'suspect', []],
    [failed, 'suspect', ['report suspect']],
    [exited, 'restarting', ['report restart']],
    [exitedWith, 'starting', ['report restart', 'spawn']],
    [stop, 'stopping', ['drain']],
    [timer, 'suspect', ['kill']],
  ],
  leaving: [
    [restart, 'suspect', []],
    [coolDown, 'stopping', ['report failed', 'drain']],
    [heartbeat, 'suspect', []],
    [ready, 'suspect', []],
    [exited, 'restarting', ['report restart']],
    [exitedWith, 'starting', ['report restart', 'spawn']],
    [stop, 'stopping', ['drain']],
    [timer, 'suspect', ['kill']],
  ],
  killed: [
    [restart, 'suspect', []],
    [coolDown, 'stopping', ['report failed', 'drain']],
    [heartbeat, 'suspect', []],
    [ready, 'suspect', []],
    [exited, 'restarting', ['report restart']],
    [exitedWith, 'starting', ['report restart', 'spawn']],
    [stop, 'stopping', ['drain']],
  ],
  restarting: [
    [restart, 'restarting', []],
    [coolDown, 'failed', ['report failed']],
    [heartbeat, 'restarting', []],
    [exited, 'restarting', []],
    [stop, 'stopped', ['report stop']],
    [timer, 'starting', ['spawn']],
  ],
  failed: [
    [restart, 'failed', []],
    [coolDown, 'failed', []],
    [heartbeat, 'failed', []],
    [exited, 'failed', []],
    [stop, 'stopped', ['report stop']],
    [timer, 'starting', ['spawn']],
  ],
  failedWithGroup: [
    [coolDown, 'failed', []],
    [stop, 'stopped', ['report stop']],
    [timer, 'starting', ['spawn']],
  ],
  stoppingForRestart: [
    [failed, 'stopping', []],
    [exited, 'starting', ['spawn']],
    [timer, 'stopping', ['kill']],
    [restart, 'stopping', []],
    [coolDown, 'stopping', ['report failed']],
    [stop, 'stopping', ['drain']],
  ],
  stoppingForCoolDown: [
    [exited, 'failed', []],
    [timer, 'stopping', ['kill']],
    [restart, 'stopping', []],
    [coolDown, 'stopping', []],
    [stop, 'stopping', ['drain']],
  ],
  stopping: [
    [restart, 'stopping', []],
    [coolDown, 'stopping', []],
    [heartbeat, 'stopping', []],
    [ready, 'stopping', []],
    [failed, 'stopping', []],
    [exited, 'stopped', ['report stop']],
    [stop, 'stopping', []],
    [timer, 'stopping', ['kill']],
  ],
  stopped: [
    [heartbeat, 'stopped', []],
    [exited, 'stopped', []],
    [stop, 'stopped', []],
  ],
};

describe('the life of a child', () => {
  test('begins with a spawn', () => {
    const { snapshot, effects } = walk([]);
    expect(childStateOf(snapshot)).toBe('starting');
    expect(effects).toEqual(['spawn']);
  });

  for (const [state, rows] of Object.entries(table)) {
    test.each(rows.map(([event, ...rest]) => [nameOf(event), event, ...rest] as const))(
      `in ${state}, %s`,
      (_, event, next, effects) => {
        const result = walk([...wayTo[state]!, event]);
        expect(childStateOf(result.snapshot)).toBe(next);
        expect(result.effects).toEqual(effects);
      },
    );
  }

  test('a suspect that speaks returns to what it was doing', () => {
    for (const state of ['starting', 'restoring', 'ready']) {
      const { snapshot } = walk([...wayTo[state]!, timer, heartbeat]);
      expect(childStateOf(snapshot)).toBe(state);
    }
  });

  test('one crash more than the intensity allows fails and escalates', () => {
    const { snapshot, effects } = walk(wayTo['failed']!);
    expect(childStateOf(snapshot)).toBe('failed');
    expect(effects).toEqual(['report failed', 'escalate']);
  });

  test('an error that a restart meets again fails at once', () => {
    expect(childStateOf(walk([failedForGood, exited]).snapshot)).toBe('failed');
    expect(childStateOf(walk([failed, exited]).snapshot)).toBe('restarting');
  });

  test('the try after a cool-down is one try, not a new loop of crashes', () => {
    const { snapshot, effects } = walk([...wayTo['failed']!, timer, exited]);
    expect(childStateOf(snapshot)).toBe('failed');
    expect(effects).toContain('escalate');
  });

  test('a restart with its group is no crash, and comes without a pause', () => {
    const { snapshot } = walk([ready, restart, exited]);
    expect(snapshot.context).toMatchObject({ restarts: 1, crashesAtMs: [], crashesSinceReady: 0 });
    expect(childStateOf(walk([ready, restart, exited, exited]).snapshot)).toBe('restarting');
  });

  test('that starts anew and is stopped meanwhile drains in the time of the stop', () => {
    const { snapshot } = walk([ready, restart, stop]);
    expect(snapshot.context.drainMs).toBe(7);
    expect(childStateOf(walk([ready, restart, stop, exited]).snapshot)).toBe('stopped');
  });

  test('once it retires no process follows the one that there is, whatever it is at', () => {
    for (const state of ['starting', 'ready', 'leaving', 'killed', 'stoppingForRestart']) {
      expect(walk([...wayTo[state]!, retire]).effects).toEqual([]);
      for (const end of [exited, exitedWith]) {
        const { snapshot, effects } = walk([...wayTo[state]!, retire, end]);
        expect([childStateOf(snapshot), effects]).toEqual(['stopped', ['report stop']]);
      }
    }
    const coolingDown = walk([...wayTo['stoppingForCoolDown']!, retire, exited]).snapshot;
    expect(childStateOf(coolingDown)).toBe('stopped');
    for (const state of ['restarting', 'failed', 'failedWithGroup'])
      expect(childStateOf(walk([...wayTo[state]!, retire]).snapshot)).toBe('stopped');
    expect(walk([ready, retire, stop]).effects).toEqual(['drain']);
  });

  test('a restart forgets the last words of the process before', () => {
    const { snapshot } = walk([failed, exited, timer]);
    expect(snapshot.context).toMatchObject({ failure: null, restarts: 1 });
  });
});

describe('time', () => {
  function started() {
    const clock = new SimulatedClock();
    const effects: string[] = [];
    const note = (name: string) => () => void effects.push(name);
    const machine = childMachine.provide({
      actions: {
        spawn: note('spawn'),
        kill: note('kill'),
        drain: note('drain'),
        escalate: note('escalate'),
        report: () => undefined,
      },
    });
    const timing = {
      startSilenceMs: 300,
      heartbeatSilenceMs: 100,
      suspectGraceMs: 50,
      coolDownMs: 500,
    };
    const child = createActor(machine, { input: { ...policy, ...timing }, clock });
    child.start();
    return { clock, child, effects, state: () => childStateOf(child.getSnapshot()) };
  }

  test('each heartbeat buys a whole new silence', () => {
    const { clock, child, state } = started();
    child.send(ready);
    for (let beat = 0; beat < 5; beat++) {
      clock.increment(90);
      child.send(heartbeat);
    }
    expect(state()).toBe('ready');
    clock.increment(100);
    expect(state()).toBe('suspect');
  });

  test('a process that boots gets more time than one that runs', () => {
    const { clock, state } = started();
    clock.increment(299);
    expect(state()).toBe('starting');
    clock.increment(1);
    expect(state()).toBe('suspect');
  });

  test('a silent suspect is killed, restarted after the backoff and failed after the next crash', () => {
    const { clock, child, effects, state } = started();
    child.send(ready);
    clock.increment(100);
    clock.increment(50);
    expect(effects).toEqual(['spawn', 'kill']);
    child.send({ type: 'EXITED', atMs: 0, jitter: 1 });
    expect(state()).toBe('restarting');
    clock.increment(10);
    expect(state()).toBe('starting');
    child.send({ type: 'EXITED', atMs: 10, jitter: 1 });
    expect(state()).toBe('failed');
    clock.increment(500);
    expect(effects).toEqual(['spawn', 'kill', 'spawn', 'escalate', 'spawn']);
  });

  test('a child that does not drain in time is killed', () => {
    const { clock, child, effects, state } = started();
    child.send(stop);
    clock.increment(6);
    expect(effects).toEqual(['spawn', 'drain']);
    clock.increment(1);
    expect(effects).toEqual(['spawn', 'drain', 'kill']);
    child.send(exited);
    expect(state()).toBe('stopped');
  });
});

test('the updates are plain functions of the context', () => {
  const { context } = walk([ready]).snapshot;
  const crashed = planRestart({ ...context, failure: full }, { atMs: 5, jitter: 0 });
  expect(crashed).toEqual({ crashesAtMs: [5], crashesSinceReady: 1, backoffMs: 5 });
  expect(countRestart({ ...context, failure: full, restarts: 2 })).toEqual({
    restarts: 3,
    failure: null,
  });
  expect(isRestartable({ ...context, failure: misconfigured }, 0)).toBe(false);
});

function nameOf(event: ChildEvent | typeof timer): string {
  if (event === timer) return 'the timer going off';
  return event.type;
}
