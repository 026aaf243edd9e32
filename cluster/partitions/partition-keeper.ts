import { codeOf, messageOf } from '../../core/base/errors.js';
import type { PartitionEntry } from '../../messages/ownership.js';
import { partitionCommand } from '../../messages/ownership.js';
import type { SupervisionEvent } from '../../messages/supervision-events.js';
import type { DirectoryEntry, PartitionDirectory } from '../../replication/partition-directory.js';
import type { Bus } from '../../runtime/bus/bus.js';
import { call } from '../../runtime/idempotent-call.js';
import type { RetryPolicy } from '../../runtime/retry.js';
import { retry } from '../../runtime/retry.js';
import type { Assignment, HostOf } from './ownership-plan.js';
import { balance, followersOf } from './ownership-plan.js';

/** A copy of a large partition takes its time; nothing waits for it. */
const followMsMax = 30 * 60_000;
/** From here on pushes wait. */
const handOverMsMax = 5_000;
/** Of one move, over crashes of either side, whatever they say. */
const movePolicy: RetryPolicy = {
  attemptsMax: 5,
  baseMs: 250,
  capMs: 1_000,
  worth: () => true,
};

export interface KeeperOptions {
  readonly bus: Bus;
  readonly directory: PartitionDirectory;
  readonly partitionCount: number;
  readonly standby: number;
  /** That the partitions are of; left out: `main`. */
  readonly model?: string;
  readonly addressOf: (shard: number) => string;
  /** Where a shard runs, as far as is known. */
  readonly hostOf: HostOf;
  /** Of the leader this works for. */
  readonly term: number;
  readonly record: (event: SupervisionEvent) => void;
}

export interface MoveProgress {
  readonly done: number;
  readonly total: number;
  readonly text: string;
}

/**
 * Keeps the directory: gives out partitions, calls a standby when an owner is lost, moves partitions between shards
 * while they are used. Every change is a compare-and-set, so a second supervisor or a shard that is faster does no
 * harm; every one is an event of supervision.
 */
export class PartitionKeeper {
  readonly #options: KeeperOptions;
  #moving: Promise<unknown> = Promise.resolve();

  constructor(options: KeeperOptions) {
    this.#options = options;
  }

  /**
   * Each partition has an owner among the shards, and its followers; and each entry has this leader's term, so that
   * one of the past finds it changed. A shard that starts takes the next epoch by itself; one that goes on has taken
   * its own already, so a new owner gets a new one.
   *
   * @param atWork shards may be running: they keep what they own, as evening out is for `moveTo` then. Copies are of those
   *   that there are: a leader that died while it made them fewer has left some behind.
   */
  async prepare(shards: readonly number[], atWork: boolean): Promise<void> {
    for (const [partition, planned] of this.#plan(shards).entries()) {
      for (;;) {
        const before = this.#options.directory.entry(partition);
        const kept = atWork && before && before.epoch > 0 && shards.includes(before.owner);
        const wanted = kept ? this.#kept(before, shards) : planned;
        if (before && sameAssignment(before, wanted) && before.term === this.#options.term) break;
        const { owner, followers } = wanted;
        const next = this.#entry({ owner, followers, epoch: epochOf(before, wanted) });
        try {
          await this.#options.directory.update(partition, next, before);
          break;
        } catch (error) {
          // A shard that starts took its next epoch meanwhile.
          if (codeOf(error) !== 'CONFLICT') throw error;
        }
      }
    }
  }

  /** Partitions of a lost shard go to their standbys. Returns how many. */
  async promote(shard: number, reason: string): Promise<number> {
    const { directory } = this.#options;
    const lost = directory.partitions
      .map((partition) => ({ partition, entry: directory.entry(partition)! }))
      .filter(({ entry }) => entry.owner === shard && entry.epoch > 0);
    const promoted = await Promise.all(
      lost.map(({ partition, entry }) => this.#promote(partition, entry, reason)),
    );
    return promoted.filter(Boolean).length;
  }

  /**
   * Moves partitions until `shards` share them evenly; one after the other, and one call after the other.
   * @throws StarlingError what the last try of a move met.
   */
  moveTo(shards: readonly number[], progress: (state: MoveProgress) => void): Promise<number> {
    const moves = this.#moving.catch(() => undefined).then(() => this.#moveAll(shards, progress));
    this.#moving = moves;
    return moves;
  }

  #plan(shards: readonly number[]): Assignment[] {
    const { directory, partitionCount, standby } = this.#options;
    const owners = Array.from(
      { length: partitionCount },
      (_unused, partition) =>
        directory.entry(partition)?.owner ?? shards[partition % shards.length]!,
    );
    return balance(owners, shards, standby, this.#options.hostOf);
  }

  /** Of an owner that goes on. */
  #kept({ owner, followers }: Assignment, shards: readonly number[]): Assignment {
    if (followers.every((shard) => shards.includes(shard))) return { owner, followers };
    const { standby, hostOf } = this.#options;
    return { owner, followers: followersOf(owner, shards, standby, hostOf) };
  }

  #entry(entry: Omit<PartitionEntry, 'term'>): PartitionEntry {
    return { ...entry, term: this.#options.term };
  }

  async #promote(partition: number, entry: DirectoryEntry, reason: string): Promise<boolean> {
    const { directory } = this.#options;
    const [heir, ...others] = entry.followers;
    if (heir === undefined) return false;
    const followers = [...others, entry.owner];
    const next = this.#entry({ owner: heir, epoch: entry.epoch + 1, followers });
    try {
      await directory.update(partition, next, entry);
    } catch (error) {
      // It came back and took the partition again, or another supervisor was faster.
      if (codeOf(error) === 'CONFLICT') return false;
      throw error;
    }
    this.#record('promote', heir, `partition ${partition}, ${reason}`, next.epoch);
    return true;
  }

  async #moveAll(
    shards: readonly number[],
    progress: (state: MoveProgress) => void,
  ): Promise<number> {
    const { directory } = this.#options;
    const plan = [...this.#plan(shards).entries()];
    const moves = plan.filter(
      ([partition, { owner }]) => directory.entry(partition)?.owner !== owner,
    );
    for (const [i, [partition, { owner }]] of moves.entries()) {
      const from = directory.entry(partition)!.owner;
      progress({
        done: i,
        total: moves.length,
        text: `partition ${partition}: ps-shard ${from} → ${owner}, copying`,
      });
      const { pauseMs, copyMs } = await this.#move(partition, owner);
      const text = `partition ${partition}: ps-shard ${from} → ${owner}, copied in ${Math.round(copyMs)} ms, pushes paused ${Math.round(pauseMs)} ms`;
      progress({ done: i + 1, total: moves.length, text });
      const { epoch } = directory.entry(partition)!;
      this.#record('move', owner, text, epoch);
    }
    // Where a partition came from or was on the way to keeps no copy, and standbys are on the ring again.
    for (const [partition, { followers }] of plan) await this.#setFollowers(partition, followers);
    return moves.length;
  }

  #move(partition: number, target: number): Promise<{ pauseMs: number; copyMs: number }> {
    return retry(this.#options.bus, movePolicy, () => this.#moveOnce(partition, target), {
      failed: (error) => {
        const detail = `partition ${partition} again: ${codeOf(error)} ${messageOf(error)}`;
        this.#record('move', target, detail, this.#options.directory.entry(partition)?.epoch ?? 0);
      },
    });
  }

  /** Follow, catch up, flip. */
  async #moveOnce(partition: number, target: number) {
    const { bus, directory } = this.#options;
    const startMs = bus.clock.nowMs();
    const before = (await directory.refresh(partition))!;
    if (before.owner === target) return { pauseMs: 0, copyMs: 0 };
    await this.#setFollowers(partition, [...new Set([...before.followers, target])]);
    await this.#ask('catch-up', target, partition, followMsMax);
    // What came in while the first pass ran; from here to the flip there is little left.
    await this.#ask('catch-up', target, partition, followMsMax);
    const pausedAtMs = bus.clock.nowMs();
    const entry = (await directory.refresh(partition))!;
    await this.#ask('release', entry.owner, partition, handOverMsMax);
    const followers = entry.followers.filter((shard) => shard !== target);
    const next = this.#entry({ owner: target, epoch: entry.epoch + 1, followers });
    await directory.update(partition, next, entry);
    // Answered once it is owned.
    await this.#ask('catch-up', target, partition, handOverMsMax);
    return { pauseMs: bus.clock.nowMs() - pausedAtMs, copyMs: pausedAtMs - startMs };
  }

  async #setFollowers(partition: number, followers: readonly number[]): Promise<void> {
    const { directory } = this.#options;
    for (;;) {
      const entry = (await directory.refresh(partition))!;
      const others = followers.filter((shard) => shard !== entry.owner);
      if (sameAssignment(entry, { owner: entry.owner, followers: others })) return;
      const { owner, epoch } = entry;
      try {
        const next = this.#entry({ owner, epoch, followers: others });
        await directory.update(partition, next, entry);
        return;
      } catch (error) {
        if (codeOf(error) !== 'CONFLICT') throw error;
      }
    }
  }

  async #ask(
    verb: 'catch-up' | 'release',
    shard: number,
    partition: number,
    deadlineMs: number,
  ): Promise<void> {
    const { bus, model } = this.#options;
    const name = bus.names.subject.shardControl(verb, shard);
    const command = partitionCommand({ partition, term: this.#options.term }, model);
    await call(bus, name, command, { deadlineMs });
  }

  #record(type: 'promote' | 'move', shard: number, detail: string, epoch: number): void {
    const { bus, addressOf, record } = this.#options;
    record({ atMs: bus.clock.wallMs(), address: addressOf(shard), type, detail, epoch });
  }
}

/** 0 while nobody has ever owned it. */
function epochOf(before: DirectoryEntry | undefined, wanted: Assignment): number {
  if (before === undefined || before.epoch === 0 || before.owner === wanted.owner)
    return before?.epoch ?? 0;
  return before.epoch + 1;
}

function sameAssignment(a: Assignment, b: Assignment): boolean {
  return (
    a.owner === b.owner &&
    a.followers.length === b.followers.length &&
    a.followers.every((shard, i) => shard === b.followers[i])
  );
}
