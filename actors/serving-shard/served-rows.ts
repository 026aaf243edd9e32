import { turn, type Clock } from '../../core/base/clock.js';
import { StarlingError } from '../../core/base/errors.js';
import type { ServingPartition } from '../../core/embedding/serving/serving-partition.js';
import type { PartitionDigest } from '../../messages/ownership.js';
import type { KeepingLookup, LookupReply } from '../../messages/parameters.js';
import { refuseSpec } from '../../messages/spec-hash.js';
import { verifies } from '../../runtime/verification.js';
import type { DeltaNews, ServedShape } from './served-partition.js';
import { RowChanges } from './row-changes.js';
import { ServedPartition } from './served-partition.js';

export interface ServedRowsOptions {
  readonly clock: Pick<Clock, 'soon'>;
  readonly address: string;
  readonly shape: ServedShape;
  readonly slotCount: number;
  readonly dim: number;
  readonly partitions: readonly number[];
  readonly learn: (partition: number, news: DeltaNews) => void;
  readonly newId: () => string;
}

/** The partitions of a shard, and what is read of them. */
export class ServedRows {
  readonly partitions: ReadonlyMap<number, ServedPartition>;
  readonly #options: ServedRowsOptions;
  readonly #changes: RowChanges;

  constructor(options: ServedRowsOptions) {
    this.#options = options;
    const { partitions, shape, learn, newId } = options;
    const changes = new RowChanges(newId);
    this.#changes = changes;
    this.partitions = new Map(
      partitions.map((number) => [
        number,
        new ServedPartition(number, shape, (news) => learn(number, news), changes),
      ]),
    );
  }

  /**
   * Rows [fids × dim] in the order asked for; a fid that was never trained reads as zeros, and is counted.
   * @throws StarlingError SPEC_MISMATCH, NOT_OWNER
   */
  lookup(request: KeepingLookup): Pick<LookupReply, 'rows' | 'missing' | 'changed'> {
    const { shape, slotCount, dim } = this.#options;
    refuseSpec(request.specHash, shape.hash, 'lookup');
    const { counts, fids } = request;
    const rows = new Float32Array((fids.length / 2) * dim);
    let fid = 0;
    let missing = 0;
    for (const [group, number] of request.partitions.entries()) {
      const partition = this.#partition(number).rows;
      const first = group * slotCount;
      missing += partition.lookup(counts, first, fids, fid, rows, fid * dim);
      for (let s = 0; s < slotCount; s++) fid += counts[first + s]!;
    }
    return request.since
      ? { rows, missing, changed: this.#changes.since(request.since) }
      : { rows, missing };
  }

  /** Of the copy of the log: the newest record that is in the rows. */
  get sequence(): number {
    let newest = 0;
    for (const { mark } of this.partitions.values()) newest = Math.max(newest, mark.sequence);
    return newest;
  }

  /** One partition after the other; look-ups go on between two. */
  async digests(): Promise<PartitionDigest[]> {
    const digests: PartitionDigest[] = [];
    for (const { number, rows, mark } of this.partitions.values()) {
      if (verifies) rows.verify();
      const { epoch, deltaNumber, sequence } = mark;
      const place = { partition: number, epoch, deltaNumber, sequence };
      const digest = rows.digest();
      digests.push({ ...place, digest, rows: rows.rowCount, owned: false, settled: true });
      await turn(this.#options.clock);
    }
    return digests;
  }

  figures() {
    return {
      rows: this.#sumOf((rows) => rows.rowCount),
      rowBytes: this.#sumOf((rows) => rows.bytes),
      saturated: this.#sumOf((rows) => rows.saturatedCount),
    };
  }

  #sumOf(measure: (rows: ServingPartition) => number): number {
    let sum = 0;
    for (const { rows } of this.partitions.values()) sum += measure(rows);
    return sum;
  }

  #partition(number: number): ServedPartition {
    const partition = this.partitions.get(number);
    if (partition) return partition;
    const text = `partition ${number} is not served by ${this.#options.address}.`;
    throw new StarlingError('NOT_OWNER', text);
  }
}
