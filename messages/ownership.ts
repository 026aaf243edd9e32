import { StarlingError } from '../core/base/errors.js';
import { asFields, asMessage, flag, listOf, number, text, wrong } from './checks.js';
import { decode, encode, protocolVersion } from './codec.js';
import { asModelMessage, mainModel } from './model-name.js';
import { sequenceOf } from './progress-marks.js';

/**
 * Who owns which partition of a model: one key per model and partition in the CLUSTER bucket, changed by compare-and-set only. The epoch
 * rises with every change of the owner and every restart of it, travels with pulls, pushes and deltas, and tells an
 * owner of the past from the one of now.
 */
export interface PartitionEntry {
  /** Index of the ps-shard that may accept pushes. */
  readonly owner: number;
  /** 0: nobody has owned it yet. */
  readonly epoch: number;
  /** ps-shards that keep a copy: standbys, and where it is moving to. */
  readonly followers: readonly number[];
  /** Of the leader that has written last: one of the past can neither change the entry nor give orders by it. */
  readonly term: number;
}

export function partitionKeys(model = mainModel): string {
  return `partition.${model}.*`;
}

export function partitionKey(partition: number, model = mainModel): string {
  return `partition.${model}.${partition}`;
}

/** @returns undefined for a key that is not of a partition of the model. */
export function partitionOfKey(key: string, model = mainModel): number | undefined {
  const [kind, of, partition, ...rest] = key.split('.');
  const isKey = kind === 'partition' && of === model && rest.length === 0;
  return isKey && /^\d+$/.test(partition ?? '') ? Number(partition) : undefined;
}

export function encodeEntry(entry: PartitionEntry, model = mainModel): Uint8Array {
  return encode({ v: protocolVersion, model, ...entry });
}

/** @throws StarlingError BAD_MESSAGE */
export function decodeEntry(bytes: Uint8Array, model = mainModel): PartitionEntry {
  const what = 'partition entry';
  const fields = asModelMessage(decode(bytes), what, model);
  const { followers } = fields;
  if (!Array.isArray(followers) || !followers.every(isIndex))
    throw wrong(what, 'followers', 'a list of shards', followers);
  return {
    owner: indexOf(fields, 'owner', what),
    epoch: indexOf(fields, 'epoch', what),
    followers,
    term: indexOf(fields, 'term', what),
  };
}

function indexOf(fields: Readonly<Record<string, unknown>>, name: string, what: string): number {
  const value = number(fields, name, what);
  if (!isIndex(value)) throw wrong(what, name, 'a natural number', value);
  return value;
}

function isIndex(value: unknown): value is number {
  return Number.isSafeInteger(value) && (value as number) >= 0;
}

/** A shard may serve for as long as it has renewed its lease; the revision of the key is what its keeper counts. */
export const leaseKeys = 'lease.>';

export function leaseKey(address: string): string {
  return `lease.${address}`;
}

/** Held by the life of an address that has this epoch. */
export interface LeaseRecord {
  readonly epoch: number;
  /** It serves nobody any more; left out while it may. */
  readonly over?: boolean;
}

export function encodeLease({ epoch, over }: LeaseRecord): Uint8Array {
  return encode({ v: protocolVersion, epoch, ...(over ? { over } : {}) });
}

/** @throws StarlingError BAD_MESSAGE */
export function decodeLease(bytes: Uint8Array): LeaseRecord {
  const fields = asMessage(decode(bytes), 'lease');
  const epoch = indexOf(fields, 'epoch', 'lease');
  return fields['over'] === true ? { epoch, over: true } : { epoch };
}

/** @returns undefined for a key that is not of a lease. */
export function addressOfLease(key: string): string | undefined {
  return key.startsWith('lease.') ? key.slice('lease.'.length) : undefined;
}

/** Of a partition, to the shard that has it. */
export interface PartitionCommand {
  readonly partition: number;
  /** Of the leader who says so. */
  readonly term: number;
}

export function partitionCommand(command: PartitionCommand, model = mainModel) {
  return { v: protocolVersion, model, ...command };
}

export function parsePartitionCommand(value: unknown, model = mainModel): PartitionCommand {
  const what = 'partition command';
  const fields = asModelMessage(value, what, model);
  return {
    partition: indexOf(fields, 'partition', what),
    term: indexOf(fields, 'term', what),
  };
}

/** What a shard has done of what it was told. */
export interface CommandReply {
  /** Newest record of DELTAS that is in its rows, or that it has written; 0: none. */
  readonly sequence: number;
}

/** Rows that a restore has changed, and removed. */
export interface RestoreReply extends CommandReply {
  readonly changed: number;
  readonly removed: number;
}

export function commandReply<Reply extends CommandReply>(reply: Reply, model = mainModel) {
  return { v: protocolVersion, model, ...reply };
}

export function parseRestoreReply(value: unknown, model = mainModel): RestoreReply {
  const what = 'restore reply';
  const fields = asModelMessage(value, what, model);
  return {
    sequence: sequenceOf(fields, what),
    changed: indexOf(fields, 'changed', what),
    removed: indexOf(fields, 'removed', what),
  };
}

/** What a partition is, to the bit. */
export interface PartitionDigest {
  readonly partition: number;
  readonly epoch: number;
  readonly deltaNumber: number;
  /** Of DELTAS: all of the log up to here is in the rows. */
  readonly sequence: number;
  /** core/embedding/partition.ts; of weights alone from a serving shard. */
  readonly digest: string;
  readonly rows: number;
  /** By a shard that accepts pushes for it; else it is a copy. */
  readonly owned: boolean;
  /** All that is in the rows is in the log up to the record named. Of a copy it is always so. */
  readonly settled: boolean;
  /** From an owner: the digest of its rows as serving shards keep them. */
  readonly served?: string;
}

export function digestCommand(model = mainModel) {
  return { v: protocolVersion, model };
}

export function digestsReply(digests: readonly PartitionDigest[], model = mainModel) {
  return { v: protocolVersion, model, digests };
}

export function parseDigests(value: unknown, model = mainModel): PartitionDigest[] {
  const what = 'digests';
  const fields = asModelMessage(value, what, model);
  return listOf(fields, 'digests', what, digestIn);
}

function digestIn(value: unknown, what: string): PartitionDigest {
  const each = asFields(value, what);
  return {
    partition: number(each, 'partition', what),
    epoch: number(each, 'epoch', what),
    deltaNumber: number(each, 'deltaNumber', what),
    sequence: number(each, 'sequence', what),
    digest: text(each, 'digest', what),
    rows: number(each, 'rows', what),
    owned: flag(each, 'owned', what),
    settled: flag(each, 'settled', what),
    ...(each['served'] === undefined ? {} : { served: text(each, 'served', what) }),
  };
}

export function notOwner(address: string, partition: number): StarlingError {
  return new StarlingError('NOT_OWNER', `partition ${partition} is not owned by ${address}.`, {
    partition,
  });
}

export function fenced(text: string, details: Readonly<Record<string, unknown>>): StarlingError {
  return new StarlingError('FENCED', text, details);
}
