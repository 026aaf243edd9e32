import { codeOf, messageOf } from '../../core/base/errors.js';
import type { ExampleBatch } from '../../core/features/example-batch.js';
import {
  FidDeduper,
  poolRows,
  spreadShared,
  type SharedSlots,
} from '../../core/model/row-gather.js';
import { lookupMessage, parseLookupReply } from '../../messages/parameters.js';
import type { ActorContext } from '../../runtime/actor.js';
import type { Deadline } from '../../runtime/deadline.js';
import type { Blueprint } from '../../core/blueprint/blueprint.js';
import { lookupRowsWithin } from '../../core/blueprint/message-sizes.js';
import type { Hedges } from '../shared/replica-hedges.js';
import { scatterShare, splitEvenly } from '../shared/partition-map.js';

/** Of the time of whoever waits for scores, and at most. Too low: a busy shard counts as gone. */
const lookupShare = 1 / 2;
const lookupMsMax = 200;
const tellMs = 1_000;

export interface PooledRows {
  /** f32 [n × slots × dim] */
  readonly pooled: Float32Array;
  readonly through: number;
  readonly degraded: boolean;
  readonly rerouted: boolean;
}

/**
 * Rows for scoring, from the serving shards of this data center; NATS hands a lookup to another data center when none
 * is left here. When no copy is in reach the row reads as zeros and the answer says `degraded`: a worse ranking beats
 * no answer.
 */
export class RowSource {
  readonly #context: ActorContext;
  readonly #blueprint: Blueprint;
  readonly #hedges: Hedges;
  readonly #deduper = new FidDeduper();
  #failures = 0;
  #toldAtMs = -Infinity;

  constructor(context: ActorContext, blueprint: Blueprint, hedges: Hedges) {
    this.#context = context;
    this.#blueprint = blueprint;
    this.#hedges = hedges;
  }

  /** @param shared slots whose fids the first row has for all. */
  async pooledRows(
    batch: ExampleBatch,
    deadline: Deadline,
    shared?: SharedSlots,
  ): Promise<PooledRows> {
    const { dim, poolings, partitionCount, rowsOf, hash } = this.#blueprint;
    const { bus, config, identity } = this.#context;
    const { subject } = bus.names;
    const plan = this.#deduper.plan(batch, partitionCount, rowsOf);
    const rows = new Float32Array(plan.uniqueCount * dim);
    let through = Number.POSITIVE_INFINITY;
    let degraded = false;
    let rerouted = false;
    const shardCount = config.actors['serving-shard'];
    const rowsMax = lookupRowsWithin(this.#blueprint, bus.payloadBytesMax);
    const shares = splitEvenly(plan, { shardCount, rowsMax });
    const lookups = shares.map(async (share) => {
      if (share.fids.length === 0) return;
      const { partitions, counts, fids } = share;
      try {
        const request = lookupMessage({ specHash: hash, partitions, counts, fids });
        const deadlineMs = deadline.share(lookupShare, lookupMsMax);
        // Where nobody answers now, somebody may in a second; the request can't wait for that.
        const options = { deadlineMs, retry: 'none' as const };
        const reply = parseLookupReply(
          await this.#hedges.call(
            subject.lookup(share.shard),
            (dataCenter) => subject.lookupAt(dataCenter, share.shard),
            request,
            options,
          ),
          (fids.length / 2) * dim,
        );
        scatterShare(share, reply.rows, rows, dim);
        through = Math.min(through, reply.through);
        if (reply.dataCenter !== identity.dataCenter) rerouted = true;
      } catch (error) {
        this.#tell(error, share.shard);
        degraded = true;
      }
    });
    await Promise.all(lookups);
    const pooled = poolRows({ plan, batch, dim, poolings }, rows);
    if (shared) spreadShared(pooled, { slotCount: batch.slotCount, dim }, shared);
    return { pooled, through: Number.isFinite(through) ? through : 0, degraded, rerouted };
  }

  /** Once a second: while nobody answers, each request has some. */
  #tell(error: unknown, shard: number): void {
    this.#failures++;
    const nowMs = this.#context.clock.nowMs();
    if (nowMs - this.#toldAtMs < tellMs) return;
    this.#context.log.warn(
      { code: codeOf(error), err: messageOf(error), shard, failures: this.#failures },
      'lookups failed; default rows are used',
    );
    this.#toldAtMs = nowMs;
    this.#failures = 0;
  }
}
