import { firstIndexOf } from '../../core/base/model-identity.js';
import { codeOf, messageOf } from '../../core/base/errors.js';
import type { Blueprint } from '../../core/blueprint/blueprint.js';
import { lookupRowsWithin } from '../../core/blueprint/message-sizes.js';
import type { LookupReply, RowChangesSince } from '../../messages/parameters.js';
import { lookupMessage, parseLookupReply } from '../../messages/parameters.js';
import type { ActorContext } from '../../runtime/actor.js';
import type { Deadline } from '../../runtime/deadline.js';
import { call } from '../../runtime/idempotent-call.js';
import {
  scatterShare,
  splitEvenly,
  type PlanGroups,
  type ShardShare,
} from '../shared/partition-map.js';
import type { Hedges } from '../shared/replica-hedges.js';

/** Of the time of whoever waits for scores, and at most. Too low: a busy shard counts as gone. */
const lookupShare = 1 / 2;
const lookupMsMax = 200;
const tellMs = 1_000;

export interface FoundRows {
  /** f32 [unique fids of the plan × dim], in its order; zeros where nobody answered. */
  readonly rows: Float32Array;
  /** Batches of samples that all of them know; infinite where nobody was asked. */
  readonly through: number;
  /** Nobody answered for some. */
  readonly degraded: boolean;
  /** Some are of another data center. */
  readonly rerouted: boolean;
  readonly answers: readonly ShardAnswer[];
}

/** A shard that is asked for many rows answers several times, each as of its own moment. */
export interface ShardAnswer {
  readonly share: ShardShare;
  /** What it was asked for. */
  readonly since: RowChangesSince | undefined;
  readonly reply: LookupReply;
}

/** Up to where it is known which rows of a shard changed. */
export type SinceOf = (shard: number) => RowChangesSince;

/** Rows of serving shards, by plan. */
export class RowLookups {
  readonly #context: Pick<ActorContext, 'bus' | 'config' | 'identity' | 'log' | 'clock'>;
  readonly #blueprint: Blueprint;
  readonly #hedges: Pick<Hedges, 'call'>;
  #failures = 0;
  #toldAtMs = -Infinity;

  constructor(
    context: Pick<ActorContext, 'bus' | 'config' | 'identity' | 'log' | 'clock'>,
    blueprint: Blueprint,
    hedges: Pick<Hedges, 'call'>,
  ) {
    this.#context = context;
    this.#blueprint = blueprint;
    this.#hedges = hedges;
  }

  /** @param sinceOf each shard is asked for what changed since, also where no row of it is. */
  async find(
    plan: PlanGroups,
    deadline: Pick<Deadline, 'share'>,
    sinceOf?: SinceOf,
  ): Promise<FoundRows> {
    const { dim } = this.#blueprint;
    const { bus, config, identity } = this.#context;
    const rows = new Float32Array((plan.fids.length / 2) * dim);
    const answers: ShardAnswer[] = [];
    let degraded = false;
    const shardCount = config.actors['serving-shard'];
    const rowsMax = lookupRowsWithin(this.#blueprint, bus.payloadBytesMax);
    const shares = splitEvenly(plan, { shardCount, rowsMax });
    const ask = async (share: ShardShare): Promise<void> => {
      if (share.fids.length === 0 && !sinceOf) return;
      try {
        const since = sinceOf?.(share.shard);
        const reply = await this.#ask(share, deadline, since);
        scatterShare(share, reply.rows, rows, dim);
        answers.push({ share, since, reply });
      } catch (error) {
        this.#tell(error, share.shard);
        degraded = true;
      }
    };
    await Promise.all(shares.map(ask));
    const through = answers.reduce((least, { reply }) => Math.min(least, reply.through), Infinity);
    const rerouted = answers.some(({ reply }) => reply.dataCenter !== identity.dataCenter);
    return { rows, through, degraded, rerouted, answers };
  }

  /** Batches that all shards of this data center know. @throws StarlingError where one does not answer in time. */
  async standing(deadlineMs: number): Promise<number> {
    const { bus, config, identity } = this.#context;
    const { hash: specHash, of } = this.#blueprint;
    const none = new Uint32Array(0);
    const request = lookupMessage(
      { specHash, partitions: none, counts: none, fids: none },
      of.name,
    );
    const shards = Array.from({ length: config.actors['serving-shard'] }, (_unused, i) => i);
    const known = await Promise.all(
      shards.map(async (shard) => {
        const subject = bus.names.subject.lookupAt(identity.dataCenter, firstIndexOf(of) + shard);
        const reply = await call(bus, subject, request, { deadlineMs, retry: 'none' });
        return parseLookupReply(reply, 0, of.name).through;
      }),
    );
    return Math.min(...known);
  }

  async #ask(
    { shard, partitions, counts, fids }: ShardShare,
    deadline: Pick<Deadline, 'share'>,
    since: RowChangesSince | undefined,
  ): Promise<LookupReply> {
    const { dim, hash: specHash, of } = this.#blueprint;
    const { subject } = this.#context.bus.names;
    const groups = { specHash, partitions, counts, fids };
    const request = lookupMessage(since ? { ...groups, since } : groups, of.name);
    const deadlineMs = deadline.share(lookupShare, lookupMsMax);
    // Where nobody answers now, somebody may in a second; the request can't wait for that.
    const options = { deadlineMs, retry: 'none' as const };
    const at = (dataCenter: string): string =>
      subject.lookupAt(dataCenter, firstIndexOf(of) + shard);
    const reply = await this.#hedges.call(
      subject.lookup(firstIndexOf(of) + shard),
      at,
      request,
      options,
    );
    return parseLookupReply(reply, (fids.length / 2) * dim, of.name);
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
