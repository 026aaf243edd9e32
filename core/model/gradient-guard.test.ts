import { describe, expect, test } from '@jest/globals';
import { codeOf } from '../base/errors.js';
import { GradientGuard, meanNorm, type GuardedStep } from './gradient-guard.js';

/** Of this norm; the rows are of two samples. */
function stepOf(norm: number, change: Partial<GuardedStep> = {}): GuardedStep {
  const rowGradient = Float32Array.of(2 * norm, 0);
  return { loss: 0.5, rowGradient, denseGradient: Float32Array.of(0, 0), weight: 2, ...change };
}

function verdictOf(guard: GradientGuard, step: GuardedStep): string {
  try {
    guard.check(step);
    return 'learned';
  } catch (error) {
    return codeOf(error);
  }
}

function warm(factor = 100): GradientGuard {
  const guard = new GradientGuard(factor);
  for (let i = 0; i < 60; i++) guard.check(stepOf(0.1));
  return guard;
}

describe('the guard of gradients', () => {
  test('refuses what is not finite, wherever it is, from the first step on', () => {
    const guard = new GradientGuard(0);
    const [rows, dense] = [Float32Array.of(1, NaN), Float32Array.of(-Infinity)];
    expect(verdictOf(guard, stepOf(1, { loss: NaN }))).toBe('NOT_FINITE');
    expect(verdictOf(guard, stepOf(1, { rowGradient: rows }))).toBe('NOT_FINITE');
    expect(verdictOf(guard, stepOf(1, { denseGradient: dense }))).toBe('NOT_FINITE');
    // Its square is not in single precision.
    expect(verdictOf(guard, stepOf(1, { denseGradient: Float32Array.of(1e20) }))).toBe(
      'NOT_FINITE',
    );
    const squares = { rowSquares: Float32Array.of(1e20, Infinity) };
    expect(verdictOf(guard, stepOf(1, squares))).toBe('NOT_FINITE');
    expect(verdictOf(guard, stepOf(1, { rowSquares: Float32Array.of(1e20) }))).toBe('learned');
    expect(verdictOf(guard, stepOf(1e6))).toBe('learned');
  });

  test('refuses what is far longer than usual, once it knows what is', () => {
    const young = new GradientGuard(100);
    expect([verdictOf(young, stepOf(0.1)), verdictOf(young, stepOf(500))]).toEqual([
      ...['learned', 'learned'],
    ]);
    const guard = warm();
    expect(verdictOf(guard, stepOf(9))).toBe('learned');
    expect(verdictOf(guard, stepOf(500))).toBe('GRADIENT_EXPLODED');
    expect(verdictOf(guard, stepOf(0.1))).toBe('learned');
    expect(verdictOf(warm(0), stepOf(500))).toBe('learned');
  });

  test('does not take what is short for an explosion, however short all else was', () => {
    const guard = new GradientGuard(100);
    for (let i = 0; i < 60; i++) guard.check(stepOf(1e-9));
    expect(verdictOf(guard, stepOf(0.9))).toBe('learned');
  });

  test('gets used to a stream that is another from now on', () => {
    const guard = warm();
    const verdicts = Array.from({ length: 60 }, () => verdictOf(guard, stepOf(100)));
    expect(verdicts[0]).toBe('GRADIENT_EXPLODED');
    expect(verdicts.at(-1)).toBe('learned');
    expect(guard.norm).toBeGreaterThan(1);
  });

  test('has the norm of rows by sample', () => {
    const denseGradient = Float32Array.of(3, 0);
    expect(meanNorm(stepOf(4, { denseGradient }))).toBeCloseTo(5, 6);
  });
});
