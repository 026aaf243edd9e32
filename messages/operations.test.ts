import { describe, expect, test } from '@jest/globals';
import { codeOf } from '../core/base/errors.js';
import { encode, protocolVersion } from './codec.js';
import {
  decodeScaledCount,
  encodeScaledCount,
  operationMessage,
  parseOperation,
  parseProgress,
  parseRestore,
  parseScale,
  progressMessage,
} from './operations.js';

const operation = 'op-1';

function codeFrom(work: () => unknown): string | undefined {
  try {
    work();
  } catch (error) {
    return codeOf(error);
  }
  return undefined;
}

describe('an operation', () => {
  test('is named by one token', () => {
    expect(parseOperation(operationMessage({ operation }))).toEqual({ operation });
    for (const wrong of ['', 'a.b', 'a b', '*', 'x'.repeat(65)])
      expect(codeFrom(() => parseOperation(operationMessage({ operation: wrong })))).toBe(
        'BAD_MESSAGE',
      );
  });

  test('scales a kind there is to a count of at least one', () => {
    const scale = operationMessage({ operation, kind: 'ranker', count: 2 });
    expect(parseScale(scale)).toEqual({ operation, kind: 'ranker', count: 2 });
    for (const change of [{ kind: 'wizard' }, { count: 0 }, { count: 1.5 }])
      expect(codeFrom(() => parseScale({ ...scale, ...change }))).toBe('BAD_REQUEST');
  });

  test('goes back to a time, a sequence or a snapshot', () => {
    for (const to of [{ atMs: 5 }, { sequence: 7 }, { snapshot: 's' }])
      expect(parseRestore(operationMessage({ operation, to }))).toEqual({ operation, to });
    for (const to of [undefined, null, {}, { atMs: 'now' }])
      expect(codeFrom(() => parseRestore({ ...operationMessage({ operation }), to }))).toBe(
        'BAD_MESSAGE',
      );
  });

  test('tells how far it is', () => {
    const progress = { text: 'rows', done: 1, total: 2 };
    expect(parseProgress(progressMessage(progress))).toEqual(progress);
    expect(codeFrom(() => parseProgress({ ...progressMessage(progress), done: '1' }))).toBe(
      'BAD_MESSAGE',
    );
  });
});

test('a count that was changed says what the configuration said then', () => {
  expect(decodeScaledCount(encodeScaledCount({ configured: 2, count: 3 }))).toEqual({
    ...{ configured: 2, count: 3 },
  });
  const wrong = encode({ v: protocolVersion, configured: 2, count: -3 });
  expect(codeFrom(() => decodeScaledCount(wrong))).toBe('BAD_MESSAGE');
});
