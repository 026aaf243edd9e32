import {
  parseClusterStatus,
  statusMessage,
  statusReply,
  type ClusterStatus,
} from '../../../messages/cluster-status.js';
import { decodeBooks, encodeBooks } from '../../../messages/books.js';
import {
  decodeConfigContent,
  decodeConfigVersions,
  encodeConfigContent,
  encodeConfigVersions,
  parseConfigRequest,
} from '../../../messages/config-versions.js';
import { decodeShape, encodeShape } from '../../../messages/cluster-shape.js';
import { decode, encode } from '../../../messages/codec.js';
import { decodeDrain, encodeDrain } from '../../../messages/drains.js';
import * as joinOwners from '../../../messages/join-owners.js';
import { decodeRollout, encodeRollout } from '../../../messages/rollouts.js';
import { parseModelRequest, parseModelsReply } from '../../../messages/model-requests.js';
import { decodeModels, encodeModels, type ModelRecord } from '../../../messages/models.js';
import * as hosts from '../../../messages/hosts.js';
import * as operations from '../../../messages/operations.js';
import * as ownership from '../../../messages/ownership.js';
import * as snapshots from '../../../messages/snapshots.js';
import {
  parseSupervisionEvent,
  supervisionEventMessage,
} from '../../../messages/supervision-events.js';
import { actorKinds } from '../../../messages/actor-kinds.js';
import type { ActorStatus } from '../../../messages/actor-status.js';
import { decodePeople, encodePeople, parsePeopleRequest } from '../../../messages/people.js';
import {
  hostProfileMessage,
  parseHostProfile,
  parseProfileRequest,
} from '../../../messages/profiles.js';
import { parseSetting, parseSettingsRequest, settingMessage } from '../../../messages/settings.js';
import type { GoldenMessage } from './golden-files.js';
import * as values from './sample-values.js';

const { atMs } = values;
const specHash = '0123456789abcdef';

const configVersions = [
  { version: 1, hash: specHash, atMs, note: 'the first one' },
  { version: 2, hash: 'fedcba9876543210', atMs, note: 'applied at a start' },
];
const rollout = {
  term: 3,
  versions: { train: 1, east: 2, west: 1 },
  ...{ stopped: ['train', 'west'], drained: ['west'] },
};
const model: ModelRecord = {
  ...{ name: 'wide', number: 2, cut: 90, from: '1796069429925-0', state: 'filling' },
  ...{ set: { 'model.hidden': [128, 64] }, startedAtMs: atMs },
  counts: { 'ps-shard': 2, 'dense-shard': 1, trainer: 1, 'serving-shard': 1, ranker: 2 },
};
const models = { term: 3, last: 4, models: [model] };
const serving = {
  live: 'wide',
  before: 'main',
  through: 90,
  canary: { model: 'deep', share: 0.05 },
};
const entry = { owner: 1, epoch: 4, followers: [0, 2], term: 3 };
const command = { partition: 3, term: 3 };
const digest = {
  ...{ partition: 3, epoch: 4, deltaNumber: 12_345, sequence: 90 },
  ...{ digest: 'c890dee5bddef505', rows: 2 },
  ...{ owned: true, settled: true, served: 'bddef505c890dee5' },
};
const object = {
  kind: 'rows' as const,
  name: 'partition-3',
  bytes: 4096,
  chunks: 3,
  sequences: Float64Array.of(7, 8, 9),
  ...{ partition: 3, rows: 2, startSequence: 80, endSequence: 90 },
};
const dense = { name: 'dense', bytes: 512, chunks: 1, sequences: Float64Array.of(10) };
const manifest = {
  snapshot: '20231114-221320-000',
  createdAtMs: atMs,
  specHash,
  partitionCount: 4,
  slots: [{ slot: values.spec.slotIds[0]!, name: 'user', dim: 2 }],
  objects: [object],
  dense,
};
const mark = {
  specHash,
  ...{ partition: 3, epoch: 4, deltaNumber: 12_345, sequence: 90 },
  applied: values.applied(),
  ...{ resolved: 7, atSeconds: 1_700_000_000 },
};
const hostProfile = {
  host: 'vm-1',
  processes: [
    {
      ...{ name: 'train.ps-shard.0', pid: 4711, kinds: ['ps-shard'], wallMs: 10_000, cpuMs: 1_200 },
      tree: {
        ...{ names: ['(root)', 'pull'], fileOf: [0, 1], files: ['', 'core/embedding/rows.js'] },
        ...{ functionOf: [0, 1], parentOf: [0, 0], selfUs: [0, 1_000] },
      },
    },
    { name: 'nats-server train', pid: 4712, kinds: ['nats-server'], wallMs: 10_000, cpuMs: 300 },
  ],
  missing: ['east.ranker.0: no answer within 20000 ms.'],
};
const drain = {
  drained: true,
  by: 'slow' as const,
  reason: 'east: p99 900 ms',
  atMs,
  term: 3,
};
const books = {
  atMs,
  streams: {
    JOIN: { from: 1, through: 91_264, remember: 90_000, gone: 0 },
    RAW_EAST: { from: 7, through: 512, remember: 500, gone: 2 },
  },
  totals: {
    impressions: {
      ...{ accepted: 1000, refused: 3, joined: 997, joinedAgain: 2, missing: 1, surplus: 0 },
    },
    actions: { accepted: 50, refused: 0, joined: 50, joinedAgain: 0, missing: 0, surplus: 0 },
    ...{
      joinRows: 1049,
      joinRowsBuried: 4,
      samples: 400,
      sampledTwice: 0,
      sampledUnjoined: 0,
      samplesBuried: 0,
    },
  },
  forgottenAtMs: atMs,
  open: { impressions: Uint32Array.of(0xdead_beef, 7, 1), actions: new Uint32Array(0) },
};
const host = {
  name: 'vm-1',
  life: 'f00d',
  dataCenters: ['train', 'east'],
  capacity: 64,
  left: false,
};
const leader = { host: 'vm-1', life: 'f00d', term: 3, resigned: false };
const counts = Object.fromEntries(actorKinds.map((kind, i) => [kind, i + 1]));
const placement = {
  term: 3,
  counts: counts as hosts.PlacementRecord['counts'],
  hosts: { 'train.trainer.0': 'vm-1' },
};
const trainer: ActorStatus = {
  ...{ address: 'train.trainer.0', kind: 'trainer', dataCenter: 'train', host: 'vm-1' },
  ...{ pid: 79, state: 'ready', epoch: 2, restarts: 1, sinceMs: atMs },
  stats: { samples: 512, batches: 3, loss: 0.5, backend: 'wasm', rssBytes: 90_000_000 },
};
const hostStatus = {
  ...host,
  number: 5,
  startedAtMs: atMs,
  actors: [trainer],
  natsServers: [{ dataCenter: 'train', pid: 77, url: 'nats://127.0.0.1:4222' }],
};
const event = {
  atMs,
  address: 'train.trainer.0',
  type: 'ready' as const,
  detail: 'in 800 ms',
  epoch: 2,
  host: 'vm-1',
  recoveryMs: 812,
};
const status: ClusterStatus = {
  name: 'starling',
  leader: 'vm-1',
  term: 3,
  hosts: [{ name: 'vm-1', dataCenters: ['train'], capacity: 64, actors: 16 }],
  startedAtMs: atMs,
  ready: true,
  dataCenters: [
    {
      ...{ name: 'train', role: 'training', state: 'healthy' },
      storage: { usedBytes: 9_500, bytesMax: 10_000, refuses: 'disk' },
    },
  ],
  natsServers: [],
  actors: [trainer],
  events: [event],
};
const shape = { features: specHash, model: 'c890dee5bddef505', partitions: 8, joiners: 1 };
const operation = 'op-1';

const setting = { key: 'score', value: { view: 1, purchase: 20 } };
const settingChange = { ...setting, key: 'score' as const, since: 3 };

export const clusterMessages: readonly GoldenMessage[] = [
  {
    name: 'partition-entry',
    write: () => ownership.encodeEntry(entry),
    read: ownership.decodeEntry,
    expected: entry,
  },
  {
    name: 'lease',
    write: () => ownership.encodeLease({ epoch: 4 }),
    read: ownership.decodeLease,
    expected: { epoch: 4 },
  },
  {
    name: 'lease-over',
    write: () => ownership.encodeLease({ epoch: 4, over: true }),
    read: ownership.decodeLease,
    expected: { epoch: 4, over: true },
  },
  {
    name: 'partition-command',
    write: () => encode(ownership.partitionCommand(command)),
    read: (bytes) => ownership.parsePartitionCommand(decode(bytes)),
    expected: command,
  },
  {
    name: 'command-reply',
    write: () => encode(ownership.commandReply({ sequence: 90, rows: 2 })),
    read: decode,
    expected: { v: 2, model: 'main', sequence: 90, rows: 2 },
  },
  {
    name: 'restore-reply',
    write: () => encode(ownership.commandReply({ sequence: 91, changed: 2, removed: 1 })),
    read: (bytes) => ownership.parseRestoreReply(decode(bytes)),
    expected: { sequence: 91, changed: 2, removed: 1 },
  },
  {
    name: 'digest-command',
    write: () => encode(ownership.digestCommand()),
    read: decode,
    expected: { v: 2, model: 'main' },
  },
  {
    name: 'digests',
    write: () => encode(ownership.digestsReply([digest])),
    read: (bytes) => ownership.parseDigests(decode(bytes)),
    expected: [digest],
  },
  {
    name: 'snapshot-command',
    write: () =>
      encode(snapshots.snapshotCommand({ snapshot: manifest.snapshot, partitions: [0, 3] })),
    read: (bytes) => snapshots.parseSnapshotCommand(decode(bytes)),
    expected: { snapshot: manifest.snapshot, partitions: [0, 3] },
  },
  {
    name: 'snapshot-reply',
    write: () => encode(snapshots.snapshotReply({ specHash, objects: [object] })),
    read: (bytes) => snapshots.parseSnapshotReply(decode(bytes)),
    expected: { specHash, objects: [object] },
  },
  {
    name: 'dense-snapshot-reply',
    write: () => encode(snapshots.denseSnapshotReply(dense)),
    read: (bytes) => snapshots.parseDenseSnapshotReply(decode(bytes)),
    expected: dense,
  },
  {
    name: 'restore-command',
    write: () =>
      encode(snapshots.restoreCommand({ partitions: [3], from: { sequence: 80 }, term: 3 })),
    read: (bytes) => snapshots.parseRestoreCommand(decode(bytes)),
    expected: { partitions: [3], from: { sequence: 80 }, term: 3 },
  },
  {
    name: 'snapshot-manifest',
    write: () => snapshots.encodeManifest(manifest),
    read: snapshots.decodeManifest,
    expected: manifest,
  },
  {
    name: 'snapshot-mark',
    write: () => snapshots.encodeMark(mark),
    read: snapshots.decodeMark,
    expected: mark,
  },
  { name: 'drain', write: () => encodeDrain(drain), read: decodeDrain, expected: drain },
  { name: 'books', write: () => encodeBooks(books), read: decodeBooks, expected: books },
  { name: 'host', write: () => hosts.encodeRecord(host), read: hosts.decodeHost, expected: host },
  {
    name: 'leader',
    write: () => hosts.encodeRecord(leader),
    read: hosts.decodeLeader,
    expected: leader,
  },
  {
    name: 'placement',
    write: () => hosts.encodeRecord(placement),
    read: hosts.decodePlacement,
    expected: placement,
  },
  {
    name: 'placement-models',
    write: () => hosts.encodeRecord({ ...placement, models: [model] }),
    read: hosts.decodePlacement,
    expected: { ...placement, models: [model] },
  },
  {
    name: 'host-status',
    write: () => hosts.encodeRecord(hostStatus),
    read: (bytes) => hosts.parseHostStatus(decode(bytes)),
    expected: hostStatus,
  },
  {
    name: 'turn',
    write: () => hosts.encodeRecord({ id: 'a1', acting: true }),
    read: hosts.decodeTurn,
    expected: { id: 'a1', acting: true },
  },
  {
    name: 'epoch',
    write: () => hosts.encodeRecord({ epoch: 4 }),
    read: hosts.decodeEpoch,
    expected: 4,
  },
  { name: 'shape', write: () => encodeShape(shape), read: decodeShape, expected: shape },
  {
    name: 'config-versions',
    write: () => encodeConfigVersions(configVersions),
    read: decodeConfigVersions,
    expected: configVersions,
  },
  {
    name: 'models',
    write: () => encodeModels(models),
    read: decodeModels,
    expected: models,
  },
  {
    name: 'operation-model-start',
    write: () =>
      encode(
        operations.operationMessage({
          ...{ operation: 'o1', act: 'start', name: 'wide', from: '' },
          ...{ set: { 'model.hidden': [128, 64] }, beginning: { sinceMs: atMs } },
        }),
      ),
    read: (bytes) => parseModelRequest(decode(bytes)),
    expected: {
      ...{ operation: 'o1', act: 'start', name: 'wide', from: '' },
      ...{ set: { 'model.hidden': [128, 64] }, beginning: { sinceMs: atMs } },
    },
  },
  {
    name: 'models-reply',
    write: () => encode(operations.operationReply({ models: [model], serving })),
    read: (bytes) => parseModelsReply(decode(bytes)),
    expected: { models: [model], serving },
  },
  {
    name: 'setting-model',
    write: () => encode(settingMessage({ key: 'model', value: serving })),
    read: (bytes) => parseSetting(decode(bytes)),
    expected: { key: 'model', value: serving },
  },
  {
    name: 'rollout',
    write: () => encodeRollout(rollout),
    read: decodeRollout,
    expected: rollout,
  },
  {
    name: 'operation-config',
    write: () => encode(operations.operationMessage({ operation: 'o1', to: 2, allowed: ['age'] })),
    read: (bytes) => parseConfigRequest(decode(bytes)),
    expected: { operation: 'o1', to: 2, allowed: ['age'] },
  },
  {
    name: 'config-content',
    write: () => encodeConfigContent('{"partitions":8}'),
    read: decodeConfigContent,
    expected: { partitions: 8 },
  },
  {
    name: 'scaled-count',
    write: () => operations.encodeScaledCount({ configured: 2, count: 3 }),
    read: operations.decodeScaledCount,
    expected: { configured: 2, count: 3 },
  },
  {
    name: 'join-owner',
    write: () => joinOwners.encodeJoinOwner({ owner: 1, term: 7 }),
    read: joinOwners.decodeJoinOwner,
    expected: { owner: 1, term: 7 },
  },
  {
    name: 'join-release',
    write: () => encode(joinOwners.releaseCommand({ term: 7 })),
    read: (bytes) => joinOwners.parseReleaseCommand(decode(bytes)),
    expected: { term: 7 },
  },
  {
    name: 'operation-snapshot',
    write: () => encode(operations.operationMessage({ operation })),
    read: (bytes) => operations.parseOperation(decode(bytes)),
    expected: { operation },
  },
  {
    name: 'operation-scale',
    write: () => encode(operations.operationMessage({ operation, kind: 'ps-shard', count: 3 })),
    read: (bytes) => operations.parseScale(decode(bytes)),
    expected: { operation, kind: 'ps-shard', count: 3 },
  },
  {
    name: 'operation-drain',
    write: () => encode(operations.operationMessage({ operation, dataCenter: 'east' })),
    read: (bytes) => operations.parseDrain(decode(bytes)),
    expected: { operation, dataCenter: 'east' },
  },
  {
    name: 'operation-restore',
    write: () => encode(operations.operationMessage({ operation, to: { atMs } })),
    read: (bytes) => operations.parseRestore(decode(bytes)),
    expected: { operation, to: { atMs } },
  },
  {
    name: 'operation-settings',
    write: () => encode(operations.operationMessage({ operation, change: settingChange })),
    read: (bytes) => parseSettingsRequest(decode(bytes)),
    expected: { operation, change: settingChange },
  },
  {
    name: 'operation-people',
    write: () => encode(operations.operationMessage({ operation, people: 'audience' })),
    read: (bytes) => parsePeopleRequest(decode(bytes)),
    expected: { operation, people: 'audience' },
  },
  {
    name: 'operation-profile',
    write: () => encode(operations.operationMessage({ operation, seconds: 10 })),
    read: (bytes) => parseProfileRequest(decode(bytes)),
    expected: { operation, seconds: 10 },
  },
  {
    name: 'host-profile',
    write: () => encode(hostProfileMessage(hostProfile)),
    read: (bytes) => parseHostProfile(decode(bytes)),
    expected: hostProfile,
  },
  {
    name: 'people',
    write: () => encodePeople('own'),
    read: decodePeople,
    expected: 'own',
  },
  {
    name: 'setting',
    write: () => encode(settingMessage(setting)),
    read: (bytes) => parseSetting(decode(bytes)),
    expected: setting,
  },
  {
    name: 'operation-reply',
    write: () => encode(operations.operationReply({ sequence: 80, changed: 2, removed: 0 })),
    read: decode,
    expected: { v: 2, sequence: 80, changed: 2, removed: 0 },
  },
  {
    name: 'progress',
    write: () => encode(operations.progressMessage({ text: 'partition 3', done: 1, total: 4 })),
    read: (bytes) => operations.parseProgress(decode(bytes)),
    expected: { text: 'partition 3', done: 1, total: 4 },
  },
  {
    name: 'supervision-event',
    write: () => encode(supervisionEventMessage(event)),
    read: (bytes) => parseSupervisionEvent(decode(bytes)),
    expected: event,
  },
  {
    name: 'status',
    write: () => encode(statusMessage()),
    read: decode,
    expected: { v: 2 },
  },
  {
    name: 'status-reply',
    write: () => encode(statusReply(status)),
    read: (bytes) => parseClusterStatus(decode(bytes)),
    expected: status,
  },
];
