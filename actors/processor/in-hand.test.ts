import { expect, test } from '@jest/globals';
import type { WorkMessage } from '../../runtime/bus/work-queues.js';
import { InHand } from './in-hand.js';

const turn = () => new Promise((resolve) => setImmediate(resolve));

test('so many are worked on at a time, in order; what nobody has begun is given back', async () => {
  const [begun, back]: number[][] = [[], []];
  const ends = new Map<number, () => void>();
  const hand = new InHand(2, ({ sequence }) => {
    begun!.push(sequence);
    return new Promise((resolve) => ends.set(sequence, resolve));
  });
  const message = (sequence: number) =>
    ({ sequence, nak: () => void back!.push(sequence) }) as unknown as WorkMessage;
  for (const sequence of [1, 2, 3, 4, 5]) hand.take(message(sequence));
  expect([begun, hand.size]).toEqual([[1, 2], 5]);
  ends.get(2)!();
  await turn();
  expect([begun, hand.size]).toEqual([[1, 2, 3], 4]);
  let isClosed = false;
  const closing = hand.close().then(() => (isClosed = true));
  expect(back).toEqual([4, 5]);
  ends.get(1)!();
  await turn();
  expect([begun, isClosed]).toEqual([[1, 2, 3], false]);
  ends.get(3)!();
  await closing;
  expect(hand.size).toBe(0);
});
