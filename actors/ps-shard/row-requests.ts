import type { Clock } from '../../core/base/clock.js';
import { StarlingError } from '../../core/base/errors.js';
import { squareMax, unusableAt } from '../../core/base/finite.js';
import { fenced } from '../../messages/ownership.js';
import type { PullRequest, PushOutcome, PushRequest } from '../../messages/parameters.js';
import { pullReply, pushReply } from '../../messages/parameters.js';
import { refuseSpec } from '../../messages/spec-hash.js';
import { allSquares } from '../../messages/squared-gradients.js';
import type { TrainedPartition, TrainedShape } from '../../replication/trained-partition.js';
import type { PartitionPublisher } from './partition-publisher.js';

export interface AcceptingPartition {
  readonly partition: TrainedPartition;
  /** @throws StarlingError NOT_OWNER or FENCED when nothing is accepted, or not at this epoch. */
  owned(epoch: number | undefined): Pick<PartitionPublisher, 'changed' | 'durable' | 'sequence'>;
}

export interface RowPorts {
  readonly clock: Pick<Clock, 'wallMs'>;
  /** Of the shard. */
  readonly address: string;
  readonly shape: Pick<TrainedShape, 'hash' | 'slotCount' | 'dim' | 'of'>;
  readonly lease: { readonly valid: boolean };
  /** @throws StarlingError NOT_OWNER for one that nobody here has heard of. */
  readonly held: { get(partition: number): AcceptingPartition };
}

interface Group {
  readonly partition: TrainedPartition;
  readonly publisher: ReturnType<AcceptingPartition['owned']>;
}

/**
 * Pulls and pushes. A request names the epoch of each partition that it is about, and is refused as a whole when one of
 * them is not owned here at that epoch, or the lease of the shard has run out: the two things that are looked at with
 * every request.
 */
export class RowRequests {
  readonly #ports: RowPorts;
  #rowsPulled = 0;
  #rowsPushed = 0;

  constructor(ports: RowPorts) {
    this.#ports = ports;
  }

  get stats() {
    return { rowsPulled: this.#rowsPulled, rowsPushed: this.#rowsPushed };
  }

  pull(request: PullRequest) {
    const { hash, dim, slotCount } = this.#ports.shape;
    refuseSpec(request.specHash, hash, 'pull');
    const { counts, fids } = request;
    const rows = new Float32Array((fids.length / 2) * dim);
    const groups = this.#groupsOf(request);
    let fid = 0;
    for (const [group, { partition }] of groups.entries())
      fid += partition.rows.pull(counts, group * slotCount, fids, fid, rows, fid * dim) / dim;
    this.#rowsPulled += fid;
    return pullReply({ rows, sequence: newestOf(groups) }, this.#ports.shape.of?.name);
  }

  /**
   * Resolves when what was applied is durable.
   * @throws StarlingError NOT_FINITE, having applied nothing, for gradients that no row would survive.
   */
  async push(request: PushRequest) {
    refuseSpec(request.specHash, this.#ports.shape.hash, 'push');
    refuseUnusable(request);
    const groups = this.#groupsOf(request);
    const outcome = this.#apply(request, groups);
    if (outcome === 'mixed') return pushReply({ outcome, sequence: 0 }, this.#ports.shape.of?.name);
    await Promise.all(groups.map(({ publisher }) => publisher.durable()));
    return pushReply({ outcome, sequence: newestOf(groups) }, this.#ports.shape.of?.name);
  }

  /** @throws StarlingError NOT_OWNER or FENCED for the first partition that is not owned here at the epoch named. */
  #groupsOf({ partitions, epochs }: PullRequest): Group[] {
    const { lease, held, address } = this.#ports;
    if (!lease.valid) throw fenced(`${address} could not renew its lease.`, { address });
    return Array.from(partitions, (number, i) => {
      const found = held.get(number);
      return { partition: found.partition, publisher: found.owned(epochs[i]) };
    });
  }

  #apply(request: PushRequest, groups: readonly Group[]): PushOutcome {
    const { counts, fids, gradients, batches, atSeconds } = request;
    const { slotCount, dim } = this.#ports.shape;
    const standings = groups.map(({ partition }) => partition.standing(batches));
    if (standings.includes('some')) return 'mixed';
    const squares = request.squares && allSquares(gradients, request.squares, dim);
    let fid = 0;
    for (const [group, { partition, publisher }] of groups.entries()) {
      const start = fid;
      const countsStart = group * slotCount;
      for (let s = 0; s < slotCount; s++) fid += counts[countsStart + s]!;
      if (standings[group] === 'all') continue;
      const { rows } = partition;
      const step = batches[0]!;
      rows.push(counts, countsStart, fids, start, gradients, start * dim, atSeconds, step, squares);
      partition.enter(request, this.#ports.clock.wallMs());
      publisher.changed();
      this.#rowsPushed += fid - start;
    }
    return standings.includes('none') ? 'applied' : 'duplicate';
  }
}

/** @throws StarlingError NOT_FINITE */
function refuseUnusable({ gradients, squares }: PushRequest): void {
  const at = unusableAt(gradients);
  const squareAt = squares ? unusableAt(squares.values, squareMax) : -1;
  if (at < 0 && squareAt < 0) return;
  const what =
    at >= 0
      ? `number ${at} of the gradients is ${gradients[at]}`
      : `number ${squareAt} of their squares is ${squares!.values[squareAt]}`;
  throw new StarlingError('NOT_FINITE', `${what}; nothing of the push is applied.`, { at });
}

/** Newest record that the partitions asked for have written. */
function newestOf(groups: readonly Group[]): number {
  return Math.max(0, ...groups.map(({ publisher }) => publisher.sequence));
}
