import { describe, expect, test } from '@jest/globals';
import { EventEmitter } from 'node:events';
import { setTimeout as sleep } from 'node:timers/promises';
import { encodeRecord } from '../messages/hosts.js';
import { names, subject } from '../messages/default-names.testkit.js';
import { isNext, takeTurns } from './stream-turns.js';

const listenMs = 300;

/** Everybody hears everybody, in the memory of this process. */
function network() {
  const wire = new EventEmitter();
  const handlers = new Set<(bytes: Uint8Array, subject: string) => void>();
  return {
    names,
    handlers,
    publish: (to: string, bytes: Uint8Array): void => void wire.emit(to, bytes),
    subscribe(from: string, handler: (bytes: Uint8Array, subject: string) => void) {
      const hear = (bytes: Uint8Array): void => handler(bytes, from);
      handlers.add(handler);
      wire.on(from, hear);
      return {
        stop: async () => {
          handlers.delete(handler);
          wire.off(from, hear);
        },
      };
    },
  };
}

describe('hosts that start at the same time', () => {
  test('act one at a time, and once', async () => {
    const wire = network();
    let acting = 0;
    let acted = 0;
    const start = (): Promise<void> =>
      takeTurns(wire, {
        listenMs,
        isDone: async () => acted > 0 && acting === 0,
        act: async () => {
          acting++;
          expect(acting).toBe(1);
          await sleep(400);
          acted++;
          acting--;
        },
      });
    const early = [start(), start(), start()];
    await sleep(100);
    await Promise.all([...early, start()]);
    expect(acted).toBe(1);
    expect(wire.handlers.size).toBe(0);
  });

  test('go on where the one before has failed', async () => {
    const wire = network();
    const acted: string[] = [];
    const start = (name: string) =>
      takeTurns(wire, {
        listenMs,
        isDone: async () => acted.length > 1,
        act: async () => {
          acted.push(name);
          if (acted.length === 1) throw new Error('failed');
        },
      });
    const results = await Promise.allSettled([start('a'), start('b')]);
    expect(results.map(({ status }) => status).sort()).toEqual(['fulfilled', 'rejected']);
    expect([...acted].sort()).toEqual(['a', 'b']);
  });

  test('give up where another is at it for ever', async () => {
    const wire = network();
    const other = setInterval(
      () => wire.publish(subject.turn, encodeRecord({ id: 'other', acting: true })),
      50,
    );
    const attempt = takeTurns(wire, {
      listenMs,
      waitMsMax: 600,
      isDone: async () => false,
      act: () => Promise.reject(new Error('acted')),
    });
    await expect(attempt).rejects.toMatchObject({ code: 'TIMEOUT' });
    clearInterval(other);
  });
});

describe('the order of turns', () => {
  test.each<[string, [string, boolean][], boolean]>([
    ['b', [], true],
    ['b', [['c', false]], true],
    ['b', [['a', false]], false],
    ['b', [['c', true]], false],
  ])('of %s among %j: goes first %s', (id, others, expected) => {
    const heard = others.map(([other, acting]) => ({ id: other, acting }));
    expect(isNext(id, heard)).toBe(expected);
  });
});
