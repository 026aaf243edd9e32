import { expect, test } from '@jest/globals';
import { endsProcess } from './actor-life.js';

const drained = { code: 0, isDrained: true };
const late = { code: 0, isDrained: false };
const leaving = { isLeaving: true };
const staying = { isLeaving: false };

test('a process ends with one that leaves something behind, unless all others are leaving', () => {
  expect(endsProcess(drained, [staying])).toBe(false);
  expect(endsProcess(late, [leaving, staying])).toBe(true);
  expect(endsProcess(late, [leaving, leaving])).toBe(false);
  expect(endsProcess({ code: 1, isDrained: false }, [leaving])).toBe(true);
  expect(endsProcess(drained, [])).toBe(true);
});
