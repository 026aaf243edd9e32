/**
 * The split of a gather plan (partition-major) into one request per shard. The plan is ordered by partition, so a
 * shard's share is a list of contiguous runs, copied once into its request.
 */
export interface PlanGroups {
  readonly partitionCount: number;
  readonly slotCount: number;
  readonly counts: Uint32Array;
  readonly fids: Uint32Array;
}

export interface ShardShare {
  readonly shard: number;
  readonly partitions: Uint32Array;
  readonly counts: Uint32Array;
  readonly fids: Uint32Array;
  /** Per partition of this share: where its rows start in the plan, and how many there are. */
  readonly starts: Uint32Array;
  readonly lengths: Uint32Array;
}

/** One share per shard that has a partition, whether the plan has rows of it or not. */
export function splitPlan(plan: PlanGroups, shardOf: (partition: number) => number): ShardShare[] {
  const { partitionCount, slotCount, counts } = plan;
  const partitionsOf = new Map<number, number[]>();
  const starts = new Uint32Array(partitionCount);
  const lengths = new Uint32Array(partitionCount);
  let row = 0;
  for (let p = 0; p < partitionCount; p++) {
    const shard = shardOf(p);
    const partitions = partitionsOf.get(shard) ?? [];
    if (partitions.push(p) === 1) partitionsOf.set(shard, partitions);
    starts[p] = row;
    for (let s = 0; s < slotCount; s++) lengths[p] = lengths[p]! + counts[p * slotCount + s]!;
    row += lengths[p]!;
  }
  return [...partitionsOf].map(([shard, list]) => {
    const partitions = Uint32Array.from(list);
    const rows = list.reduce((sum, p) => sum + lengths[p]!, 0);
    const share = {
      shard,
      partitions,
      counts: new Uint32Array(partitions.length * slotCount),
      fids: new Uint32Array(2 * rows),
      starts: partitions.map((p) => starts[p]!),
      lengths: partitions.map((p) => lengths[p]!),
    };
    let at = 0;
    for (const [i, p] of partitions.entries()) {
      share.counts.set(counts.subarray(p * slotCount, (p + 1) * slotCount), i * slotCount);
      share.fids.set(plan.fids.subarray(2 * starts[p]!, 2 * (starts[p]! + lengths[p]!)), 2 * at);
      at += lengths[p]!;
    }
    return share;
  });
}

/** Partitions are hash ranges, and not all are as full as the mean. */
const fullestPartition = 2;

/**
 * The split for shards that hold every `shardCount`th partition: a shard has several shares where one of more than
 * `rowsMax` rows would not fit into a message. One partition is not split.
 */
export function splitEvenly(
  plan: PlanGroups,
  { shardCount, rowsMax }: { readonly shardCount: number; readonly rowsMax: number },
): ShardShare[] {
  const rows = plan.fids.length / 2;
  const parts = Math.max(1, Math.ceil((fullestPartition * rows) / shardCount / rowsMax));
  // A part is of one shard, as there are a multiple of the shards.
  return splitPlan(plan, (partition) => partition % (shardCount * parts)).map((share) => ({
    ...share,
    shard: share.shard % shardCount,
  }));
}

/** Copies a share's rows [rows × dim] to their places in the plan's rows. */
export function scatterShare(
  share: ShardShare,
  shareRows: Float32Array,
  planRows: Float32Array,
  dim: number,
): void {
  let at = 0;
  for (let i = 0; i < share.partitions.length; i++) {
    const length = share.lengths[i]! * dim;
    planRows.set(shareRows.subarray(at, at + length), share.starts[i]! * dim);
    at += length;
  }
}

/** The share's part of the plan's rows, contiguous. */
export function gatherShare(share: ShardShare, planRows: Float32Array, dim: number): Float32Array {
  const rows = new Float32Array((share.fids.length / 2) * dim);
  let at = 0;
  for (let i = 0; i < share.partitions.length; i++) {
    const start = share.starts[i]! * dim;
    const length = share.lengths[i]! * dim;
    rows.set(planRows.subarray(start, start + length), at);
    at += length;
  }
  return rows;
}
