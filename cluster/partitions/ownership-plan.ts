/**
 * Who should own which partition: pure functions, so that every supervisor that knows the directory plans the same.
 * Shards are indices; partitions are 0 … count − 1.
 */
export interface Assignment {
  readonly owner: number;
  readonly followers: readonly number[];
}

/**
 * Even shares, with as few moves as possible: a partition stays where it is while its shard is wanted and has no more
 * than its share. Shards that have most already get the shares that are one larger.
 *
 * @param owners current owner per partition; undefined for one that has none.
 * @param shards those that are to own something, at least one.
 * @param standby copies of each partition, fewer than shards.
 * @param hostOf where a shard runs, as far as is known.
 */
export function balance(
  owners: readonly (number | undefined)[],
  shards: readonly number[],
  standby: number,
  hostOf: HostOf = () => undefined,
): Assignment[] {
  const held = new Map<number, number>(shards.map((shard) => [shard, 0]));
  for (const owner of owners)
    if (owner !== undefined && held.has(owner)) held.set(owner, held.get(owner)! + 1);
  const quotas = quotasOf(held, owners.length);
  const given = new Map<number, number>(shards.map((shard) => [shard, 0]));
  const stays = owners.map((owner) => {
    if (owner === undefined || given.get(owner) === undefined) return undefined;
    if (given.get(owner)! >= quotas.get(owner)!) return undefined;
    given.set(owner, given.get(owner)! + 1);
    return owner;
  });
  return stays.map((stay) => {
    const owner = stay ?? shards.find((shard) => given.get(shard)! < quotas.get(shard)!)!;
    if (stay === undefined) given.set(owner, given.get(owner)! + 1);
    return { owner, followers: followersOf(owner, shards, standby, hostOf) };
  });
}

export type HostOf = (shard: number) => string | undefined;

/**
 * The shards after the owner, around the ring: what one shard owns is copied by the next that runs on another host, so
 * that a host never takes both. Where all shards are on one host, a copy in another process is what can be had.
 */
export function followersOf(
  owner: number,
  shards: readonly number[],
  standby: number,
  hostOf: HostOf = () => undefined,
): number[] {
  const ring = [...shards].sort((a, b) => a - b);
  const at = ring.indexOf(owner);
  const after = [...ring.slice(at + 1), ...ring.slice(0, at)];
  const host = hostOf(owner);
  const apart = after.filter((shard) => hostOf(shard) !== undefined && hostOf(shard) !== host);
  return (apart.length > 0 && host !== undefined ? apart : after).slice(0, standby);
}

function quotasOf(held: ReadonlyMap<number, number>, partitions: number): Map<number, number> {
  const even = Math.floor(partitions / held.size);
  const larger = partitions % held.size;
  const byHolding = [...held].sort(([a, x], [b, y]) => y - x || a - b);
  return new Map(byHolding.map(([shard], i) => [shard, even + (i < larger ? 1 : 0)]));
}
