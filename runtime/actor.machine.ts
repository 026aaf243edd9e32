import { setup } from 'xstate';

/** The life of an actor, seen from inside its process. Effects are named here and provided by actor-life.ts. */
export type ActorLifeEvent =
  | { type: 'CONNECTED' }
  | { type: 'RESTORED' }
  | { type: 'STOP' }
  | { type: 'DRAINED' }
  | { type: 'FAILED' };

function notProvided(effect: unknown): never {
  throw new Error(`the process provides no effect for ${String(effect)}`);
}

export const actorMachine = setup({
  types: { events: {} as ActorLifeEvent },
  actions: {
    announce: (_: unknown, { state }: { state: string }) => notProvided(state),
    restore: () => notProvided('restore'),
    drain: () => notProvided('drain'),
    exit: (_: unknown, { code }: { code: number }) => notProvided(code),
  },
}).createMachine({
  id: 'actor',
  initial: 'connecting',
  on: { FAILED: '.failed' },
  states: {
    connecting: {
      description: 'The process is up and joins NATS.',
      on: { CONNECTED: 'restoring', STOP: 'stopped' },
    },
    restoring: {
      description: 'It loads its state and replays its log.',
      entry: [{ type: 'announce', params: { state: 'restoring' } }, 'restore'],
      on: { RESTORED: 'ready', STOP: 'draining' },
    },
    ready: {
      description: 'It answers.',
      entry: { type: 'announce', params: { state: 'ready' } },
      on: { STOP: 'draining' },
    },
    draining: {
      description: 'It takes nothing new and finishes what it has.',
      entry: [{ type: 'announce', params: { state: 'draining' } }, 'drain'],
      on: { DRAINED: 'stopped' },
    },
    stopped: {
      description: 'All is durable; it leaves, and the process ends with the last one in it.',
      type: 'final',
      entry: [
        { type: 'announce', params: { state: 'stopped' } },
        { type: 'exit', params: { code: 0 } },
      ],
    },
    failed: {
      description: "It can't go on; the process ends with all in it, and the supervisor decides.",
      type: 'final',
      entry: { type: 'exit', params: { code: 1 } },
    },
  },
});
