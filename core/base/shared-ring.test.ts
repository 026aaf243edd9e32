import { expect, test } from '@jest/globals';
import fc from 'fast-check';
import { codeOf } from './errors.js';
import { newAlarm, raise, RingConsumer, RingProducer, ringMemory } from './shared-ring.js';

test('what was published is received once, in order, however writing and reading take turns', () => {
  fc.assert(
    fc.property(
      fc.array(fc.boolean(), { maxLength: 200 }),
      fc.constantFrom(1, 2, 4),
      fc.boolean(),
      (turns, slots, wraps) => {
        const memory = ringMemory(slots, 1);
        // Counts are 32 bits wide, and a training goes on.
        if (wraps) new Int32Array(memory.control).fill(-3);
        const alarm = newAlarm();
        const producer = new RingProducer(memory, alarm);
        const consumer = new RingConsumer(memory, alarm);
        let [written, read] = [0, 0];
        for (const writes of turns) {
          if (writes && written - read < slots) {
            producer.claim().words[0] = ++written;
            producer.publish();
          }
          if (!writes && read < written) {
            expect(consumer.receive().words[0]).toBe(++read);
            consumer.release();
          }
        }
      },
    ),
  );
});

test('floats and words of a slot are the same memory, and slots are apart', () => {
  const memory = ringMemory(2, 4);
  const producer = new RingProducer(memory, newAlarm());
  const first = producer.claim();
  producer.publish();
  const second = producer.claim();
  first.floats[0] = 1.5;
  second.words[0] = 7;
  expect(new Uint32Array(new Float32Array([1.5]).buffer)[0]).toBe(first.words[0]);
  expect(second.floats.byteOffset).toBe(16);
});

test('who waits for a thread that is gone is told', () => {
  const memory = ringMemory(1, 1);
  const alarm = newAlarm();
  const producer = new RingProducer(memory, alarm);
  producer.claim();
  producer.publish();
  raise(alarm);
  const codes = [
    () => producer.claim(),
    () => {
      const consumer = new RingConsumer(ringMemory(1, 1), alarm);
      consumer.receive();
    },
  ].map((wait) => {
    try {
      wait();
      return 'went on';
    } catch (error) {
      return codeOf(error);
    }
  });
  expect(codes).toEqual(['UNAVAILABLE', 'UNAVAILABLE']);
});
