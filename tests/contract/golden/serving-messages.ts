import { noFacts } from '../../../core/joining/event-facts.js';
import { decode, encode } from '../../../messages/codec.js';
import {
  featuresReply,
  featuresRequest,
  parseFeaturesReply,
  parseFeaturesRequest,
} from '../../../messages/features.js';
import {
  isLackingReply,
  isStanding,
  lackingReply,
  parsePopular,
  parseRankBatch,
  parseRankBatchReply,
  parseStandingReply,
  parseVisible,
  popularMessage,
  rankBatchMessage,
  rankBatchReply,
  standingMessage,
  standingReply,
  visibleMessage,
} from '../../../messages/ranking.js';
import type { GoldenMessage } from './golden-files.js';
import * as values from './sample-values.js';

const { requestIds, users, items, atMs } = values.impressionRows;
const batch = {
  ...{ requestIds, users, items, atMs },
  contexts: [{ device: 'phone' }],
  log: 'required' as const,
  facts: values.allFacts,
  from: 'east',
};
const scoring = {
  ...{ requestIds: [], users, items, atMs: new Float64Array(0) },
  contexts: [],
  log: 'none' as const,
  facts: noFacts,
};
const reply = {
  scores: Float32Array.of(0.5, 0.25),
  denseVersion: 1841,
  through: 6,
  dataCenter: 'east',
  degraded: false,
  rerouted: true,
};
const choosing = { ...batch, log: 'chosen' as const, choose: { k: 1, exploration: 0.05 } };
const placed = { ...choosing, places: { catalog: 'c.0', rows: Uint32Array.of(3, 70_000) } };
const slate = { rows: Uint32Array.of(1), impressions: [Uint8Array.of(1, 2, 3)] };
const chosen = { ...reply, scores: Float32Array.of(0.25), slate };
const visible = { dataCenter: 'east', shard: 1, through: 6, resolved: 7, sequence: 90 };
const request = {
  ...{ users: ['42'], items: ['7', '8'] },
  lately: { types: ['purchase'], sinceMs: 1_700_000_000_000 },
};
const features = {
  sequence: 12,
  users: [{ age: 30 }],
  items: [null, { genres: 'Comedy|Drama' }],
  kept: {
    ...{ sequence: 40, own: 0 },
    users: [
      { events: 3, tastes: { keys: Float64Array.of(7), values: Float32Array.of(0.5), none: 0 } },
    ],
    items: [],
  },
  lately: [['9']],
};

export const servingMessages: readonly GoldenMessage[] = [
  {
    name: 'rank-batch',
    write: () => encode(rankBatchMessage(batch)),
    read: (bytes) => parseRankBatch(decode(bytes), 10),
    expected: batch,
  },
  {
    name: 'rank-batch-unlogged',
    write: () => encode(rankBatchMessage(scoring)),
    read: (bytes) => parseRankBatch(decode(bytes), 10),
    expected: { ...scoring, from: undefined },
  },
  {
    name: 'rank-batch-reply',
    write: () => encode(rankBatchReply(reply)),
    read: (bytes) => parseRankBatchReply(decode(bytes), 2),
    expected: { ...reply, predictions: {}, progress: {}, settingsVersion: 0, model: 'main' },
  },
  {
    name: 'rank-batch-reply-with-settings',
    write: () => encode(rankBatchReply({ ...reply, settingsVersion: 7 })),
    read: (bytes) => parseRankBatchReply(decode(bytes), 2),
    expected: { ...reply, predictions: {}, progress: {}, settingsVersion: 7, model: 'main' },
  },
  {
    name: 'rank-batch-choosing',
    write: () => encode(rankBatchMessage(choosing)),
    read: (bytes) => parseRankBatch(decode(bytes), 10),
    expected: choosing,
  },
  {
    name: 'rank-batch-places',
    write: () => encode(rankBatchMessage(placed, { isShort: true })),
    read: (bytes) => parseRankBatch(decode(bytes), 10),
    expected: { ...placed, items: [] },
  },
  {
    name: 'rank-batch-places-and-ids',
    write: () => encode(rankBatchMessage(placed)),
    read: (bytes) => parseRankBatch(decode(bytes), 10),
    expected: placed,
  },
  {
    name: 'rank-batch-reply-lacking',
    write: () => encode(lackingReply()),
    read: (bytes) => isLackingReply(decode(bytes)),
    expected: true,
  },
  {
    name: 'rank-batch-reply-chosen',
    write: () => encode(rankBatchReply(chosen)),
    read: (bytes) => parseRankBatchReply(decode(bytes), 2),
    expected: { ...chosen, predictions: {}, progress: {}, settingsVersion: 0, model: 'main' },
  },
  {
    name: 'features-request-attributes',
    write: () => encode(featuresRequest({ ...request, attributes: ['title', 'url'] })),
    read: (bytes) => parseFeaturesRequest(decode(bytes)),
    expected: { ...request, attributes: ['title', 'url'] },
  },
  {
    name: 'visible',
    write: () => encode(visibleMessage(visible)),
    read: (bytes) => parseVisible(decode(bytes)),
    expected: { ...visible, progress: {} },
  },
  {
    name: 'standing',
    write: () => encode(standingMessage('wide')),
    read: (bytes) => isStanding(decode(bytes)),
    expected: true,
  },
  {
    name: 'standing-reply',
    write: () => encode(standingReply(91, 'wide')),
    read: (bytes) => parseStandingReply(decode(bytes), 'wide'),
    expected: 91,
  },
  {
    name: 'popular',
    write: () => encode(popularMessage({ items: ['7', '8'], sequence: 12 })),
    read: (bytes) => parsePopular(decode(bytes)),
    expected: { items: ['7', '8'], sequence: 12 },
  },
  {
    name: 'features-request',
    write: () => encode(featuresRequest(request)),
    read: (bytes) => parseFeaturesRequest(decode(bytes)),
    expected: request,
  },
  {
    name: 'features-reply',
    write: () => encode(featuresReply(features)),
    read: (bytes) => parseFeaturesReply(decode(bytes), request),
    expected: features,
  },
];
