import {
  activityMessage,
  activityNotice,
  parseActivity,
  parseActivityNotice,
} from '../../../messages/activity.js';
import { zeroEvents, zeroLane, zeroOutcome } from '../../../core/joining/join-counts.js';
import { decode, encode } from '../../../messages/codec.js';
import {
  decodeEntityRows,
  decodeFeatureManifest,
  encodeEntityRows,
  encodeFeatureManifest,
  featureSnapshotMessage,
  parseFeatureSnapshot,
} from '../../../messages/feature-snapshots.js';
import {
  decodeJoinManifest,
  decodeJoinRecords,
  decodeJoinState,
  encodeJoinManifest,
  encodeJoinRecords,
  encodeJoinState,
  parseWindowSnapshot,
  windowSnapshotMessage,
} from '../../../messages/join-snapshots.js';
import { featuresNotice, parseFeaturesNotice } from '../../../messages/features.js';
import type { GoldenMessage } from './golden-files.js';
import { atMs } from './sample-values.js';

/** Notices of changed features, and snapshots of all of them, and of the windows of joiners. */
const notice = { entity: 'item' as const, ids: ['7', '8'], sequence: 12 };
const object = { entity: 'item' as const, name: 'item', bytes: 300, chunks: 2, rows: 20 };
const saved = {
  sequence: 12,
  objects: [{ ...object, sequences: Float64Array.of(40, 41) }, object],
};
const manifest = { ...saved, snapshot: '1700000000000-0', createdAtMs: atMs };
const rows = {
  entity: 'item' as const,
  ids: ['7', '8'],
  features: [{ genres: 'Comedy|Drama' }, {}],
  since: Float64Array.of(3, 12),
};

const happened = { person: '42', item: '7', atMs };
const activity = {
  source: 1,
  rows: (
    [
      { kind: 'event', ...happened, type: 'purchase', id: 'o-1', value: 9.5, order: 'o' },
      { kind: 'shown', ...happened },
      { kind: 'outcome', ...happened, outcome: 'click', label: 1, requestId: 'r-1' },
      { kind: 'merged', user: '42', visitor: '~v' },
      { kind: 'erased', person: '43' },
    ] as const
  ).map((each, i) => ({ activity: each, sequence: 90, index: i + 1 })),
};

const savedWindow = {
  ...{ joiner: 1, sequence: 90, name: 'joiner-1', bytes: 300, chunks: 2, records: 20 },
  sequences: Float64Array.of(42, 43),
};
const windows = { snapshot: '1700000000000-1', createdAtMs: atMs, windows: [savedWindow] };
const windowState = {
  spec: '0123abcd',
  progress: {
    ...{ numberNext: 9, outcomes: ['click'], taken: { 0: 4 } },
    lanes: [
      { watermarkMs: atMs, eventMsMax: atMs + 1 },
      { watermarkMs: -Infinity, eventMsMax: -Infinity },
    ],
    imports: { '0123abcd': { position: 40, before: zeroLane() } },
    counters: {
      ...{ ...zeroEvents(), impressions: 3 },
      ...{ ...zeroOutcome(), open: 3 },
      others: {},
      imported: zeroLane(),
    },
  },
};
const windowRecords = {
  numbers: Float64Array.of(3, 4),
  parts: [Uint8Array.of(1, 2), Uint8Array.of(3)],
  goesOn: true,
};

export const featureMessages: readonly GoldenMessage[] = [
  {
    name: 'activity',
    write: () => encode(activityMessage(activity)),
    read: (bytes) => parseActivity(decode(bytes)),
    expected: activity,
  },
  {
    name: 'kept-changed',
    write: () => encode(activityNotice({ ...notice, own: 0 })),
    read: (bytes) => parseActivityNotice(decode(bytes)),
    expected: { ...notice, own: 0 },
  },
  {
    name: 'kept-changed-own',
    write: () => encode(activityNotice({ ...notice, own: 9 })),
    read: (bytes) => parseActivityNotice(decode(bytes)),
    expected: { ...notice, own: 9 },
  },
  {
    name: 'features-changed',
    write: () => encode(featuresNotice(notice)),
    read: (bytes) => parseFeaturesNotice(decode(bytes)),
    expected: notice,
  },
  {
    name: 'feature-snapshot-reply',
    write: () => encode(featureSnapshotMessage(saved)),
    read: (bytes) => parseFeatureSnapshot(decode(bytes)),
    expected: saved,
  },
  {
    name: 'feature-manifest',
    write: () => encodeFeatureManifest(manifest),
    read: decodeFeatureManifest,
    expected: manifest,
  },
  {
    name: 'entity-rows',
    write: () => encodeEntityRows(rows),
    read: decodeEntityRows,
    expected: rows,
  },
  {
    name: 'window-snapshot-reply',
    write: () => encode(windowSnapshotMessage(savedWindow)),
    read: (bytes) => parseWindowSnapshot(decode(bytes)),
    expected: savedWindow,
  },
  {
    name: 'window-manifest',
    write: () => encodeJoinManifest(windows),
    read: decodeJoinManifest,
    expected: windows,
  },
  {
    name: 'join-state',
    write: () => encodeJoinState(windowState),
    read: decodeJoinState,
    expected: windowState,
  },
  {
    name: 'join-records',
    write: () => encodeJoinRecords(windowRecords),
    read: decodeJoinRecords,
    expected: windowRecords,
  },
];
