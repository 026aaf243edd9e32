import type { FollowedSnapshots, FollowerContext } from '../runtime/followers/follower.js';
import { Follower } from '../runtime/followers/follower.js';
import type { SharedTail } from '../runtime/followers/shared-tail.js';
import type { DeltaPosition } from './delta-chain.js';
import type { FollowedPart, PartitionFoldOptions } from './partition-fold.js';
import { PartitionFold } from './partition-fold.js';

export interface PartitionFollowerOptions<Part extends FollowedPart> extends Omit<
  PartitionFoldOptions<Part>,
  'log'
> {
  readonly context: FollowerContext;
  /** DELTAS, or the copy of its weights in a data center. */
  readonly stream: string;
  readonly subject: string;
  readonly store: FollowedSnapshots;
  /** Snapshots of another log with the same deltas. */
  readonly elsewhere?: FollowedSnapshots;
  readonly shared?: SharedTail;
  readonly onError: (error: unknown) => void;
}

/** A follower of one partition's log, and what is asked of it: a `Follower` and its `PartitionFold`. */
export class PartitionFollower<Part extends FollowedPart> {
  readonly #follower: Follower<PartitionFold<Part>>;

  constructor(options: PartitionFollowerOptions<Part>) {
    const { context, stream, subject, store, elsewhere, shared, untilSequence, onError } = options;
    this.#follower = new Follower({
      context,
      stream,
      subject,
      store,
      onError,
      fold: new PartitionFold({ ...options, log: context.log }),
      ...(elsewhere ? { elsewhere: [elsewhere] } : {}),
      ...(shared ? { shared } : {}),
      ...(untilSequence === undefined ? {} : { untilSequence }),
    });
  }

  get position(): DeltaPosition {
    return this.#follower.fold.position;
  }

  /** @see PartitionFold */
  get newestParts(): readonly Part[] {
    return this.#follower.fold.newestParts;
  }

  /** Of the newest message that was looked at. */
  get sequence(): number {
    return this.#follower.sequence;
  }

  get stats() {
    const { records: deltas, resyncs } = this.#follower.stats;
    return { deltas, resyncs, badMessages: this.#follower.fold.badMessages };
  }

  start(): Promise<void> {
    return this.#follower.start();
  }

  stop(): Promise<void> {
    return this.#follower.stop();
  }

  /** Resolves when all that is in the log now is in the target, with the sequence of the last message, or 0. */
  catchUp(): Promise<number> {
    return this.#follower.catchUp();
  }
}
