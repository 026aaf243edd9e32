import type { ExampleBatch } from '../../core/features/example-batch.js';
import { FidDeduper, type RowPooling } from '../../core/model/row-gather.js';
import type { ActorContext } from '../../runtime/actor.js';
import type { Deadline } from '../../runtime/deadline.js';
import type { Blueprint } from '../../core/blueprint/blueprint.js';
import type { Hedges } from '../shared/replica-hedges.js';
import { KeptLookups } from './kept-lookups.js';
import { RowLookups } from './row-lookups.js';

export interface RowsToScore {
  /** f32 [unique rows × dim], in the order of the plan. */
  readonly rows: Float32Array;
  /** Who reads them. */
  readonly pooling: RowPooling;
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
  readonly #blueprint: Blueprint;
  readonly #lookups: RowLookups;
  readonly #kept: KeptLookups;
  readonly #deduper = new FidDeduper();

  constructor(context: ActorContext, blueprint: Blueprint, hedges: Hedges) {
    this.#blueprint = blueprint;
    this.#lookups = new RowLookups(context, blueprint, hedges);
    const { clock, identity, config } = context;
    const { dim } = blueprint;
    const { dataCenter } = identity;
    const shardCount = config.actors['serving-shard'];
    this.#kept = new KeptLookups({ lookups: this.#lookups, dim, dataCenter, shardCount, clock });
  }

  /** Rows that are kept, and as of when. */
  get kept(): Pick<KeptLookups, 'kept' | 'standing'> {
    return this.#kept;
  }

  /** What all rows of this data center know. @throws StarlingError where a shard does not answer. */
  standing(deadlineMs: number): Promise<number> {
    return this.#lookups.standing(deadlineMs);
  }

  /** @param isKept whether rows may be those of a moment ago (kept-lookups.ts). */
  async find(
    batch: ExampleBatch,
    deadline: Deadline,
    { isKept = false }: { readonly isKept?: boolean } = {},
  ): Promise<RowsToScore> {
    const { dim, poolings, partitionCount, rowsOf } = this.#blueprint;
    const plan = this.#deduper.plan(batch, partitionCount, rowsOf);
    const source = isKept ? this.#kept : this.#lookups;
    const { rows, through, degraded, rerouted } = await source.find(plan, deadline);
    const pooling = { plan, batch, dim, poolings };
    const known = Number.isFinite(through) ? through : 0;
    return { rows, pooling, through: known, degraded, rerouted };
  }
}
