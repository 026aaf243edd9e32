import { noActionFacts, noFacts } from '../../../core/joining/event-facts.js';
import { decode, encode } from '../../../messages/codec.js';
import { deadLettersMessage, parseDeadLetters } from '../../../messages/dead-letters.js';
import {
  actionsMessage,
  advanceMessage,
  impressionsMessage,
  joinCloseMessage,
  joinCloseReply,
  parseActions,
  parseAdvance,
  parseImpressions,
} from '../../../messages/events.js';
import {
  aliasMessage,
  eraseMessage,
  parseAlias,
  parseErase,
  parsePointers,
  parseSent,
  parseShown,
  pointersMessage,
  sentMessage,
  shownMessage,
} from '../../../messages/join-records.js';
import { parseRules, rulesMessage } from '../../../messages/join-rules.js';
import { featureChangeMessage, parseFeatureChange } from '../../../messages/features.js';
import { outcomesOf } from '../../../messages/outcomes.js';
import { zeroLane } from '../../../core/joining/join-counts.js';
import {
  importMessage,
  importStateReply,
  importStateRequest,
  noAliases,
  parseImport,
  parseImportState,
  parseImportStateRequest,
} from '../../../messages/import-records.js';
import { countersOf, parseSamples, samplesMessage } from '../../../messages/samples.js';
import type { GoldenMessage } from './golden-files.js';
import * as values from './sample-values.js';

const { spec, atMs } = values;

const windowRules = {
  outcomes: [
    { name: 'view', from: ['view'], windowMs: 60_000 },
    { name: 'spent', from: ['purchase'], windowMs: 600_000, given: 'view', sums: true },
  ],
  events: { view: {}, purchase: {}, hide: { negative: true }, refund: { undoes: 'purchase' } },
  ...{ latenessMs: 2_000, organicWaitMs: 500, negativeRate: 0.5, organic: true },
  tells: { events: true, shown: false, outcomes: true },
};
const rulesChange = {
  ...{ version: 3, rules: windowRules },
  before: { version: 1, rules: { ...windowRules, latenessMs: 1_000 } },
};

const impressions = { ...values.impressionRows, facts: noFacts, examples: values.examples };
const told = { ...impressions, facts: values.allFacts, examples: values.markedExamples };
const packedImpressions = {
  ...values.manyImpressions,
  ...{ facts: noFacts, examples: values.manyExamples },
};
const packedActions = { ...values.manyActions, facts: noActionFacts };
const actions = { ...values.actionRows, facts: noActionFacts };
const organic = {
  ...actions,
  facts: {
    users: ['100006', ''],
    visitors: ['', 'c9f2'],
    types: ['purchase', 'view'],
    values: Float64Array.of(39.8, NaN),
    currencies: ['EUR', ''],
    orders: ['o-7781', ''],
    quantities: Float32Array.of(2, 1),
    ids: ['o-7781-1', ''],
    lanes: Uint8Array.of(1),
    positions: ['main:91264'],
    ignored: ['ignore'],
  },
  moment: {
    items: values.actionRows.items,
    ends: Uint32Array.of(1, 2),
    examples: values.markedExamples,
  },
};
const drawn = {
  ...organic,
  moment: { ...organic.moment, items: ['7', '9'], ends: Uint32Array.of(2, 2) },
};
const weighed = {
  ...organic,
  moment: { ...drawn.moment, weights: Float32Array.of(1, 2.5) },
};
const shown = {
  requestIds: ['01JD9', '01JD9'],
  items: ['7', '8'],
  atMs: Float64Array.of(atMs, atMs + 1),
  lanes: Uint8Array.of(0),
};
const pointers = {
  ...{ requestIds: ['r1', 'r2'], items: ['7', '7'], atMs: [atMs, atMs] },
  ...{ partitions: [2, 0], lanes: [0, 0] },
};
const aliases = {
  ...{ visitors: ['visitor/c9f2', 'visitor/c9f3'], users: ['100006', '100007'] },
  atMs: Float64Array.of(1_764_500_000_000),
};
const erasures = { persons: ['100006', 'visitor/c9f2'], atMs: Float64Array.of(1_764_500_000_000) };
const sent = { source: 1, number: 7, isTold: true, bytes: Uint8Array.of(10, 2, 0, 0) };
const counters = {
  ...{ impressions: 9, actions: 6, positives: 3, negatives: 2, negativesDropped: 1 },
  ...{ duplicates: 4, joinedActions: 3, lateActions: 1, orphanActions: 1 },
  ...{ lateImpressions: 1, open: 2, heldActions: 1 },
  ...{ passedImpressions: 0, received: 0, sent: 0, samples: 5, repeatedActions: 0 },
  ...{ organicActions: 0, historyActions: 0, passedActions: 0, erasedActions: 0 },
  ...{ ignoredActions: 0, ignoredImpressions: 0 },
  ...{ notGiven: 0, notSeen: 0, erased: 0, passed: 0, passedIn: 0, others: {} },
  imported: zeroLane(),
};
const importState = {
  ...{ position: 40, consumed: 12, published: 11, activity: 31, toldMsMax: atMs },
  owners: ['100006', ''],
  counters: { ...zeroLane(), actions: 30, organicActions: 28, historyActions: 2, duplicates: 1 },
};
const owners = { visitors: ['visitor/c9f2', 'visitor/0'], beforeMs: atMs };
const imported = {
  ...{ name: '0123abcd', through: 9, positions: Float64Array.of(7, 9), actions: drawn },
  aliases: {
    positions: Float64Array.of(8),
    visitors: ['visitor/c9f2'],
    users: ['100006'],
    atMs: Float64Array.of(atMs),
  },
};
const importEnd = {
  ...{ name: '0123abcd', through: 40, positions: new Float64Array(0), actions: undefined },
  ...{ aliases: noAliases, watermarkMs: atMs },
};
const samples = {
  resolved: 3,
  ...values.impressionRows,
  outcomes: outcomesOf(Float32Array.of(1, 0)),
  sampleRates: Float32Array.of(1, 0.5),
  acceptedAtMs: Float64Array.of(atMs + 3000, NaN),
  facts: noFacts,
  examples: values.examples,
  progress: {},
};
const packedSamples = {
  resolved: 12,
  ...values.manyImpressions,
  outcomes: outcomesOf(values.manyActions.labels),
  sampleRates: new Float32Array(12).fill(1),
  acceptedAtMs: values.manyActions.acceptedAtMs,
  facts: noFacts,
  examples: values.manyExamples,
  progress: {},
};
const manySamples = {
  ...samples,
  outcomes: {
    ...samples.outcomes,
    purchase: {
      labels: Float32Array.of(0, 0),
      masks: Uint8Array.of(1, 0),
      weights: Float32Array.of(1, 2.5),
    },
  },
  facts: values.allFacts,
  examples: values.markedExamples,
  progress: { main: 91264 },
};
const letters = {
  atMs,
  address: 'train.processor.0',
  origin: 'starling.raw.east.action',
  sequence: 7,
  letters: [
    {
      code: 'BAD_EVENT' as const,
      message: 'label: expected 0 or 1; got 2',
      events: 1,
      content: { requestId: '01JD9', item: '7', label: 2 },
    },
    {
      code: 'BAD_EVENT' as const,
      message: 'item: expected an id; got nothing',
      events: 1,
      content: { user: '42' },
      index: 3,
    },
  ],
};
const change = {
  entity: 'item' as const,
  ids: ['7', '8'],
  features: [{ genres: 'Comedy|Drama', price: 9.5 }, {}],
};

const patch = {
  ...change,
  mode: 'patch' as const,
  features: [{ price: null, title: 'A lamp' }, {}],
  erased: [false, true],
  origin: { dataCenter: 'east', sequence: 91_264 },
};

export const eventMessages: readonly GoldenMessage[] = [
  {
    name: 'impressions',
    write: () => encode(impressionsMessage(spec, impressions)),
    read: (bytes) => parseImpressions(decode(bytes), spec),
    expected: impressions,
  },
  {
    name: 'impressions-with-facts',
    write: () => encode(impressionsMessage(spec, told)),
    read: (bytes) => parseImpressions(decode(bytes), spec),
    expected: told,
  },
  {
    name: 'actions',
    write: () => encode(actionsMessage(actions)),
    read: (bytes) => parseActions(decode(bytes), spec),
    expected: actions,
  },
  {
    name: 'actions-organic',
    write: () => encode(actionsMessage(organic, spec)),
    read: (bytes) => parseActions(decode(bytes), spec),
    expected: organic,
  },
  {
    name: 'actions-drawn',
    write: () => encode(actionsMessage(drawn, spec)),
    read: (bytes) => parseActions(decode(bytes), spec),
    expected: drawn,
  },
  {
    name: 'actions-weighed',
    write: () => encode(actionsMessage(weighed, spec)),
    read: (bytes) => parseActions(decode(bytes), spec),
    expected: weighed,
  },
  {
    name: 'join-shown',
    write: () => encode(shownMessage(shown)),
    read: (bytes) => parseShown(decode(bytes)),
    expected: shown,
  },
  {
    name: 'join-pointers',
    write: () => encode(pointersMessage(pointers)),
    read: (bytes) => parsePointers(decode(bytes)),
    expected: {
      ...{ requestIds: ['r1', 'r2'], items: ['7', '7'], atMs: Float64Array.of(atMs, atMs) },
      ...{ partitions: Uint32Array.of(2, 0), lanes: Uint8Array.of(0) },
    },
  },
  {
    name: 'join-alias',
    write: () => encode(aliasMessage(aliases)),
    read: (bytes) => parseAlias(decode(bytes)),
    expected: aliases,
  },
  {
    name: 'join-erase',
    write: () => encode(eraseMessage(erasures)),
    read: (bytes) => parseErase(decode(bytes)),
    expected: erasures,
  },
  {
    name: 'join-sent',
    write: () => encode(sentMessage(spec, [sent, { ...sent, number: 9, isTold: false }])),
    read: (bytes) => parseSent(decode(bytes), spec),
    expected: [sent, { ...sent, number: 9, isTold: false }],
  },
  {
    name: 'join-rules',
    write: () => encode(rulesMessage(rulesChange)),
    read: (bytes) => parseRules(decode(bytes)),
    expected: rulesChange,
  },
  {
    name: 'advance',
    write: () => encode(advanceMessage({ watermarkMs: atMs, lane: 0 })),
    read: (bytes) => parseAdvance(decode(bytes)),
    expected: { watermarkMs: atMs, lane: 0 },
  },
  {
    name: 'advance-end',
    write: () => encode(advanceMessage({ watermarkMs: 'end', lane: 0 })),
    read: (bytes) => parseAdvance(decode(bytes)),
    expected: { watermarkMs: 'end', lane: 0 },
  },
  {
    name: 'join-close',
    write: () => encode(joinCloseMessage()),
    read: decode,
    expected: { v: 2 },
  },
  {
    name: 'join-close-reply',
    write: () => encode(joinCloseReply({ sequence: 12, positives: 3 })),
    read: decode,
    expected: { v: 2, sequence: 12, positives: 3 },
  },
  {
    name: 'samples',
    write: () => encode(samplesMessage(spec, samples)),
    read: (bytes) => parseSamples(decode(bytes), spec),
    expected: { ...samples, specHash: spec.hash },
  },
  {
    name: 'join-import',
    write: () => encode(importMessage(spec, imported)),
    read: (bytes) => parseImport(decode(bytes), spec),
    expected: imported,
  },
  {
    name: 'join-import-end',
    write: () => encode(importMessage(spec, importEnd)),
    read: (bytes) => parseImport(decode(bytes), spec),
    expected: importEnd,
  },
  {
    name: 'import-state',
    write: () => encode(importStateRequest('0123abcd')),
    read: (bytes) => parseImportStateRequest(decode(bytes)),
    expected: { name: '0123abcd', owners: undefined },
  },
  {
    name: 'import-state-owners',
    write: () => encode(importStateRequest('0123abcd', owners)),
    read: (bytes) => parseImportStateRequest(decode(bytes)),
    expected: { name: '0123abcd', owners },
  },
  {
    name: 'import-state-reply',
    write: () => encode(importStateReply(importState)),
    read: (bytes) => parseImportState(decode(bytes)),
    expected: importState,
  },
  {
    name: 'impressions-packed',
    write: () => encode(impressionsMessage(spec, packedImpressions)),
    read: (bytes) => parseImpressions(decode(bytes), spec),
    expected: packedImpressions,
  },
  {
    name: 'actions-packed',
    write: () => encode(actionsMessage(packedActions)),
    read: (bytes) => parseActions(decode(bytes), spec),
    expected: packedActions,
  },
  {
    name: 'samples-packed',
    write: () => encode(samplesMessage(spec, packedSamples)),
    read: (bytes) => parseSamples(decode(bytes), spec),
    expected: { ...packedSamples, specHash: spec.hash },
  },
  {
    name: 'samples-with-counters',
    write: () => encode(samplesMessage(spec, { ...samples, counters })),
    read: (bytes) => countersOf(decode(bytes)),
    expected: counters,
  },
  {
    name: 'samples-with-facts',
    write: () => encode(samplesMessage(spec, manySamples)),
    read: (bytes) => parseSamples(decode(bytes), spec),
    expected: { ...manySamples, specHash: spec.hash },
  },
  {
    name: 'dead-letters',
    write: () => encode(deadLettersMessage(letters)),
    read: (bytes) => parseDeadLetters(decode(bytes)),
    expected: letters,
  },
  {
    name: 'features',
    write: () => encode(featureChangeMessage(change)),
    read: (bytes) => parseFeatureChange(decode(bytes)),
    expected: { ...change, mode: 'replace' },
  },
  {
    name: 'features-patch',
    write: () => encode(featureChangeMessage(patch)),
    read: (bytes) => parseFeatureChange(decode(bytes)),
    expected: patch,
  },
];
