import { codeOf, messageOf, StarlingError } from '../../core/base/errors.js';
import { releaseCommand } from '../../messages/join-owners.js';
import type { SupervisionEvent } from '../../messages/supervision-events.js';
import { firstOwnerOf, type JoinDirectory } from '../../replication/join-directory.js';
import type { Bus } from '../../runtime/bus/bus.js';
import { call } from '../../runtime/idempotent-call.js';
import { balance } from './ownership-plan.js';
import type { MoveProgress } from './partition-keeper.js';

/** To publish what is in hand. One that hangs is not waited for: the stream of samples fences it. */
const releaseMsMax = 20_000;

export interface JoinKeeperOptions {
  readonly bus: Bus;
  readonly directory: JoinDirectory;
  /** Of JOIN. */
  readonly partitions: number;
  /** Of the configuration: before a leader says otherwise they share the partitions. */
  readonly joiners: number;
  readonly term: number;
  readonly addressOf: (joiner: number) => string;
  /** Puts the windows as they are now into a snapshot: whoever goes on with one begins with it. @throws StarlingError */
  readonly snapshot: () => Promise<void>;
  /** Resolves when the joiner says that it is at work there. @throws StarlingError TIMEOUT */
  readonly untilHeld: (joiner: number, partition: number) => Promise<void>;
  readonly record: (event: SupervisionEvent) => void;
}

/** Says which joiner has which partition of JOIN, and moves them while events come. Every change is a compare-and-set. */
export class JoinKeeper {
  readonly #options: JoinKeeperOptions;
  #moving: Promise<unknown> = Promise.resolve();

  constructor(options: JoinKeeperOptions) {
    this.#options = options;
  }

  /**
   * Each partition is with one of `joiners`, and its entry has this leader's term, so that one of the past finds it changed.
   * @param atWork joiners may be running: they keep what they have, as evening out is for `moveTo` then.
   */
  async prepare(joiners: readonly number[], atWork: boolean): Promise<void> {
    const { directory, term } = this.#options;
    for (const [partition, planned] of this.#plan(joiners).entries()) {
      for (;;) {
        const before = directory.entry(partition);
        const isKept = atWork && joiners.includes(this.#ownerOf(partition));
        const owner = isKept ? this.#ownerOf(partition) : planned;
        if (before?.owner === owner && before.term === term) break;
        try {
          await directory.update(partition, { owner, term }, before);
          break;
        } catch (error) {
          // A leader of the past has written meanwhile, or the watch is behind.
          if (codeOf(error) !== 'CONFLICT') throw error;
        }
      }
    }
  }

  /**
   * Moves partitions until `joiners` share them evenly, one after the other.
   * @returns how many moved.
   * @throws StarlingError what the snapshot met, or a move: what has moved stays, and the rest can be moved later.
   */
  moveTo(joiners: readonly number[], progress: (state: MoveProgress) => void): Promise<number> {
    const moves = this.#moving.catch(() => undefined).then(() => this.#moveAll(joiners, progress));
    this.#moving = moves;
    return moves;
  }

  async #moveAll(
    joiners: readonly number[],
    progress: (state: MoveProgress) => void,
  ): Promise<number> {
    const { snapshot } = this.#options;
    const moves = [...this.#plan(joiners).entries()].filter(
      ([partition, owner]) => this.#ownerOf(partition) !== owner,
    );
    if (moves.length === 0) return 0;
    const total = moves.length;
    progress({ done: 0, total, text: 'writing the windows of joiners' });
    await snapshot();
    for (const [i, [partition, owner]] of moves.entries()) {
      const way = `partition ${partition} of JOIN: joiner ${this.#ownerOf(partition)} → ${owner}`;
      progress({ done: i, total, text: way });
      const pauseMs = await this.#move(partition, owner);
      const text = `${way}, nobody joined for ${Math.round(pauseMs)} ms`;
      this.#record(owner, text);
      progress({ done: i + 1, total, text });
    }
    return total;
  }

  /** @returns how long nobody worked at it. */
  async #move(partition: number, owner: number): Promise<number> {
    const { bus, directory, term, untilHeld } = this.#options;
    const before = await directory.refresh(partition);
    await this.#release(partition);
    const releasedAtMs = bus.clock.nowMs();
    await directory.update(partition, { owner, term }, before);
    await untilHeld(owner, partition);
    return bus.clock.nowMs() - releasedAtMs;
  }

  async #release(partition: number): Promise<void> {
    const { bus, term } = this.#options;
    const subject = bus.names.subject.joinRelease(partition);
    try {
      await call(bus, subject, releaseCommand({ term }), { deadlineMs: releaseMsMax });
    } catch (error) {
      if (codeOf(error) === 'FENCED') throw error;
      // Nobody is there, or nobody answers. What it has not published, the next one does.
      const text = `partition ${partition} of JOIN was not released: ${codeOf(error)}: ${messageOf(error)}`;
      this.#record(this.#ownerOf(partition), text);
    }
  }

  #plan(joiners: readonly number[]): number[] {
    const { partitions } = this.#options;
    const owners = Array.from({ length: partitions }, (_unused, i) => this.#ownerOf(i));
    return balance(owners, joiners, 0).map(({ owner }) => owner);
  }

  #ownerOf(partition: number): number {
    const { directory, joiners } = this.#options;
    return directory.entry(partition)?.owner ?? firstOwnerOf(partition, joiners);
  }

  #record(joiner: number, detail: string): void {
    const { bus, addressOf, record, term } = this.#options;
    const address = addressOf(joiner);
    record({ atMs: bus.clock.wallMs(), address, type: 'move', detail, epoch: term });
  }
}

/** Refused before anything is done. */
export function requireJoinShares(count: number, partitions: number): void {
  if (count <= partitions) return;
  const text = `${count} joiners can't share ${partitions} partitions of JOIN; their number, joining.partitions, is for the life of a cluster.`;
  throw new StarlingError('BAD_REQUEST', text, { field: 'count' });
}
