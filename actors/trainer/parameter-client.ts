import { StarlingError } from '../../core/base/errors.js';
import { fenced } from '../../messages/ownership.js';
import type { DenseReply } from '../../messages/network-state.js';
import {
  denseDurableMessage,
  densePullMessage,
  densePushMessage,
  parseDenseReply,
  parseDurableReply,
} from '../../messages/network-state.js';
import type { PushOutcome } from '../../messages/parameters.js';
import {
  parsePullReply,
  parsePushReply,
  pullMessage,
  pushMessage,
} from '../../messages/parameters.js';
import { repeatedSquares, type StepSquares } from '../../messages/squared-gradients.js';
import type { Trail } from '../../messages/trail.js';
import { bookkeeper } from '../../messages/trail.js';
import type { PartitionDirectory } from '../../replication/partition-directory.js';
import type { Bus } from '../../runtime/bus/bus.js';
import { call } from '../../runtime/idempotent-call.js';
import type { RetryPolicy } from '../../runtime/retry.js';
import { retry } from '../../runtime/retry.js';
import type { Blueprint } from '../../core/blueprint/blueprint.js';
import type { PlanGroups, ShardShare } from '../shared/partition-map.js';
import { gatherShare, scatterShare, splitPlan } from '../shared/partition-map.js';

/** All tries of a pull, over changes of owners too; partitions change hands in some tens of milliseconds. */
const pullPolicy: RetryPolicy = { deadlineMs: 15_000, baseMs: 10, capMs: 40 };
const attemptMs = 2_000;
/** A push is answered when it is durable, so it may wait for a whole flush. Pushes are idempotent: a killed shard costs one attempt. */
const pushDeadline = { deadlineMs: 20_000, attemptMs: 3_000 };
const denseDeadline = { deadlineMs: 15_000, attemptMs };

/** A share and what its request is bound to. */
interface OwnedShare extends ShardShare {
  readonly epochs: Uint32Array;
}

export interface PulledRows {
  /** The pushes go to the same owners, at the same epochs, and to no other. */
  readonly shares: readonly OwnedShare[];
  /** f32 [unique rows × dim] in the plan's order. */
  readonly rows: Float32Array;
}

export interface StepGradients {
  readonly batches: Float64Array;
  readonly atSeconds: number;
  readonly trail: Trail | undefined;
  /** f32 [unique rows × dim] in the plan's order. */
  readonly rows: Float32Array;
  /** Undefined: nobody asks. */
  readonly squares: StepSquares | undefined;
}

export interface ParameterClientOptions {
  readonly bus: Bus;
  readonly blueprint: Blueprint;
  readonly directory: PartitionDirectory;
  readonly parameterCount: number;
}

/** The trainer's side of the parameter servers and the dense shard. */
export class ParameterClient {
  readonly #options: ParameterClientOptions;
  /** Requests under way, and how to end them when the owner they went to is not the owner any more. */
  readonly #pending = new Set<{ share: OwnedShare; abandon: (error: Error) => void }>();

  constructor(options: ParameterClientOptions) {
    this.#options = options;
    options.directory.onChange((partition, { owner, epoch }) => {
      for (const { share, abandon } of this.#pending) {
        const i = share.partitions.indexOf(partition);
        if (i < 0 || (share.shard === owner && share.epochs[i] === epoch)) continue;
        const text = `partition ${partition} went to ps-shard ${owner}, epoch ${epoch}.`;
        abandon(fenced(text, { partition, owner, epoch }));
      }
    });
  }

  /** Tries again with new owners while partitions change hands. */
  pull(plan: PlanGroups): Promise<PulledRows> {
    return retry(this.#options.bus, pullPolicy, () => this.#pullOnce(plan));
  }

  /**
   * Resolves when every partition has the batches, durably. The answer is `mixed` when one had some of them before.
   * @throws StarlingError FENCED when a partition has another owner or epoch since the pull: pull again and recompute.
   */
  async push(pulled: PulledRows, gradients: StepGradients): Promise<PushOutcome> {
    const { bus, blueprint } = this.#options;
    const { dim, hash, of } = blueprint;
    const { batches, atSeconds, trail, squares } = gradients;
    const outcomes = await Promise.all(
      pulled.shares.map(async (share) => {
        const { partitions, epochs, counts, fids } = share;
        const request = pushMessage(
          {
            specHash: hash,
            epochs,
            batches,
            atSeconds,
            partitions,
            counts,
            fids,
            gradients: gatherShare(share, gradients.rows, dim),
            trail: partitions.includes(bookkeeper) ? trail : undefined,
            ...(squares ? { squares: repeatedSquares(share, squares, dim) } : {}),
          },
          of.name,
        );
        const value = await this.#call(
          bus.names.subject.push(share.shard),
          request,
          share,
          pushDeadline,
        );
        return parsePushReply(value, of.name).outcome;
      }),
    );
    return outcomes.includes('mixed')
      ? 'mixed'
      : outcomes.includes('applied')
        ? 'applied'
        : 'duplicate';
  }

  async pullDense(): Promise<DenseReply> {
    const { bus, blueprint, parameterCount } = this.#options;
    const { name } = blueprint.of;
    const request = densePullMessage(name);
    return parseDenseReply(
      await call(bus, bus.names.subject.densePull(name), request, denseDeadline),
      parameterCount,
      name,
    );
  }

  /**
   * Answered at once with the parameters after the step.
   * @param basis the version that it was computed with, where that is to be looked at.
   * @throws StarlingError STALE_GRADIENT where too many others have told theirs since; nothing is applied.
   */
  async pushDense(
    batches: Float64Array,
    gradient: Float32Array,
    basis?: number,
  ): Promise<DenseReply> {
    const { bus, blueprint, parameterCount } = this.#options;
    const { hash: specHash, of } = blueprint;
    const request = densePushMessage(
      { specHash, batches, gradient, ...(basis === undefined ? {} : { basis }) },
      of.name,
    );
    return parseDenseReply(
      await call(bus, bus.names.subject.densePush(of.name), request, pushDeadline),
      parameterCount,
      of.name,
    );
  }

  /** @throws StarlingError FENCED when the dense shard lost the batches: they must be computed again. */
  async denseDurable(batches: Float64Array): Promise<void> {
    const { bus, blueprint } = this.#options;
    const { name } = blueprint.of;
    const request = denseDurableMessage(batches, name);
    const value = await call(bus, bus.names.subject.denseDurable(name), request, pushDeadline);
    if (parseDurableReply(value, name).durable) return;
    const text = 'the dense shard restarted and does not have the batches any more.';
    throw new StarlingError('FENCED', text);
  }

  async #pullOnce(plan: PlanGroups): Promise<PulledRows> {
    const { bus, blueprint, directory } = this.#options;
    const { dim, hash, of } = blueprint;
    const shares = splitPlan(plan, (partition) => directory.ownerOf(partition).owner).map(
      (share) => ({
        ...share,
        epochs: share.partitions.map((partition) => directory.ownerOf(partition).epoch),
      }),
    );
    const rows = new Float32Array((plan.fids.length / 2) * dim);
    await Promise.all(
      shares.map(async (share) => {
        const { partitions, epochs, counts, fids, shard } = share;
        const request = pullMessage({ specHash: hash, partitions, epochs, counts, fids }, of.name);
        const options = { deadlineMs: attemptMs, retry: 'none' as const };
        const value = await this.#call(bus.names.subject.pull(shard), request, share, options);
        scatterShare(
          share,
          parsePullReply(value, (fids.length / 2) * dim, of.name).rows,
          rows,
          dim,
        );
      }),
    );
    return { shares, rows };
  }

  /** Ends at once, with FENCED, when the owner of a partition in it changes. */
  async #call(
    name: string,
    request: unknown,
    share: OwnedShare,
    options: Parameters<typeof call>[3],
  ): Promise<unknown> {
    let pending!: { share: OwnedShare; abandon: (error: Error) => void };
    const abandoned = new Promise<never>((_resolve, reject) => {
      pending = { share, abandon: reject };
    });
    this.#pending.add(pending);
    try {
      return await Promise.race([call(this.#options.bus, name, request, options), abandoned]);
    } finally {
      this.#pending.delete(pending);
    }
  }
}
