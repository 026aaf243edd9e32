import { expect } from '@jest/globals';
import { transition } from 'xstate';
import { childStates } from '../../messages/actor-status.js';
import { describePaths, namesOf } from '../support/machine-paths.js';
import {
  childMachine,
  childStateOf,
  isRestartable,
  type ChildEvent,
} from '../../supervisor/child.machine.js';
import { childPolicy } from '../../runtime/restart-policy.js';

const stop: ChildEvent = { type: 'STOP', drainMs: 7 };
const exited: ChildEvent = { type: 'EXITED', atMs: 0, jitter: 1 };

describePaths(childMachine, {
  input: childPolicy({ restartsMax: 1, backoffMsMin: 10, backoffMsMax: 10 }),
  events: [
    { type: 'HEARTBEAT' },
    { type: 'ADOPTED' },
    { type: 'RESTORING' },
    { type: 'READY' },
    { type: 'FAILED', failure: { code: 'STORAGE_FULL', message: 'no space left' } },
    { type: 'FAILED', failure: { code: 'CONFIG_INVALID', message: 'no such optimizer' } },
    { type: 'RESTART', reason: 'a.ps-shard.0 crashed' },
    { type: 'COOL_DOWN', reason: '5 crashes in 60 s' },
    exited,
    { type: 'RETIRE' },
    stop,
  ],
  view: ({ context, historyValue }) => [
    isRestartable(context, 0),
    context.failure?.code,
    context.retires,
    Object.values(historyValue).map((nodes: readonly { id: string }[]) =>
      nodes.map(({ id }) => id),
    ),
  ],
  invariants: {
    'a process is started only when the one before has exited': (walk) => {
      let alive = false;
      for (const step of walk) {
        if (step.event.type === 'EXITED') alive = false;
        for (const name of namesOf(step)) {
          if (name !== 'spawn') continue;
          expect(alive).toBe(false);
          alive = true;
        }
      }
    },
    'once it retires no process is started': (walk) => {
      const retired = walk.findIndex(({ event }) => event.type === 'RETIRE');
      if (retired >= 0) expect(walk.slice(retired).flatMap(namesOf)).not.toContain('spawn');
    },
    'a process is killed only after the grace of a suspect or the time to drain': (walk) => {
      for (const step of walk)
        if (namesOf(step).includes('kill'))
          expect(step.event.type).toMatch(/^xstate\.after\.(suspectGrace|drainDeadline)\./);
    },
    'a process that exits when asked to counts as no crash': (walk) => {
      for (const { from, to } of walk)
        if (from !== undefined && !from.matches('running'))
          expect(to.context.crashesAtMs).toEqual(from.context.crashesAtMs);
    },
    'it escalates only at an exit that no restart is granted for': (walk) => {
      for (const step of walk)
        if (namesOf(step).includes('escalate')) {
          expect(step.event.type).toBe('EXITED');
          expect(isRestartable(step.from!.context, 0)).toBe(false);
        }
    },
    'from everywhere it is stopped by a stop and an exit, and then it is over': (walk) => {
      const { to } = walk.at(-1)!;
      if (to.status === 'done') return expect(childStateOf(to)).toBe('stopped');
      const [stopping] = transition(childMachine, to, stop);
      if (stopping.status === 'done') return;
      const [stopped, actions] = transition(childMachine, stopping, exited);
      expect(childStateOf(stopped)).toBe('stopped');
      expect(actions.map(({ type }) => type)).not.toContain('spawn');
    },
    'it is shown in a state that people know': (walk) => {
      expect(childStates).toContain(childStateOf(walk.at(-1)!.to));
    },
  },
});
