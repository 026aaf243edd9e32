import { describe, expect, test } from '@jest/globals';
import { StarlingError, type ErrorCode } from '../core/base/errors.js';
import { CircuitBreaker } from './circuit-breaker.js';

function breaker() {
  let nowMs = 0;
  const circuit = new CircuitBreaker({ nowMs: () => nowMs });
  const settle = async (code?: ErrorCode): Promise<void> => {
    const attempt = code ? Promise.reject(new StarlingError(code, 'no')) : Promise.resolve();
    await circuit.watch(attempt).catch(() => undefined);
  };
  return {
    circuit,
    answered: () => settle(),
    failed: (code: ErrorCode = 'TIMEOUT') => settle(code),
    pass: (ms: number) => (nowMs += ms),
  };
}

async function times(count: number, act: () => Promise<void>): Promise<void> {
  for (let i = 0; i < count; i++) await act();
}

describe('a circuit breaker', () => {
  test('lets everything through until half of the last requests have no answer', async () => {
    const { circuit, answered, failed } = breaker();
    await times(7, failed);
    expect(circuit.allows()).toBe(true);
    await times(9, answered);
    expect(circuit.allows()).toBe(true);
    await times(7, failed);
    expect(circuit.allows()).toBe(true); // The first seven are not among the 16 that count any more.
    await failed();
    expect([circuit.allows(), circuit.allows()]).toEqual([true, false]);
  });

  test('tries once in a while, and an answer opens the way', async () => {
    const { circuit, answered, failed, pass } = breaker();
    await times(16, failed);
    expect([circuit.allows(), circuit.allows()]).toEqual([true, false]);
    await failed();
    pass(249);
    expect(circuit.allows()).toBe(false);
    pass(1);
    expect([circuit.allows(), circuit.allows()]).toEqual([true, false]);
    await answered();
    expect([circuit.allows(), circuit.allows()]).toEqual([true, true]);
  });

  test('counts a refusal as an answer', async () => {
    const { circuit, failed } = breaker();
    await times(16, () => failed('OVERLOADED'));
    expect([circuit.allows(), circuit.allows()]).toEqual([true, true]);
    await times(16, () => failed('NO_RESPONDERS'));
    expect([circuit.allows(), circuit.allows()]).toEqual([true, false]);
  });
});
