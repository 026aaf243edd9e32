import type { Logger } from 'pino';
import { turn, type Clock } from '../../core/base/clock.js';
import { StarlingError, codeOf, messageOf } from '../../core/base/errors.js';
import type { Bus } from '../bus/bus.js';
import type { StreamMessage } from '../bus/logs.js';
import { Turns } from '../event-loop-turns.js';
import { retried } from '../retry-read.js';
import type { SnapshotStore, StoredObject } from '../stores/snapshot-store.js';
import type { Fold, Verdict } from './fold.js';
import type { Following } from './follow.js';
import { follow } from './follow.js';
import type { SharedTail } from './shared-tail.js';

/** The log that is followed, and where its faults are told. */
export interface FollowerContext {
  readonly bus: Pick<Bus, 'tail' | 'lastMessage' | 'clock' | 'random'>;
  readonly log: Pick<Logger, 'error'>;
}

export type FollowedSnapshots = Pick<SnapshotStore, 'list' | 'getManifest' | 'get'>;

export interface FollowerOptions<F extends Fold> {
  readonly context: FollowerContext;
  readonly fold: F;
  readonly stream: string;
  /** One subject of it, or all. */
  readonly subject?: string;
  readonly store: FollowedSnapshots;
  /** Snapshots of other logs with the same records: tried one after the other when those of the own log do not help. */
  readonly elsewhere?: readonly FollowedSnapshots[];
  /** Of those that begin together; a follower that begins again does so by itself. */
  readonly shared?: SharedTail;
  /** Takes the log up to this sequence and leaves the rest; for time travel. */
  readonly untilSequence?: number;
  readonly onError: (error: unknown) => void;
}

/** Who waits for a record asks so often whether it is still there. Too often: servers are asked for nothing. Too seldom: one that has gone is waited for as long. */
const lookMs = 1_000;

/**
 * Everything that holds state is this: it takes the newest good snapshot, the log from where the snapshot began, and then
 * the log as it goes on. A recovering owner, a standby, the target of a move, a serving shard, time travel, a feature store
 * and a catalog are this with other folds and other ends. A fold that keeps its state on disk begins with that.
 *
 * A snapshot that can't be read is reported, and the one before it is taken. A gap in the log, as where a log was trimmed
 * while somebody was away, makes it begin again from a snapshot by itself; one that is still there then, after all places
 * where snapshots are kept, can't be mended and is an error.
 */
export class Follower<F extends Fold> {
  readonly fold: F;
  readonly #options: FollowerOptions<F>;
  #following: Following | undefined;
  /** Messages of an earlier tail are not heard any more. */
  #life = 0;
  #endLife: () => void = () => undefined;
  #sequence = 0;
  #records = 0;
  #resyncs = 0;
  #isWhole = false;
  #waiting: { sequence: number; resolve: () => void }[] = [];
  /** The newest gap, and how often the log was begun again because of it. */
  #gap: { readonly place: string; readonly tries: number } | undefined;
  /** The restart that is under way, or was last. */
  #mending: Promise<void> | undefined;
  #failure: unknown;
  #stopped = false;

  constructor(options: FollowerOptions<F>) {
    this.#options = options;
    this.fold = options.fold;
  }

  /** Of the newest message that was looked at. */
  get sequence(): number {
    return this.#sequence;
  }

  /** Whether it has had all that was in the log when it began; not while it mends a gap. */
  get isWhole(): boolean {
    return this.#isWhole;
  }

  /** Records: taken from the log since it was made, and not from a snapshot. */
  get stats() {
    return { records: this.#records, resyncs: this.#resyncs };
  }

  /** Resolves when what was in the log at the start is in the fold. */
  async start(): Promise<void> {
    await this.#begin((await this.fold.resume?.()) ?? (await this.#load(this.#options.store)));
    // A gap that is noticed while one is mended begins another restart.
    for (let mended: Promise<void> | undefined; mended !== this.#mending;) {
      mended = this.#mending;
      await mended;
    }
    if (this.#failure !== undefined) throw this.#failure as Error;
  }

  async stop(): Promise<void> {
    this.#stopped = true;
    this.#nextLife();
    await this.#following?.stop();
    this.#following = undefined;
    // It may be at a snapshot, and whoever stops it closes what it writes to.
    await this.#mending;
  }

  /**
   * Resolves when all that is in the log now is in the fold, with the sequence of the last message, or 0. What goes from the end
   * of the log before it has come is not waited for.
   */
  async catchUp(): Promise<number> {
    let end = await this.#lastSequence();
    while (!(await this.#reaches(end))) end = Math.min(end, await this.#lastSequence());
    return end;
  }

  async #lastSequence(): Promise<number> {
    const { context, stream, subject = '>' } = this.#options;
    return (await context.bus.lastMessage(stream, subject))?.sequence ?? 0;
  }

  #nextLife(): number {
    this.#endLife();
    return ++this.#life;
  }

  /** @returns false where that takes long. Does not resolve where it is stopped. */
  #reaches(sequence: number): Promise<boolean> {
    if (this.#sequence >= sequence) return Promise.resolve(true);
    return new Promise((resolve) => {
      const settle = (isReached: boolean): void => {
        cancel();
        if (!this.#stopped) resolve(isReached);
      };
      const waiting = { sequence, resolve: () => settle(true) };
      const cancel = this.#options.context.bus.clock.after(lookMs, () => {
        this.#waiting = this.#waiting.filter((each) => each !== waiting);
        settle(false);
      });
      this.#waiting.push(waiting);
    });
  }

  async #begin(after: number): Promise<void> {
    const { context, stream, subject, shared, onError } = this.#options;
    const life = this.#nextLife();
    const over = new Promise<void>((resolve) => (this.#endLife = resolve));
    this.#sequence = after;
    const hear = (message: StreamMessage): void | Promise<void> => {
      if (life === this.#life) return this.#hear(message);
    };
    const options = {
      ...(subject === undefined ? {} : { filter: subject }),
      stream,
      fromSequence: after + 1,
    };
    // A busy server may take its time to find where to begin; a snapshot that was read must not be read again for that.
    const following = await retried(context.bus, () =>
      shared?.isGathering
        ? shared.follow(options, hear)
        : follow(context.bus, options, hear, onError),
    );
    // Stopped, or beginning again, since the tail was asked for.
    if (life !== this.#life) return following.stop();
    this.#following = following;
    // What has been stopped catches up no more.
    await Promise.race([following.caughtUp, over]);
    if (life === this.#life) this.#isWhole = true;
  }

  #hear(message: StreamMessage): void | Promise<void> {
    const { untilSequence = Infinity } = this.#options;
    if (message.sequence > untilSequence) return;
    const verdict = this.fold.take(message);
    return typeof verdict === 'string'
      ? this.#settle(verdict, message)
      : verdict.then((later) => this.#settle(later, message));
  }

  #settle(verdict: Verdict, message: StreamMessage): void {
    if (verdict === 'gap') return this.#resynchronize(message);
    this.#sequence = message.sequence;
    if (verdict === 'applied') this.#records++;
    if (this.#waiting.length === 0) return;
    const reached = this.#waiting.filter(({ sequence }) => sequence <= message.sequence);
    this.#waiting = this.#waiting.filter(({ sequence }) => sequence > message.sequence);
    for (const { resolve } of reached) resolve();
  }

  #resynchronize({ sequence }: StreamMessage): void {
    const { context, onError } = this.#options;
    const { facts, place } = this.fold;
    this.#nextLife();
    this.#isWhole = false;
    this.#resyncs++;
    const tries = this.#gap?.place === place ? this.#gap.tries + 1 : 1;
    this.#gap = { place, tries };
    context.log.error({ ...facts, sequence, tries }, 'gap in the log');
    // Not from within the tail that is to end.
    this.#mending = turn(this.#options.context.bus.clock)
      .then(() => this.#restart(tries))
      .catch((error: unknown) => {
        this.#failure = error;
        onError(error);
      });
  }

  /** First from the own snapshots, which may have become newer; then from those of elsewhere. */
  async #restart(tries: number): Promise<void> {
    await this.#following?.stop();
    if (this.#stopped) return;
    const { store, elsewhere = [], stream } = this.#options;
    const source = [store, ...elsewhere][tries - 1];
    if (source) {
      const after = await this.#load(source, tries > 1);
      return this.#stopped ? undefined : this.#begin(after);
    }
    const { name, place, facts } = this.fold;
    const text = `${stream}: ${name} can't be followed past ${place}: what comes next is missing, and no snapshot covers it.`;
    throw new StarlingError('CORRUPT', text, facts);
  }

  /** The newest snapshot that can be read, or nothing at all. */
  async #load(store: FollowedSnapshots, isElsewhere = false): Promise<number> {
    const { context } = this.#options;
    for (const snapshot of await store.list()) {
      if (this.#stopped) return 0;
      await this.fold.reset();
      try {
        const manifest = await store.getManifest(snapshot);
        if (!manifest) continue;
        const chunks = (object: StoredObject) =>
          gently(context.bus.clock, this.#whileWanted(store.get(snapshot, object)));
        const after = await this.fold.load({ snapshot, manifest, isElsewhere, chunks });
        if (after !== undefined) return after;
      } catch (error) {
        if (this.#stopped) return 0;
        if (codeOf(error) === 'SPEC_MISMATCH') throw error;
        context.log.error(
          { ...this.fold.facts, snapshot, code: codeOf(error), err: messageOf(error) },
          'snapshot can not be read; taking the one before',
        );
      }
    }
    await this.fold.reset();
    return 0;
  }

  async *#whileWanted(chunks: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array> {
    for await (const chunk of chunks) {
      if (this.#stopped) throw new StarlingError('UNAVAILABLE', 'it is not followed any more.');
      yield chunk;
    }
  }
}

async function* gently(
  clock: Clock,
  chunks: AsyncIterable<Uint8Array>,
): AsyncGenerator<Uint8Array> {
  const turns = new Turns(clock);
  for await (const chunk of chunks) {
    yield chunk;
    await turns.give();
  }
}
