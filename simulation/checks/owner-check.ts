import { IntervalSet } from '../../core/base/interval-set.js';
import { mainModel } from '../../core/base/model-identity.js';
import type { ClusterNames } from '../../messages/cluster-names.js';
import { decode } from '../../messages/codec.js';
import { lastToken } from '../../messages/subjects.js';
import type { MemoryServers } from '../nats/memory-servers.js';
import type { Report } from './violation.js';

/** So many owners one after the other are usual within so long, when much breaks. */
const turnsMs = 500;
const turnsMax = 8;

interface Accepted {
  readonly epoch: number;
  readonly shard: string;
}

/**
 * At most one process answers for a partition at an epoch, also of two lives of one shard, and none at an old epoch once
 * another has answered at a newer one: by the time of the simulation, which no shard knows. And what a push was told to have applied is in the log at that
 * moment, and in every record after it.
 */
export class OwnerCheck {
  readonly #names: ClusterNames;
  readonly #report: Report;
  readonly #nowMs: () => number;
  readonly #newest = new Map<string, Accepted>();
  readonly #owners = new Map<string, string>();
  /** By partition of a model: batches that somebody was told are durable. */
  readonly #promised = new Map<string, Set<number>>();
  /** By partition: what its newest record says is in its rows. */
  readonly #logged = new Map<string, IntervalSet>();
  /** By partition: when its newest owners took over. */
  readonly #turns = new Map<string, { epoch: number; readonly atMs: number[] }>();
  /** By partition and batch: the epoch of the first record that has it. */
  readonly #takenAt = new Map<string, number>();

  constructor(servers: MemoryServers, names: ClusterNames, report: Report) {
    this.#names = names;
    this.#report = report;
    this.#nowMs = () => servers.time.nowMs;
    const deltas = servers.stream(names.stream.deltas);
    deltas.onAppend(({ subject, bytes }) => {
      if (names.isOf('deltaRows', subject)) this.#log(decode(bytes) as LoggedRows);
    });
  }

  /**
   * Hears an answer that is no refusal, when it is given.
   * @param connection of the process that gives it: each life of a shard has its own.
   */
  answered(connection: string, subject: string, request: Uint8Array, { outcome }: Answered): void {
    const isPull = this.#names.isOf('pull', subject);
    if (!isPull && !this.#names.isOf('push', subject)) return;
    const { model, partitions, epochs, batches } = decode(request) as Asked;
    for (const [i, number] of partitions.entries()) {
      const partition = placeOf(model, number);
      const epoch = epochs[i]!;
      const shard = `shard ${lastToken(subject)} (${connection})`;
      this.#owned(partition, epoch, shard);
      // A push may have been waiting for its record while another took over.
      if (isPull) this.#current(partition, epoch, shard);
      else if (outcome !== 'mixed') this.#promise(partition, epoch, batches!);
    }
  }

  #owned(partition: string, epoch: number, shard: string): void {
    const key = `${partition} at epoch ${epoch}`;
    const owner = this.#owners.get(key);
    if (owner !== undefined && owner !== shard)
      this.#report('one owner', `partition ${key}: ${owner} has answered, and ${shard} too`);
    this.#owners.set(key, shard);
  }

  #current(partition: string, epoch: number, shard: string): void {
    const newest = this.#newest.get(partition);
    if (newest && newest.epoch > epoch) {
      const text = `partition ${partition}: ${shard} answers at epoch ${epoch}, after ${newest.shard} did at ${newest.epoch}`;
      this.#report('no old owner', text);
    }
    if (!newest || newest.epoch < epoch) this.#newest.set(partition, { epoch, shard });
  }

  #promise(partition: string, epoch: number, batches: ArrayLike<number>): void {
    const promised = this.#promised.get(partition) ?? new Set();
    this.#promised.set(partition, promised);
    for (const batch of Array.from(batches)) {
      promised.add(batch);
      const takenAt = this.#takenAt.get(`${partition} ${batch}`) ?? 0;
      if (takenAt > epoch) {
        const text = `partition ${partition}: batch ${batch} came for epoch ${epoch}, and was taken at ${takenAt}`;
        this.#report('no old request', text);
      }
    }
    this.#requireLogged(
      partition,
      Array.from(batches),
      'is told to be durable, and is not in the log',
    );
  }

  #log({ model, partition: number, applied, deltaNumber, epoch }: LoggedRows): void {
    const partition = placeOf(model, number);
    // Of a delta in parts, the last one says it.
    if (applied.length === 0) return;
    this.#turn(partition, epoch);
    const before = this.#logged.get(partition) ?? new IntervalSet();
    const now = IntervalSet.decode(applied);
    const last = now.intervals.at(-1)?.end ?? now.watermark;
    for (let batch = before.watermark + 1; batch <= last; batch++)
      if (now.has(batch) && !before.has(batch)) this.#takenAt.set(`${partition} ${batch}`, epoch);
    this.#logged.set(partition, now);
    const promised = [...(this.#promised.get(partition) ?? [])];
    this.#requireLogged(
      partition,
      promised,
      `was durable, and is not in delta ${deltaNumber} any more`,
    );
  }

  /** Two that take it from each other as fast as they can do nothing else. */
  #turn(partition: string, epoch: number): void {
    const turns = this.#turns.get(partition) ?? { epoch: 0, atMs: [] };
    this.#turns.set(partition, turns);
    if (turns.epoch === epoch) return;
    if (turns.epoch > epoch) {
      const text = `partition ${partition}: the log takes a record of epoch ${epoch}, after one of ${turns.epoch}`;
      this.#report('no old owner', text);
    }
    turns.epoch = epoch;
    const nowMs = this.#nowMs();
    turns.atMs.push(nowMs);
    while (turns.atMs[0]! < nowMs - turnsMs) turns.atMs.shift();
    if (turns.atMs.length > turnsMax)
      this.#report(
        'no duel',
        `partition ${partition}: ${turns.atMs.length} owners in ${turnsMs} ms`,
      );
  }

  #requireLogged(partition: string, batches: readonly number[], words: string): void {
    const applied = this.#logged.get(partition) ?? new IntervalSet();
    const lost = batches.find((batch) => !applied.has(batch));
    if (lost !== undefined)
      this.#report('nothing is lost', `partition ${partition}: batch ${lost} ${words}`);
  }
}

/** Partitions of `main` by their number alone. */
function placeOf(model: string, partition: number): string {
  return model === mainModel ? `${partition}` : `${partition} of ${model}`;
}

interface Asked {
  readonly model: string;
  readonly partitions: Uint32Array;
  readonly epochs: ArrayLike<number>;
  readonly batches?: ArrayLike<number>;
}

interface Answered {
  readonly outcome?: string;
}

interface LoggedRows {
  readonly model: string;
  readonly partition: number;
  readonly epoch: number;
  readonly deltaNumber: number;
  readonly applied: Float64Array;
}
