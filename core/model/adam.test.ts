import { describe, expect, test } from '@jest/globals';
import { adamDefaults, adamStep, createAdamState, type AdamOptions } from './adam.js';

/** The published formula in double precision, written as the paper writes it. */
function paperAdam(start: number[], gradients: number[][], options: AdamOptions): number[] {
  const w = [...start];
  const m = w.map(() => 0);
  const v = w.map(() => 0);
  gradients.forEach((gradient, index) => {
    const t = index + 1;
    gradient.forEach((g, i) => {
      m[i] = options.beta1 * m[i]! + (1 - options.beta1) * g;
      v[i] = options.beta2 * v[i]! + (1 - options.beta2) * g ** 2;
      const meanHat = m[i] / (1 - options.beta1 ** t);
      const squareHat = v[i] / (1 - options.beta2 ** t);
      w[i]! *= 1 - options.learningRate * options.weightDecay;
      w[i]! -= (options.learningRate * meanHat) / (Math.sqrt(squareHat) + options.epsilon);
    });
  });
  return w;
}

describe('adam', () => {
  test.each([0, 0.3])('follows the formula over many steps, weight decay %d', (weightDecay) => {
    const options = { ...adamDefaults, weightDecay };
    const start = [0.5, -1, 2, 0];
    const gradients = Array.from({ length: 200 }, (_, t) =>
      start.map((_, i) => Math.sin(t * (i + 1)) * 10 ** -i + 0.01),
    );
    const parameters = Float32Array.from(start);
    const state = createAdamState(start.length);
    for (const gradient of gradients)
      adamStep(parameters, Float32Array.from(gradient), state, options);
    const expected = paperAdam(start, gradients, options);
    expected.forEach((value, i) => expect(parameters[i]).toBeCloseTo(value, 5));
    expect(state.step).toBe(200);
  });

  test('scales a gradient that is longer than the limit', () => {
    const options = { ...adamDefaults, clipNorm: 1 };
    const clipped = createAdamState(2);
    const norm = adamStep(new Float32Array(2), Float32Array.of(30, 40), clipped, options);
    expect(norm).toBe(50);
    const scaled = createAdamState(2);
    adamStep(new Float32Array(2), Float32Array.of(0.6, 0.8), scaled, options);
    expect(clipped.m[0]).toBeCloseTo(scaled.m[0]!, 7);
    expect(clipped.v[1]).toBeCloseTo(scaled.v[1]!, 7);
  });

  test('follows the schedule of its rate by the steps it has taken, and decays weights by it', () => {
    const schedule = {
      warmUpSteps: 4,
      decay: { kind: 'exponential', rate: 0.5, steps: 1 },
    } as const;
    const options = { ...adamDefaults, learningRate: 0.1, beta1: 0, beta2: 0, schedule };
    const [parameters, state] = [Float32Array.of(0), createAdamState(1)];
    const steps = Array.from({ length: 6 }, () => {
      const before = parameters[0]!;
      adamStep(parameters, Float32Array.of(1), state, options);
      return Number((before - parameters[0]!).toFixed(5));
    });
    expect(steps).toEqual([0.025, 0.05, 0.075, 0.1, 0.1, 0.05]);
    const decayed = Float32Array.of(1);
    adamStep(decayed, Float32Array.of(0), createAdamState(1), { ...options, weightDecay: 1 });
    expect(decayed[0]).toBeCloseTo(0.975, 6);
  });

  test('refuses a gradient that is not finite and changes nothing', () => {
    const parameters = Float32Array.of(1, 2);
    const state = createAdamState(2);
    expect(adamStep(parameters, Float32Array.of(NaN, 1), state)).toBeNaN();
    expect(adamStep(parameters, Float32Array.of(Infinity, 1), state)).toBe(Infinity);
    expect([...parameters]).toEqual([1, 2]);
    expect(state.step).toBe(0);
    expect([...state.m, ...state.v]).toEqual([0, 0, 0, 0]);
  });

  test('refuses a gradient of another length', () => {
    expect(() => adamStep(new Float32Array(2), new Float32Array(3), createAdamState(2))).toThrow(
      'gradient of 3 for 2 parameters',
    );
  });
});
