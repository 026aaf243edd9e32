import { StarlingError } from '../../core/base/errors.js';
import { protocolVersion } from '../../messages/codec.js';
import { asMessage } from '../../messages/checks.js';
import type { DenseReply, PushOutcome } from '../../messages/parameters.js';
import {
  parseDenseReply,
  parsePullReply,
  parsePushReply,
  pullMessage,
  pushMessage,
} from '../../messages/parameters.js';
import { subject } from '../../messages/subjects.js';
import type { Bus } from '../../runtime/bus.js';
import { call } from '../../runtime/call.js';
import type { Blueprint } from '../shared/blueprint.js';
import type { PlanGroups, ShardShare } from '../shared/partition-map.js';
import { gatherShare, scatterShare, splitPlan } from '../shared/partition-map.js';

const pullDeadline = { deadlineMs: 15_000, attemptMs: 2_000 };
/** A push is answered when it is durable, so it may wait for a whole flush. Pushes are idempotent: a killed shard costs one attempt. */
const pushDeadline = { deadlineMs: 20_000, attemptMs: 3_000 };

export interface PulledRows {
  readonly shares: readonly ShardShare[];
  /** Per share: the incarnation that answered; the push goes to it and to no other. */
  readonly epochs: readonly number[];
  /** f32 [unique rows × dim] in the plan's order. */
  readonly rows: Float32Array;
}

export interface StepGradients {
  readonly batches: Float64Array;
  readonly atSeconds: number;
  readonly trail: Float64Array;
  /** f32 [unique rows × dim] in the plan's order. */
  readonly rows: Float32Array;
}

/** The trainer's side of the parameter servers and the dense shard. */
export class ParameterClient {
  readonly #bus: Bus;
  readonly #blueprint: Blueprint;
  readonly #shardCount: number;
  readonly #parameterCount: number;

  constructor(
    bus: Bus,
    blueprint: Blueprint,
    options: { shardCount: number; parameterCount: number },
  ) {
    this.#bus = bus;
    this.#blueprint = blueprint;
    this.#shardCount = options.shardCount;
    this.#parameterCount = options.parameterCount;
  }

  async pull(plan: PlanGroups): Promise<PulledRows> {
    const { dim, hash } = this.#blueprint;
    const shares = splitPlan(plan, this.#shardCount);
    const rows = new Float32Array((plan.fids.length / 2) * dim);
    const epochs = await Promise.all(
      shares.map(async (share) => {
        const { partitions, counts, fids } = share;
        const request = pullMessage({ specHash: hash, partitions, counts, fids });
        const value = await call(this.#bus, subject.pull(share.shard), request, pullDeadline);
        const reply = parsePullReply(value, (fids.length / 2) * dim);
        scatterShare(share, reply.rows, rows, dim);
        return reply.epoch;
      }),
    );
    return { shares, epochs, rows };
  }

  /**
   * Resolves when every partition has the batches, durably. The answer is `mixed` when one had some of them before.
   * @throws StarlingError FENCED when a shard has restarted since the pull: pull again and recompute.
   */
  async push(pulled: PulledRows, gradients: StepGradients): Promise<PushOutcome> {
    const { dim, hash } = this.#blueprint;
    const { batches, atSeconds, trail } = gradients;
    const outcomes = await Promise.all(
      pulled.shares.map(async (share, i) => {
        const request = pushMessage({
          specHash: hash,
          epoch: pulled.epochs[i]!,
          batches,
          atSeconds,
          partitions: share.partitions,
          counts: share.counts,
          fids: share.fids,
          gradients: gatherShare(share, gradients.rows, dim),
          trail,
        });
        return parsePushReply(
          await call(this.#bus, subject.push(share.shard), request, pushDeadline),
        );
      }),
    );
    return outcomes.includes('mixed')
      ? 'mixed'
      : outcomes.includes('applied')
        ? 'applied'
        : 'duplicate';
  }

  async pullDense(): Promise<DenseReply> {
    return parseDenseReply(
      await call(this.#bus, subject.densePull, { v: protocolVersion }, pullDeadline),
      this.#parameterCount,
    );
  }

  /** Answered at once with the parameters after the step. */
  async pushDense(batches: Float64Array, gradient: Float32Array): Promise<DenseReply> {
    const request = { v: protocolVersion, specHash: this.#blueprint.hash, batches, gradient };
    return parseDenseReply(
      await call(this.#bus, subject.densePush, request, pushDeadline),
      this.#parameterCount,
    );
  }

  /** @throws StarlingError FENCED when the dense shard lost the batches: they must be computed again. */
  async denseDurable(batches: Float64Array): Promise<void> {
    const request = { v: protocolVersion, batches };
    const reply = asMessage(
      await call(this.#bus, subject.denseDurable, request, pushDeadline),
      'dense durable',
    );
    if (reply.durable !== true) {
      throw new StarlingError(
        'FENCED',
        'the dense shard restarted and does not have the batches any more.',
      );
    }
  }
}
