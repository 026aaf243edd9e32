import type { Logger } from 'pino';
import { StarlingError, codeOf, messageOf } from '../core/base/errors.js';
import { SnapshotReader } from '../core/embedding/snapshot/reader.js';
import type { LoadPolicy } from '../core/embedding/snapshot/load-policy.js';
import type { SnapshotTarget } from '../core/embedding/snapshot/rows.js';
import type { DeltaPart, DeltaPosition } from './delta-chain.js';
import { DeltaChain, logStart } from './delta-chain.js';
import { decode } from '../messages/codec.js';
import { refuseSpec } from '../messages/spec-hash.js';
import type { SnapshotMark } from '../messages/snapshots.js';
import { decodeManifest, decodeMark } from '../messages/snapshots.js';
import type { Bus, StreamMessage } from '../runtime/bus.js';
import type { Following } from '../runtime/followers/follow.js';
import { follow } from '../runtime/followers/follow.js';
import type { SharedTail } from '../runtime/followers/shared-tail.js';
import { retried } from '../runtime/retry-read.js';
import { Turns } from '../runtime/event-loop-turns.js';
import type { SnapshotStore, StoredObject } from '../runtime/stores/snapshot-store.js';

/** What a follower fills. */
export interface FollowerTarget<Part> {
  /** Back to nothing, as before the first delta. */
  reset(): void;
  /** Takes the rows of a snapshot, after a reset. */
  snapshotTarget(): SnapshotTarget;
  /** All rows of the snapshot are in. */
  restored(mark: SnapshotMark): void;
  /** A delta, in order. @param sequence of its last part. */
  apply(parts: readonly Part[], sequence: number): void;
}

export type FollowedSnapshots = Pick<SnapshotStore, 'list' | 'getManifest' | 'get'>;

export interface FollowedPart extends DeltaPart {
  readonly specHash: string;
}

/** The log that is followed, and where its faults are told. */
export interface FollowerContext {
  readonly bus: Pick<Bus, 'names' | 'tail' | 'lastMessage'>;
  readonly log: Pick<Logger, 'error'>;
}

export interface FollowerOptions<Part extends FollowedPart> {
  readonly context: FollowerContext;
  readonly partition: number;
  /** DELTAS, or the copy of its weights in a data center. */
  readonly stream: string;
  readonly subject: string;
  readonly parse: (value: unknown) => Part;
  readonly specHash: string;
  readonly target: FollowerTarget<Part>;
  readonly store: FollowedSnapshots;
  /** Snapshots of another log with the same deltas: tried when those of the own log do not help. */
  readonly elsewhere?: FollowedSnapshots;
  /** Of those that begin together; a follower that begins again does so by itself. */
  readonly shared?: SharedTail;
  readonly loadPolicy?: LoadPolicy;
  /** Applies the log up to this sequence and leaves the rest; for time travel. */
  readonly untilSequence?: number;
  readonly onError: (error: unknown) => void;
}

/** Where a follower stands in the log. */
interface Start {
  readonly position: DeltaPosition;
  readonly sequence: number;
}

/**
 * A follower of one partition's log: newest good snapshot, log from where the snapshot began, then on and on. A
 * recovering owner, a standby, the target of a move, a serving shard and time travel are all this, with another end.
 *
 * A snapshot that can't be read is reported, and the one before it is taken. A gap in the log makes it begin again from
 * a snapshot by itself; one that is still there then can't be mended and is an error.
 */
export class PartitionFollower<Part extends FollowedPart> {
  readonly #options: FollowerOptions<Part>;
  #chain = new DeltaChain<Part>(logStart);
  #following: Following | undefined;
  /** Messages of an earlier tail are not heard any more. */
  #life = 0;
  #sequence = 0;
  #deltas = 0;
  #resyncs = 0;
  #badMessages = 0;
  #waiting: { sequence: number; resolve: () => void }[] = [];
  /** The newest gap, and how often the log was begun again because of it. */
  #gap: { readonly after: number; readonly tries: number } | undefined;
  #restarting: Promise<void> | undefined;
  #failure: unknown;
  #stopped = false;

  constructor(options: FollowerOptions<Part>) {
    this.#options = options;
  }

  get position(): DeltaPosition {
    return this.#chain.position;
  }

  /** The newest delta that came from the log; empty when all there is came from a snapshot. */
  get newestParts(): readonly Part[] {
    return this.#chain.parts;
  }

  /** Of the newest message that was looked at. */
  get sequence(): number {
    return this.#sequence;
  }

  get stats() {
    return { deltas: this.#deltas, resyncs: this.#resyncs, badMessages: this.#badMessages };
  }

  /** Resolves when what was in the log at the start is in the target. */
  async start(): Promise<void> {
    await this.#begin(await this.#load());
    while (this.#restarting) await this.#restarting;
    if (this.#failure !== undefined) throw this.#failure as Error;
  }

  async stop(): Promise<void> {
    this.#stopped = true;
    this.#life++;
    await this.#following?.stop();
    this.#following = undefined;
  }

  /** Resolves when all that is in the log now is in the target, with the sequence of the last message, or 0. */
  async catchUp(): Promise<number> {
    const { context, stream, subject } = this.#options;
    const end = (await context.bus.lastMessage(stream, subject))?.sequence ?? 0;
    await this.#reach(end);
    return end;
  }

  #reach(sequence: number): Promise<void> {
    if (this.#sequence >= sequence) return Promise.resolve();
    return new Promise((resolve) => this.#waiting.push({ sequence, resolve }));
  }

  async #begin(start: Start): Promise<void> {
    const { context, stream, subject, shared, onError } = this.#options;
    const life = ++this.#life;
    this.#chain = new DeltaChain(start.position);
    this.#sequence = start.sequence;
    const hear = (message: StreamMessage): void => {
      if (life === this.#life) this.#hear(message);
    };
    const options = { stream, filter: subject, fromSequence: start.sequence + 1 };
    // A busy server may take its time to find where to begin; the rows that were read must not be read again for that.
    const following = await retried(() =>
      shared?.isGathering
        ? shared.follow(options, hear)
        : follow(context.bus, options, hear, onError),
    );
    // Stopped, or beginning again, since the tail was asked for.
    if (life !== this.#life) return following.stop();
    this.#following = following;
    await following.caughtUp;
  }

  #hear(message: StreamMessage): void {
    const { untilSequence = Infinity } = this.#options;
    if (message.sequence > untilSequence) return;
    const verdict = this.#take(message);
    if (verdict === 'gap') return this.#resynchronize(message);
    this.#sequence = message.sequence;
    if (verdict === 'complete') {
      this.#deltas++;
      this.#options.target.apply(this.#chain.parts, message.sequence);
    }
    if (this.#waiting.length === 0) return;
    const reached = this.#waiting.filter(({ sequence }) => sequence <= message.sequence);
    this.#waiting = this.#waiting.filter(({ sequence }) => sequence > message.sequence);
    for (const { resolve } of reached) resolve();
  }

  #take(message: StreamMessage) {
    const { parse, specHash } = this.#options;
    try {
      const part = parse(decode(message.bytes));
      refuseSpec(part.specHash, specHash, message.subject);
      return this.#chain.take(part);
    } catch (error) {
      if (codeOf(error) === 'SPEC_MISMATCH') throw error;
      // Nobody's delta: left out here. Had it been one, the next delta shows the gap.
      this.#badMessages++;
      const { context, partition } = this.#options;
      context.log.error(
        { partition, sequence: message.sequence, code: codeOf(error), err: messageOf(error) },
        'a message in the delta log can not be read',
      );
      return 'stale';
    }
  }

  #resynchronize({ sequence }: StreamMessage): void {
    const { context, partition, onError } = this.#options;
    const after = this.#chain.position.deltaNumber;
    this.#life++;
    this.#resyncs++;
    const tries = this.#gap?.after === after ? this.#gap.tries + 1 : 1;
    this.#gap = { after, tries };
    context.log.error({ partition, after, sequence, tries }, 'gap in the delta log');
    // Not from within the tail that is to end.
    this.#restarting = new Promise((resolve) => setImmediate(resolve))
      .then(() => this.#restart(tries))
      .catch((error: unknown) => {
        this.#failure = error;
        onError(error);
      });
  }

  /** First from the own snapshots, which may have become newer; the second time from those of elsewhere. */
  async #restart(tries: number): Promise<void> {
    this.#restarting = undefined;
    await this.#following?.stop();
    if (this.#stopped) return;
    if (tries === 1) return this.#begin(await this.#load());
    const { elsewhere, partition, stream } = this.#options;
    // Sequences of another log mean nothing here: the own one is read from its beginning, and most of it is stale.
    if (tries === 2 && elsewhere)
      return this.#begin({ ...(await this.#load(elsewhere)), sequence: 0 });
    const after = this.#gap!.after;
    const text = `${stream}: partition ${partition} can't be followed past delta ${after}: what comes next is missing, and no snapshot covers it.`;
    throw new StarlingError('CORRUPT', text, { partition, after });
  }

  /** The newest snapshot that can be read, or nothing at all. */
  async #load(store = this.#options.store): Promise<Start> {
    const { target, partition, context, untilSequence = Infinity } = this.#options;
    for (const snapshot of await store.list()) {
      target.reset();
      try {
        const bytes = await store.getManifest(snapshot);
        const manifest = bytes && decodeManifest(bytes);
        const object = manifest?.objects.find((each) => each.partition === partition);
        if (!object || object.endSequence > untilSequence) continue;
        refuseSpec(manifest!.specHash, this.#options.specHash, `snapshot ${snapshot}`);
        return await this.#loadObject(store, snapshot, object);
      } catch (error) {
        if (codeOf(error) === 'SPEC_MISMATCH') throw error;
        context.log.error(
          { partition, snapshot, code: codeOf(error), err: messageOf(error) },
          'snapshot can not be read; taking the one before',
        );
      }
    }
    target.reset();
    return { position: logStart, sequence: 0 };
  }

  async #loadObject(
    store: FollowedSnapshots,
    snapshot: string,
    object: StoredObject,
  ): Promise<Start> {
    const { target, loadPolicy } = this.#options;
    const reader = new SnapshotReader(target.snapshotTarget(), loadPolicy);
    const turns = new Turns();
    for await (const chunk of store.get(snapshot, object)) {
      reader.accept(chunk);
      await turns.give();
    }
    reader.finish();
    const mark = decodeMark(reader.header!.metadata);
    target.restored(mark);
    const { epoch, deltaNumber, sequence } = mark;
    return { position: { epoch, deltaNumber }, sequence };
  }
}
