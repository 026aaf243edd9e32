import type { VisibleNotice } from '../messages/ranking.js';

type HeardNotice = Pick<VisibleNotice, 'dataCenter' | 'shard' | 'through' | 'resolved'>;

/** What one shard said last, and what was settled by then. */
interface Step {
  readonly through: number;
  readonly resolved: number;
}

/**
 * What serving has learned, from the notices of its shards. A data center knows a batch when each of its shards does, and
 * the cluster when each of its data centers does.
 *
 * Only the shard with partition 0 counts impressions (every batch visits each partition, so one must do the counting).
 * The others tell how far they are; so the count that holds is the one the counting shard had reached by then.
 */
export class VisibleLedger {
  /** Per data center: `through` of each shard. */
  readonly #through = new Map<string, number[]>();
  /** Per data center: steps of the counting shard that others have not reached yet, ascending. */
  readonly #steps = new Map<string, Step[]>();
  readonly #learned = new Map<string, number>();

  constructor(dataCenters: readonly string[], shardCount: number) {
    for (const name of dataCenters) {
      this.#through.set(name, new Array<number>(shardCount).fill(-1));
      this.#steps.set(name, []);
      this.#learned.set(name, 0);
    }
  }

  /** Every shard has been heard of. */
  get complete(): boolean {
    return [...this.#through.values()].every((shards) => shards.every((through) => through >= 0));
  }

  /** All batches up to this SAMPLES sequence are known everywhere; -1 before all shards were heard of. */
  get through(): number {
    return Math.min(...[...this.#through.values()].map((shards) => Math.min(...shards)));
  }

  /** Impressions settled by the batches that are known everywhere. */
  get learned(): number {
    return Math.min(...this.#learned.values());
  }

  /** Notices may come late, twice or out of order, and from a shard that was restarted. */
  observe({ dataCenter, shard, through, resolved }: HeardNotice): void {
    const shards = this.#through.get(dataCenter);
    if (shards?.[shard] === undefined) return;
    shards[shard] = Math.max(shards[shard], through);
    const steps = this.#steps.get(dataCenter)!;
    if (resolved > 0) insert(steps, { through, resolved });
    const known = Math.min(...shards);
    let learned = this.#learned.get(dataCenter)!;
    while (steps.length > 0 && steps[0]!.through <= known) {
      learned = Math.max(learned, steps.shift()!.resolved);
    }
    this.#learned.set(dataCenter, learned);
  }
}

/** Nearly always at the end. */
function insert(steps: Step[], step: Step): void {
  let at = steps.length;
  while (at > 0 && steps[at - 1]!.through > step.through) at--;
  steps.splice(at, 0, step);
}
