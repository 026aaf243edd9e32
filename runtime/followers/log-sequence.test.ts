import { expect, test } from '@jest/globals';
import { MemoryLog } from './memory-log.testkit.js';
import { logSequenceOf, placeInStream } from './log-sequence.js';

const message = (sequence: number, source?: string) => ({
  sequence,
  header: (name: string) => (name === 'Nats-Stream-Source' ? source : undefined),
});

test.each([
  ['a record in the log itself', undefined, 7],
  ['one in a copy', 'FEATURES 42', 42],
  ['one in a copy of a newer server', 'FEATURES:hash 42 starling.features.* >', 42],
])('%s knows its place in the log', (_what, source, expected) => {
  expect(logSequenceOf(message(7, source))).toBe(expected);
});

/** A copy that began when the log had been trimmed up to 100, and was trimmed itself since. */
function copy(): MemoryLog {
  const log = new MemoryLog();
  for (let n = 101; n <= 110; n++)
    log.put('log', Uint8Array.of(0), { headers: { 'Nats-Stream-Source': `FEATURES ${n}` } });
  log.trim(4);
  return log;
}

test.each([
  ['in the middle', 107, 7],
  ['first', 104, 4],
  ['last', 110, 10],
  ['just before the first', 103, 3],
  ['long gone', 50, 3],
  ['none', 0, 3],
  ['not there yet', 200, 10],
])('a record that is %s is found in a copy', async (_what, sequence, place) => {
  expect(await placeInStream(copy(), 'COPY', sequence)).toBe(place);
});

test('an empty stream is read from its next record on', async () => {
  expect(await placeInStream(new MemoryLog(), 'LOG', 7)).toBe(0);
  const trimmed = copy();
  trimmed.trim(11);
  expect(await placeInStream(trimmed, 'COPY', 105)).toBe(10);
});
