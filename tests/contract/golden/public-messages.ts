import { parseRanking, parseRecommendation } from '../../../client/replies.js';
import { StarlingError, codeOf } from '../../../core/base/errors.js';
import {
  parseAttachMessage,
  parseChildMessage,
  parseParentMessage,
} from '../../../messages/child-messages.js';
import { decode, encodeAs, errorReply, refuseErrorReply } from '../../../messages/codec.js';
import {
  parse,
  parseEntityChange,
  parseRank,
  parseRecommend,
  publicEvent,
} from '../../../messages/public.js';
import type { GoldenMessage } from './golden-files.js';

/**
 * What people write and read, and what a supervisor and its actors say to each other. Public bodies name no version: they only
 * grow, so each of these files must be readable for ever, and may gain fields but lose none.
 */
const limits = { kMax: 100, candidatesMax: 100 };
const json = (value: unknown) => () => encodeAs('json', value);

const recommend = {
  user: '42',
  k: 2,
  context: { device: 'phone' },
  filter: { genres: 'Comedy' },
  exclude: ['7'],
  requestId: '01JD9',
  from: 'east',
};
const ofVisitor = { visitor: 'c9f2', idempotencyKey: 'k-1', log: 'shown' };
const rank = { user: '42', candidates: ['7', '8'], context: {}, from: 'east' };
const recommended = {
  items: [
    { item: '8', score: 0.5 },
    { item: '9', score: 0.25 },
  ],
  requestId: '01JD9',
  modelVersion: 1841,
  dataCenter: 'east',
  degraded: false,
  elsewhere: ['west'],
};
const warned = {
  ...{ items: [], requestId: '01JD9', modelVersion: 0, dataCenter: 'east', degraded: false },
  ...{ settingsVersion: 0, warnings: ['there are no items yet'] },
};
const ranked = {
  scores: [0.5, 0.25],
  modelVersion: 1841,
  dataCenter: 'east',
  degraded: false,
  elsewhere: ['west'],
};
const impression = {
  requestId: '01JD9',
  user: '42',
  item: '7',
  timestamp: 1_700_000_000,
  score: 0.5,
  context: { device: 'phone' },
};
const action = { requestId: '01JD9', item: '7', label: 1, timestamp: 1_700_000_001 };
const happened = {
  ...{ type: 'purchase', user: '100006', visitor: 'c9f2', item: '0000048', requestId: '01JD7' },
  ...{ label: 1, value: 39.8, order: 'o-7781', quantity: 2, currency: 'EUR', id: 'o-7781-1' },
  ...{ timestamp: 1_700_000_001, context: { device: 'phone' } },
};
const shown = { requestId: '01JD9', items: ['7', '8'], timestamp: 1_700_000_002 };
const alias = { visitor: 'c9f2', user: '100006' };
const features = { entity: 'item', id: '7', features: { genres: 'Comedy|Drama', price: 9.5 } };
const told = { entity: 'item', id: '7', mode: 'patch', deleted: false };
const lamp = { item: 7, title: 'A lamp', attributes: { price: 9.5 }, hidden: false };
const person = { user: '7', attributes: { age: null }, mode: 'replace' };
const start = {
  type: 'start',
  address: 'train.trainer.0',
  kind: 'trainer',
  dataCenter: 'train',
  index: 0,
  epoch: 2,
  partitions: [],
  config: { name: 'starling' },
  nats: {
    cluster: 'starling',
    url: ['nats://127.0.0.1:4222'],
    user: 'trainer',
    password: 'secret',
    inboxPrefix: '_INBOX_trainer',
  },
  stateDir: '/state',
  serving: true,
};
const attach = {
  type: 'attach',
  address: 'train.trainer.0',
  kind: 'trainer',
  epoch: 2,
  pid: 77,
  state: 'ready',
  partitions: [],
  startHash: 'beef',
};
const failed = { type: 'failed', code: 'FENCED', message: 'somebody else took it' };

const whole = (name: string, read: GoldenMessage['read'], value: object): GoldenMessage => ({
  ...{ name, json: true, write: json(value), read, expected: value },
});

/** What an error reply says when it is read. */
function refusal(bytes: Uint8Array): unknown {
  try {
    return refuseErrorReply(decode(bytes));
  } catch (error) {
    return { code: codeOf(error), message: (error as Error).message };
  }
}

export const publicMessages: readonly GoldenMessage[] = [
  {
    ...whole('recommend', (bytes) => parseRecommend(decode(bytes), limits), recommend),
    expected: { ...recommend, exclude: { items: ['7'] }, log: true },
  },
  {
    ...whole('recommend-visitor', (bytes) => parseRecommend(decode(bytes), limits), ofVisitor),
    expected: { ...ofVisitor, k: 10, context: {}, exclude: { items: [] } },
  },
  whole('rank', (bytes) => parseRank(decode(bytes), limits), rank),
  {
    ...whole('recommend-reply', (bytes) => parseRecommendation(decode(bytes)), recommended),
    expected: {
      ...recommended,
      elsewhere: undefined,
      settingsVersion: 0,
      model: 'main',
      warnings: [],
    },
  },
  {
    ...whole('recommend-reply-warned', (bytes) => parseRecommendation(decode(bytes)), warned),
    expected: { ...warned, model: 'main' },
  },
  {
    ...whole('rank-reply', (bytes) => parseRanking(decode(bytes), 2), ranked),
    expected: { ...ranked, elsewhere: undefined, settingsVersion: 0, model: 'main', warnings: [] },
  },
  whole(
    'event-impression',
    (bytes) => parse(publicEvent.impression, decode(bytes), 'impression', 'BAD_EVENT'),
    impression,
  ),
  {
    ...whole(
      'event-action',
      (bytes) => parse(publicEvent.action, decode(bytes), 'action', 'BAD_EVENT'),
      action,
    ),
    expected: { ...action, context: {} },
  },
  whole(
    'event-event',
    (bytes) => parse(publicEvent.event, decode(bytes), 'event', 'BAD_EVENT'),
    happened,
  ),
  whole(
    'event-shown',
    (bytes) => parse(publicEvent.shown, decode(bytes), 'shown', 'BAD_EVENT'),
    shown,
  ),
  whole(
    'event-alias',
    (bytes) => parse(publicEvent.alias, decode(bytes), 'alias', 'BAD_EVENT'),
    alias,
  ),
  whole('event-merge', (bytes) => parse(publicEvent.merge, decode(bytes), 'merge', 'BAD_EVENT'), {
    from: '100006',
    to: '100007',
  }),
  whole('event-erase', (bytes) => parse(publicEvent.erase, decode(bytes), 'erase', 'BAD_EVENT'), {
    user: '100006',
    visitor: 'c9f2',
  }),
  {
    ...whole('event-features', (bytes) => parseEntityChange('features', decode(bytes)), features),
    expected: { ...told, attributes: features.features },
  },
  {
    ...whole('event-items', (bytes) => parseEntityChange('items', decode(bytes)), lamp),
    expected: { ...told, attributes: { title: 'A lamp', price: 9.5, hidden: false } },
  },
  {
    ...whole('event-users', (bytes) => parseEntityChange('users', decode(bytes)), person),
    expected: { ...told, entity: 'user', attributes: { age: null }, mode: 'replace' },
  },
  {
    name: 'error-reply',
    json: true,
    write: json(errorReply(new StarlingError('BAD_REQUEST', 'k: 0', { field: 'k' }))),
    read: refusal,
    expected: {
      code: 'BAD_REQUEST',
      message: 'k: 0. Correct the named field and send again.',
    },
  },
  whole('child-start', (bytes) => parseParentMessage(decode(bytes)), start),
  whole('child-stop', (bytes) => parseParentMessage(decode(bytes)), {
    ...{ type: 'stop', drainMs: 5_000 },
  }),
  whole('child-serve', (bytes) => parseParentMessage(decode(bytes)), {
    type: 'serve',
    open: false,
  }),
  whole('child-adopted', (bytes) => parseParentMessage(decode(bytes)), { type: 'adopted' }),
  whole('child-retire', (bytes) => parseParentMessage(decode(bytes)), { type: 'retire' }),
  whole('child-attach', (bytes) => parseAttachMessage(decode(bytes)), attach),
  whole('child-state', (bytes) => parseChildMessage(decode(bytes)), {
    ...{ type: 'state', state: 'ready' },
  }),
  whole('child-heartbeat', (bytes) => parseChildMessage(decode(bytes)), {
    ...{ type: 'heartbeat', atMs: 1_700_000_000_000, stats: { samples: 12 } },
  }),
  whole('child-profile', (bytes) => parseParentMessage(decode(bytes)), {
    ...{ type: 'profile', seconds: 10 },
  }),
  whole('child-profiled', (bytes) => parseChildMessage(decode(bytes)), {
    ...{ type: 'profiled', profile: { wallMs: 10_000, cpuMs: 1_200 } },
  }),
  whole('child-failed', (bytes) => parseChildMessage(decode(bytes)), failed),
];
