import { expect, test } from '@jest/globals';
import type { ActorContext } from '../../runtime/actor.js';
import { cameFromElsewhere } from './rerouted-request.js';

const context = {
  identity: { dataCenter: 'east' },
  config: { dataCenters: [{ name: 'train' }, { name: 'east' }, { name: 'west' }] },
} as unknown as ActorContext;

test.each([
  ['the own data center', 'east', false],
  ['another one', 'west', true],
  ['the training one', 'train', true],
  ['a caller that does not say', undefined, false],
  ["somebody else's cluster", 'NATS', false],
])('a request from %s', (_from, name, rerouted) => {
  expect(cameFromElsewhere(context, name)).toBe(rerouted);
});
