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
  selectRankBatch,
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
    ['a choice that is left out', { log: 'chosen' }, 'BAD_MESSAGE'],
    ['a choice of nothing', { log: 'chosen', choose: { k: 0, exploration: 0 } }, 'BAD_MESSAGE'],
    ['more than chance', { log: 'chosen', choose: { k: 1, exploration: 2 } }, 'BAD_MESSAGE'],
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

test('an answer with what was chosen has a score for each of that, and no row that was not sent', () => {
  const of = (rows: number[], scores = rows.length) =>
    rankBatchReply({
      ...{ scores: new Float32Array(scores), denseVersion: 1, through: 6, dataCenter: 'east' },
      ...{ degraded: false, rerouted: false },
      slate: { rows: Uint32Array.from(rows), impressions: [Uint8Array.of(1)] },
    });
  const { slate } = parseRankBatchReply(decode(encode(of([2, 0]))), 3);
  expect([[...slate!.rows], slate!.impressions.length]).toEqual([[2, 0], 1]);
  expect(codeFrom(() => parseRankBatchReply(of([3, 0]), 3))).toBe('BAD_MESSAGE');
  expect(codeFrom(() => parseRankBatchReply(of([2, 0], 3), 3))).toBe('BAD_MESSAGE');
  const wrong = { ...of([2]), slate: { rows: Uint32Array.of(2), impressions: ['text'] } };
  expect(codeFrom(() => parseRankBatchReply(wrong, 3))).toBe('BAD_MESSAGE');
});

test('the rows of a batch that are chosen keep all that is theirs', () => {
  const contexts = [{ device: 'phone' }, { device: 'tablet' }];
  const facts = { ...noFacts, visitors: ['', 'v'] };
  const [second] = [selectRankBatch({ ...logged, contexts, facts }, [1])];
  expect(second).toMatchObject({
    ...{ items: ['i1'], users: ['u'], requestIds: ['s'], contexts: [{ device: 'tablet' }] },
    ...{ atMs: Float64Array.of(2), facts: { visitors: ['v'] } },
  });
  expect(selectRankBatch(scoring(3), [2])).toMatchObject({ items: ['i2'], requestIds: [] });
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
