import { describe, expect, test } from '@jest/globals';
import { scheduleFactor, type ScheduleSpec } from './learning-schedule.js';

const at = (schedule: ScheduleSpec | undefined, ...steps: number[]): number[] =>
  steps.map((step) => Number(scheduleFactor(schedule, step).toFixed(6)));

describe('the learning rate', () => {
  test('is constant without a schedule', () => {
    expect(at(undefined, 0, 1e9)).toEqual([1, 1]);
    expect(at({}, 0, 1e9)).toEqual([1, 1]);
  });

  test('warms up in a line and is then constant', () => {
    expect(at({ warmUpSteps: 4 }, 0, 1, 3, 4, 100)).toEqual([0.25, 0.5, 1, 1, 1]);
  });

  test('decays exponentially, counted from the end of the warm-up', () => {
    const schedule: ScheduleSpec = {
      warmUpSteps: 10,
      decay: { kind: 'exponential', rate: 0.5, steps: 100 },
    };
    expect(at(schedule, 9, 10, 110, 210)).toEqual([1, 1, 0.5, 0.25]);
  });

  test('decays with inverse time', () => {
    const schedule: ScheduleSpec = { decay: { kind: 'inverse-time', rate: 1, steps: 10 } };
    expect(at(schedule, 0, 10, 30)).toEqual([1, 0.5, 0.25]);
  });

  test('follows half a cosine to its floor and stays there', () => {
    const schedule: ScheduleSpec = { decay: { kind: 'cosine', steps: 100, floor: 0.2 } };
    expect(at(schedule, 0, 50, 100, 1000)).toEqual([1, 0.6, 0.2, 0.2]);
  });
});
