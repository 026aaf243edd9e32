import { expect, test } from '@jest/globals';
import type { LiveProcess } from './fleet.js';
import { victimOf } from './victims.js';

const actor = (kind: string, index: number, pid: number): LiveProcess => ({
  ...{ name: `east.${kind}.${index}`, kind, dataCenter: 'east', pid },
});
const processes = [
  { name: 'h1', kind: 'host', dataCenter: 'east', pid: 1 },
  actor('ranker', 0, 2),
  actor('recommender', 0, 2),
  actor('ranker', 1, 3),
];

test('what befalls an actor befalls those in its process', () => {
  const names = (pick: number) =>
    victimOf({ target: 'ranker', pick }, processes, 'h1')?.processes.map(({ name }) => name);
  expect(names(0)).toEqual(['east.ranker.0', 'east.recommender.0']);
  expect(names(0.5)).toEqual(['east.ranker.1']);
  expect(victimOf({ target: 'trainer', pick: 0 }, processes, 'h1')).toBeUndefined();
});
