import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { EventQueue, type TimedEvent } from './event-queue.js';

/** Plans something at a time, calls off one of those that are planned, or takes what is due. */
const command = fc.oneof(
  fc.record({ push: fc.integer({ min: 0, max: 20 }) }),
  fc.record({ callOff: fc.nat() }),
  fc.record({ popUntil: fc.integer({ min: 0, max: 20 }) }),
);

describe('an event queue', () => {
  test('gives what is due by time, and then in the order of planning, as a sorted list does', () => {
    fc.assert(
      fc.property(fc.array(command, { maxLength: 80 }), (commands) => {
        const queue = new EventQueue();
        const model: TimedEvent[] = [];
        for (const each of commands) {
          if ('push' in each) model.push(queue.push(each.push, undefined, () => undefined));
          else if ('callOff' in each) {
            const chosen = model[each.callOff % Math.max(1, model.length)];
            if (chosen) chosen.run = undefined;
          } else {
            const planned = model.filter(({ run }) => run);
            planned.sort((a, b) => a.atMs - b.atMs || a.order - b.order);
            const first = planned[0];
            const wanted = first && first.atMs <= each.popUntil ? first : undefined;
            expect(queue.pop(each.popUntil)).toBe(wanted);
            if (wanted) model.splice(model.indexOf(wanted), 1);
          }
        }
      }),
    );
  });
});
