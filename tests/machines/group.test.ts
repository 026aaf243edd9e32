import { expect } from '@jest/globals';
import { describePaths, namesOf, type Walk } from '../support/machine-paths.js';
import {
  groupMachine,
  isGroupWithinIntensity,
  type GroupChild,
  type GroupPolicy,
} from '../../supervisor/group.machine.js';

const policy: GroupPolicy = {
  strategy: 'rest-for-one',
  restartsMax: 1,
  restartWindowMs: 100,
  coolDownMs: 50,
};
const children: GroupChild[] = [
  { address: 'shard', tier: 0 },
  { address: 'trainer', tier: 1 },
  { address: 'trainer-2', tier: 1 },
];

type GroupWalk = Walk<typeof groupMachine>;

/** Addresses in the effects called `name`, in order, over the whole walk. */
function called(walk: GroupWalk, name: string): string[] {
  return walk
    .flatMap(({ effects }) => effects)
    .filter(({ type }) => type === name)
    .flatMap(({ params }) => (params as { addresses: string[] }).addresses);
}

describePaths(groupMachine, {
  input: policy,
  events: [
    { type: 'MEMBERS', children },
    { type: 'CRASHED', address: 'shard', addresses: ['shard'], atMs: 0 },
    { type: 'CRASHED', address: 'trainer', addresses: ['shard', 'trainer'], atMs: 200 },
    ...children.map(({ address }) => ({ type: 'STOPPED', address, atMs: 200 }) as const),
    { type: 'STOP', atMs: 0, drainMs: 100 },
  ],
  view: ({ context }) => [
    context.children,
    isGroupWithinIntensity(context, 0),
    isGroupWithinIntensity(context, 200),
  ],
  invariants: {
    'it escalates only when there were more crashes in the window than restarts are granted': (
      walk,
    ) => {
      for (const [at, step] of walk.entries()) {
        if (!namesOf(step).includes('escalate')) continue;
        if (step.event.type !== 'CRASHED') throw new Error('nobody crashed');
        const { atMs } = step.event;
        const crashes = walk
          .slice(0, at + 1)
          .filter(({ event }) => event.type === 'CRASHED' && atMs - event.atMs < 100);
        expect(crashes.length).toBeGreaterThan(policy.restartsMax);
      }
    },
    'a crash that it answers by restarts never concerns those that ended themselves': (walk) => {
      for (const { event, effects } of walk)
        for (const { type, params } of effects)
          if (type === 'restart' && event.type === 'CRASHED')
            for (const address of event.addresses)
              expect((params as { addresses: string[] }).addresses).not.toContain(address);
    },
    'when it escalates, all children cool down': (walk) => {
      for (const { effects, to } of walk) {
        if (!effects.some(({ type }) => type === 'escalate')) continue;
        const params = { addresses: to.context.children.map(({ address }) => address).reverse() };
        expect(effects).toContainEqual(expect.objectContaining({ type: 'coolDown', params }));
      }
    },
    'once it stops, nobody is restarted and nothing escalates': (walk) => {
      const stop = walk.findIndex(({ event }) => event.type === 'STOP');
      if (stop < 0) return;
      const names = walk.slice(stop).flatMap(namesOf);
      expect(names.filter((name) => name !== 'stop' && name !== 'retire')).toEqual([]);
    },
    'before the first child is asked to stop, all are told that nobody is restarted': (walk) => {
      const names = walk.flatMap(namesOf).filter((name) => name === 'stop' || name === 'retire');
      expect(names.indexOf('retire')).toBe(names.length > 0 ? 0 : -1);
      expect(names.lastIndexOf('retire')).toBeLessThanOrEqual(0);
    },
    'each child is asked to stop once, those of a higher tier first': (walk) => {
      const stopped = called(walk, 'stop');
      const order = [...children].reverse().map(({ address }) => address);
      expect(stopped).toEqual(order.filter((address) => stopped.includes(address)));
    },
    'a tier stops when nobody of a higher one is left': (walk) => {
      for (const { effects, to } of walk)
        for (const { type, params } of effects)
          if (type === 'stop') {
            const { addresses, drainMs } = params as { addresses: string[]; drainMs: number };
            const left = to.context.children.slice(-addresses.length);
            expect(left.map(({ address }) => address).reverse()).toEqual(addresses);
            expect(drainMs).toBeGreaterThan(0);
          }
    },
    'it is stopped only when no child is left': (walk) => {
      const { to } = walk.at(-1)!;
      if (to.value !== 'stopped') return;
      const members = walk.findLastIndex(({ event }) => event.type === 'MEMBERS');
      const gone = walk.flatMap(({ event }) => (event.type === 'STOPPED' ? [event.address] : []));
      if (members >= 0) for (const { address } of children) expect(gone).toContain(address);
    },
  },
});
