import { asFields, f64, number, text, wrong, type Fields } from './checks.js';
import { decode, encode, protocolVersion } from './codec.js';
import { asModelMessage, mainModel } from './model-name.js';

/**
 * What a snapshot is made of. The manifest is written last, so a snapshot is there as a whole or not at all; each
 * object is a file of core/embedding/snapshot whose header carries the `SnapshotMark` of its partition.
 */
export interface SnapshotManifest {
  readonly snapshot: string;
  readonly createdAtMs: number;
  readonly specHash: string;
  readonly partitionCount: number;
  /** Which slot has which number, and how wide its rows are; for who knows the names only. */
  readonly slots: readonly NamedSlot[];
  readonly objects: readonly SnapshotObject[];
  /** The network, one DenseState in one chunk; absent from the snapshots of serving shards. */
  readonly dense?: DenseObject;
}

export interface NamedSlot {
  readonly slot: number;
  readonly name: string;
  readonly dim: number;
}

/** What is in an object. */
export const objectKinds = ['rows'] as const;
export type ObjectKind = (typeof objectKinds)[number];

export interface DenseObject {
  readonly name: string;
  readonly bytes: number;
  readonly chunks: number;
  readonly sequences?: Float64Array;
}

export interface SnapshotObject {
  readonly kind: ObjectKind;
  readonly name: string;
  readonly bytes: number;
  readonly chunks: number;
  /** Of the chunks, where they are in a stream. */
  readonly sequences?: Float64Array;
  readonly partition: number;
  readonly rows: number;
  /** The oldest record of the partition that the log must keep for this snapshot. */
  readonly startSequence: number;
  /** Rows are no newer than this sequence: with the log up to here or any later point they are exact. */
  readonly endSequence: number;
}

/** Where in the log the copy of a partition began. */
export interface SnapshotMark {
  readonly specHash: string;
  readonly partition: number;
  readonly epoch: number;
  readonly deltaNumber: number;
  readonly sequence: number;
  readonly applied: Float64Array;
  readonly resolved: number;
  readonly atSeconds: number;
}

const head = (model: string) => ({ v: protocolVersion, model });

export function encodeManifest(manifest: SnapshotManifest, model = mainModel): Uint8Array {
  return encode({ ...head(model), ...manifest });
}

/** @throws StarlingError BAD_MESSAGE, UNSUPPORTED_VERSION */
export function decodeManifest(bytes: Uint8Array, model = mainModel): SnapshotManifest {
  const what = 'snapshot manifest';
  const fields = asModelMessage(decode(bytes), what, model);
  const { objects, dense, slots } = fields;
  if (!Array.isArray(slots)) throw wrong(what, 'slots', 'a list', slots);
  if (!Array.isArray(objects)) throw wrong(what, 'objects', 'a list', objects);
  return {
    snapshot: text(fields, 'snapshot', what),
    createdAtMs: number(fields, 'createdAtMs', what),
    specHash: text(fields, 'specHash', what),
    partitionCount: number(fields, 'partitionCount', what),
    slots: slots.map(parseSlot),
    objects: objects.map(parseObject),
    ...(dense === undefined ? {} : { dense: parseDenseObject(dense) }),
  };
}

function parseSlot(value: unknown): NamedSlot {
  const what = 'snapshot slot';
  const fields = asFields(value, what);
  return {
    slot: number(fields, 'slot', what),
    name: text(fields, 'name', what),
    dim: number(fields, 'dim', what),
  };
}

/** What a shard has written. */
export interface SnapshotReply {
  readonly specHash: string;
  readonly objects: readonly SnapshotObject[];
}

export function snapshotReply(reply: SnapshotReply, model = mainModel) {
  return { ...head(model), ...reply };
}

export function parseSnapshotReply(value: unknown, model = mainModel): SnapshotReply {
  const what = 'snapshot reply';
  const fields = asModelMessage(value, what, model);
  const { objects } = fields;
  if (!Array.isArray(objects)) throw wrong(what, 'objects', 'a list', objects);
  return { specHash: text(fields, 'specHash', what), objects: objects.map(parseObject) };
}

function parseDenseObject(value: unknown): DenseObject {
  const what = 'dense object';
  return storedObject(asFields(value, what), what);
}

/** Where the network was put. */
export function denseSnapshotReply(object: DenseObject, model = mainModel) {
  return { ...head(model), ...object };
}

export function parseDenseSnapshotReply(value: unknown, model = mainModel): DenseObject {
  const what = 'dense snapshot reply';
  return storedObject(asModelMessage(value, what, model), what);
}

function storedObject(fields: Fields, what: string): DenseObject {
  return {
    name: text(fields, 'name', what),
    bytes: number(fields, 'bytes', what),
    chunks: number(fields, 'chunks', what),
    ...(fields.sequences === undefined ? {} : { sequences: f64(fields, 'sequences', what) }),
  };
}

function parseObject(value: unknown): SnapshotObject {
  const what = 'snapshot object';
  const fields = asFields(value, what);
  const kind = objectKinds.find((each) => each === fields['kind']);
  if (!kind) throw wrong(what, 'kind', objectKinds.join(' or '), fields['kind']);
  return {
    kind,
    ...storedObject(fields, what),
    partition: number(fields, 'partition', what),
    rows: number(fields, 'rows', what),
    startSequence: number(fields, 'startSequence', what),
    endSequence: number(fields, 'endSequence', what),
  };
}

export function encodeMark(mark: SnapshotMark, model = mainModel): Uint8Array {
  return encode({ ...head(model), ...mark });
}

export function decodeMark(bytes: Uint8Array, model = mainModel): SnapshotMark {
  const what = 'snapshot mark';
  const fields = asModelMessage(decode(bytes), what, model);
  return {
    specHash: text(fields, 'specHash', what),
    partition: number(fields, 'partition', what),
    epoch: number(fields, 'epoch', what),
    deltaNumber: number(fields, 'deltaNumber', what),
    sequence: number(fields, 'sequence', what),
    applied: f64(fields, 'applied', what),
    resolved: number(fields, 'resolved', what),
    atSeconds: number(fields, 'atSeconds', what),
  };
}

/** Which partitions of a shard go into which snapshot. */
export interface SnapshotCommand {
  readonly snapshot: string;
  readonly partitions: readonly number[];
}

export function snapshotCommand(command: SnapshotCommand, model = mainModel) {
  return { ...head(model), ...command };
}

export function parseSnapshotCommand(value: unknown, model = mainModel): SnapshotCommand {
  const what = 'snapshot command';
  const fields = asModelMessage(value, what, model);
  return { snapshot: text(fields, 'snapshot', what), partitions: partitionsOf(fields, what) };
}

/** Back to what the rows were at a sequence of DELTAS, or to what a snapshot holds. */
export interface RestoreCommand {
  readonly partitions: readonly number[];
  readonly from: { readonly sequence: number } | { readonly snapshot: string };
  /** Of the leader who says so. */
  readonly term: number;
}

export function restoreCommand(command: RestoreCommand, model = mainModel) {
  return { ...head(model), ...command };
}

export function parseRestoreCommand(value: unknown, model = mainModel): RestoreCommand {
  const what = 'restore command';
  const fields = asModelMessage(value, what, model);
  const from = fields.from as Fields | undefined;
  if (typeof from !== 'object' || from === null)
    throw wrong(what, 'from', 'a sequence or a snapshot', from);
  return {
    partitions: partitionsOf(fields, what),
    term: number(fields, 'term', what),
    from:
      typeof from.snapshot === 'string'
        ? { snapshot: from.snapshot }
        : { sequence: number(from, 'sequence', what) },
  };
}

function partitionsOf(fields: Fields, what: string): number[] {
  const { partitions } = fields;
  if (!Array.isArray(partitions) || !partitions.every((each) => Number.isSafeInteger(each)))
    throw wrong(what, 'partitions', 'a list of partitions', partitions);
  return partitions as number[];
}
