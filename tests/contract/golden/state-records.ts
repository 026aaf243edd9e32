import { outboxBytes, outboxKind, readOutbox } from '../../../actors/joiner/outbox-codec.js';
import { positionHeaders, positionOf } from '../../../actors/joiner/sample-position.js';
import { SnapshotReader } from '../../../core/embedding/snapshot/reader.js';
import type { LoadedPage, SnapshotSource } from '../../../core/embedding/snapshot/rows.js';
import { writeSnapshot } from '../../../core/embedding/snapshot/writer.js';
import { noFacts } from '../../../core/joining/event-facts.js';
import { decodeEvent, encodeEvent } from '../../../core/joining/person-event.js';
import {
  decodeParts,
  decodeSegment,
  encodeParts,
  encodeSegment,
  recordKind,
} from '../../../core/joining/record-codec.js';
import { decodeState, encodeState } from '../../../core/joining/row-state.js';
import { decodeRow, encodeRow, rowBytesMax } from '../../../core/joining/row-codec.js';
import { unpackRows } from '../../../core/joining/unpack-rows.js';
import { SampleBuilder } from '../../../core/joining/sample-builder.js';
import { encode, encodeAs, decode } from '../../../messages/codec.js';
import type { GoldenMessage } from './golden-files.js';
import * as values from './sample-values.js';

/** What stands on disk and in headers: a join window, its outbox, a snapshot. */
const { atMs } = values;
const plain = { ...values.impressionRows, facts: noFacts, examples: values.examples };
const told = { ...values.impressionRows, facts: values.allFacts, examples: values.markedExamples };
const learned = { person: '42', known: 1, labels: [1], sampleRate: 1, acceptedAtMs: atMs };

function packed(batch: typeof told): Uint8Array {
  const bytes = new Uint8Array(rowBytesMax(batch, 1));
  return bytes.slice(0, encodeRow(batch, 1, bytes, 0));
}

/** The sample that a packed row becomes. */
function unpacked(bytes: Uint8Array): unknown {
  const builder = new SampleBuilder(['click'], 3, 2);
  builder.addPacked(bytes, decodeRow(bytes, 0), learned);
  return builder.take();
}

function sampleOf(batch: typeof told): unknown {
  const builder = new SampleBuilder(['click'], 3, 2);
  builder.addRow(batch, 1, learned);
  return builder.take();
}

/** The second row, as one that is read from its bytes. */
const oneRow = unpackRows([packed(plain)], 3, 1);
const held = {
  ...{ requestId: '', item: '7', person: 'visitor/c9f2', type: 'purchase', isPositive: true },
  isIgnored: false,
  ...{ atMs, acceptedAtMs: atMs + 1000, value: 39.8, order: 'o-7781', id: 'o-7781-1', lane: 1 },
  moment: { batch: oneRow, from: 0, to: 1 },
};
const weighed = { ...held, moment: { ...held.moment, weights: Float32Array.of(2.5) } };
const segment = {
  ...{ lane: 0, keys: ['5:01JD97', '5:01JD98'], values: [0, -1], untilMs: [atMs, NaN] },
};
const state = {
  ...{ lane: 0, person: '100006', sinceMs: atMs, isShown: true, open: 6, reached: 1, told: 0 },
  values: [{ outcome: 2, order: 'o-7781', type: 'purchase', value: 39.8 }],
};
const parts = {
  ...{ kind: recordKind.settledRows, said: { requestId: '01JD9', item: '7', reached: 1 } },
  rows: [],
};

function stateBytes(): Uint8Array {
  const bytes = new Uint8Array(1024);
  return bytes.slice(0, encodeState(state, 'visitor/c9f2', bytes, 0));
}
const position = { window: 'w-1', from: 10, to: 12, rows: 3, complete: true };

const page = {
  slotIndex: 0,
  count: 2,
  fids: Uint32Array.of(42, 0, 7, 0),
  weights: Float32Array.of(1, 2, 3, 4),
  state: Float32Array.of(0.5, 0.25),
  updatedAt: Uint32Array.of(1_700_000_000, 1_700_000_001),
  updateCounts: Uint32Array.of(1, 2),
};
const slot = { slot: values.spec.slotIds[0]!, dim: 2, optimizer: 'adagrad', stateWidth: 1 };
const source: SnapshotSource = {
  slots: [slot],
  *pages() {
    yield page;
  },
};
const header = {
  createdAtMs: atMs,
  firstPartition: 3,
  partitionEnd: 4,
  partitionCount: 8,
  metadata: Uint8Array.of(1, 2, 3),
};

/** A snapshot is a sequence of chunks, each of which says how long it is. */
function snapshotFile(): Uint8Array {
  return Buffer.concat([...writeSnapshot(source, header, { chunkBytesMax: 1024 })]);
}

function readSnapshotFile(bytes: Uint8Array): unknown {
  const pages: LoadedPage[] = [];
  const reader = new SnapshotReader({
    slots: [slot],
    assign: (loaded) => {
      pages.push({ ...loaded, fids: loaded.fids.slice() });
      return loaded.count;
    },
  });
  for (let start = 0; start < bytes.length;) {
    const length = new DataView(bytes.buffer, bytes.byteOffset).getUint32(start + 8, true);
    reader.accept(bytes.slice(start, start + length));
    start += length;
  }
  reader.finish();
  return { ...reader.header, slots: reader.slots, pages };
}

export const stateRecords: readonly GoldenMessage[] = [
  {
    name: 'join-row',
    write: () => packed(plain),
    read: unpacked,
    expected: sampleOf(plain),
  },
  {
    name: 'join-row-with-facts',
    write: () => packed(told),
    read: unpacked,
    expected: sampleOf(told),
  },
  {
    name: 'join-event',
    write: () => encodeEvent(held),
    read: (bytes) => decodeEvent(bytes, 3, 1),
    expected: held,
  },
  {
    name: 'join-event-weighed',
    write: () => encodeEvent(weighed),
    read: (bytes) => decodeEvent(bytes, 3, 1),
    expected: weighed,
  },
  {
    name: 'join-segment',
    write: () => encodeSegment(1, segment),
    read: decodeSegment,
    expected: { of: 1, ...segment },
  },
  {
    name: 'join-row-state',
    write: stateBytes,
    read: (bytes) => decodeState(bytes, 0, 'visitor/c9f2'),
    expected: state,
  },
  {
    name: 'join-parts',
    write: () => encodeParts(parts),
    read: decodeParts,
    expected: parts,
  },
  {
    name: 'join-outbox-entry',
    write: () => outboxBytes(outboxKind.samples, position, encode({ v: 2 })),
    read: (bytes) => {
      const { body, ...rest } = readOutbox(bytes, 'w-1');
      return { ...rest, body: decode(body) };
    },
    expected: { kind: outboxKind.samples, position, body: { v: 2 } },
  },
  {
    name: 'sample-headers',
    json: true,
    write: () => encodeAs('json', positionHeaders(position)),
    read: (bytes) => {
      const headers = decode(bytes) as Record<string, string>;
      return positionOf({ header: (name) => headers[name] });
    },
    expected: position,
  },
  {
    name: 'snapshot-file',
    write: snapshotFile,
    read: readSnapshotFile,
    expected: { ...header, slots: [slot], pages: [page] },
  },
];
