import { describe, expect, test } from '@jest/globals';
import { codeOf } from '../core/base/errors.js';
import { noFacts } from '../core/joining/event-facts.js';
import { decode, encode } from './codec.js';
import type { RankBatch } from './ranking.js';
import {
  isRankBatch,
  parsePopular,
  parseRankBatch,
  parseRankBatchReply,
  parseVisible,
  popularMessage,
  rankBatchMessage,
  rankBatchReply,
  visibleMessage,
} from './ranking.js';

const scoring = (count: number): RankBatch => ({
  requestIds: [],
  users: new Array<string>(count).fill('u'),
  items: Array.from({ length: count }, (_unused, i) => `i${i}`),
  atMs: new Float64Array(0),
  contexts: [],
  log: 'none',
  facts: noFacts,
});
const logged: RankBatch = {
  ...scoring(2),
  requestIds: ['r', 's'],
  atMs: Float64Array.of(1, 2),
  log: 'offered',
};

function codeFrom(work: () => unknown): string | undefined {
  try {
    work();
  } catch (error) {
    return codeOf(error);
  }
  return undefined;
}

describe('a batch to rank', () => {
  test('of many candidates names their user once', () => {
    const message = rankBatchMessage(scoring(1000));
    expect(message.users).toEqual(['u']);
    expect(isRankBatch(message)).toBe(true);
    const read = parseRankBatch(decode(encode(message)), 1000);
    expect(read.users).toHaveLength(1000);
    expect(read).toMatchObject({ requestIds: [], log: 'none', facts: noFacts });
  });

  test.each<[string, object, string]>([
    ['more rows than are allowed', { rowCount: 3 }, 'BAD_REQUEST'],
    ['a row count that is not that of its columns', { rowCount: 1 }, 'BAD_MESSAGE'],
    ['no rows', { rowCount: 0, items: [] }, 'BAD_REQUEST'],
    ['a way to log that is none', { log: 'perhaps' }, 'BAD_MESSAGE'],
    ['request ids of too few rows', { requestIds: [] }, 'BAD_MESSAGE'],
    ['contexts of too few rows', { contexts: [{}, {}, {}] }, 'BAD_MESSAGE'],
    ['a context that is no map', { contexts: ['phone'] }, 'BAD_MESSAGE'],
    ['a data center that is no name', { from: 7 }, 'BAD_MESSAGE'],
    ['another model', { model: 'candidate' }, 'SPEC_MISMATCH'],
  ])('with %s is refused', (_what, change, code) => {
    const message = { ...rankBatchMessage(logged), ...change };
    expect(codeFrom(() => parseRankBatch(message, 2))).toBe(code);
  });
});

test('an answer has a score for each row, and one mark of progress', () => {
  const reply = rankBatchReply({
    ...{ scores: new Float32Array(2), denseVersion: 1, through: 6, dataCenter: 'east' },
    ...{ degraded: true, rerouted: false },
  });
  expect(parseRankBatchReply(reply, 2)).toMatchObject({ through: 6, degraded: true });
  expect(codeFrom(() => parseRankBatchReply(reply, 3))).toBe('BAD_MESSAGE');
  const several = { ...reply, through: Float64Array.of(6, 7) };
  expect(codeFrom(() => parseRankBatchReply(several, 2))).toBe('BAD_MESSAGE');
});

test('a notice says up to which record of its log it speaks', () => {
  const notice = { dataCenter: 'east', shard: 1, through: 6, resolved: 7, sequence: 90 };
  const message = visibleMessage(notice);
  expect(parseVisible(message)).toEqual({ ...notice, progress: {} });
  for (const sequence of [-1, 1.5, 'new', undefined])
    expect(codeFrom(() => parseVisible({ ...message, sequence }))).toBe('BAD_MESSAGE');
  const popular = popularMessage({ items: ['a'], sequence: 3 });
  expect(parsePopular(popular)).toEqual({ items: ['a'], sequence: 3 });
  expect(codeFrom(() => parsePopular({ ...popular, items: [7] }))).toBe('BAD_MESSAGE');
});
