import type { Cancel } from '../../core/base/clock.js';
import { codeOf, messageOf } from '../../core/base/errors.js';
import { parseReleaseCommand, releaseReply } from '../../messages/join-owners.js';
import { firstOwnerOf, type JoinDirectory } from '../../replication/join-directory.js';
import type { ActorContext } from '../../runtime/actor.js';
import { ServedEndpoint } from '../../runtime/serve-endpoint.js';
import type { PartitionFigures } from './joiner-stats.js';
import type { JoinPartition } from './join-partition.js';

/**
 * For the leader to say who has a partition that was released. Too low: the joiner begins with it again while the other does, and one of
 * them is fenced. Too high: nobody has it, where the leader is lost meanwhile.
 */
const releasedMs = 30_000;
const releaseMsMax = 60_000;

export interface HeldPorts {
  readonly context: Pick<
    ActorContext,
    'bus' | 'clock' | 'config' | 'crash' | 'identity' | 'log' | 'stores'
  >;
  /** Of JOIN, in all. */
  readonly partitions: number;
  readonly directory: JoinDirectory;
  readonly begin: (partition: number) => Promise<JoinPartition>;
}

interface Held {
  readonly partition: JoinPartition;
  readonly endpoint: ServedEndpoint;
}

/**
 * The partitions of JOIN that this joiner has by the word of the leader. One that goes elsewhere is released first: what was in hand is
 * published when that is answered. Where the word comes without it, both may be at work for a moment; the stream of samples lets only one go on.
 */
export class HeldPartitions {
  readonly #ports: HeldPorts;
  readonly #held = new Map<number, Held>();
  /** What is done with a partition is done one after the other. */
  readonly #turns = new Map<number, Promise<void>>();
  /** Revision of the word by which it was released. */
  readonly #released = new Map<number, number>();
  readonly #timers = new Map<number, Cancel>();
  #batchesBefore = 0;
  #leave: (() => void) | undefined;
  #started = false;
  #stopping = false;

  constructor(ports: HeldPorts) {
    this.#ports = ports;
  }

  /** Resolves when all that are its own are at work. */
  async start(): Promise<void> {
    const { context, directory, partitions } = this.#ports;
    const all = Array.from({ length: partitions }, (_unused, partition) => this.#heed(partition));
    await Promise.all(all);
    this.#leave = directory.onChange((partition) => {
      if (partition < partitions) this.#heed(partition).catch(context.crash);
    });
    this.#started = true;
    // What was said in between.
    await Promise.all([...this.#turns.keys()].map((partition) => this.#heed(partition)));
  }

  async stop(): Promise<void> {
    this.#stopping = true;
    this.#leave?.();
    for (const cancel of this.#timers.values()) cancel();
    // One that was beginning when the joiner was to stop is not waited for: its store is whole at any time.
    if (this.#started) await Promise.all(this.#turns.values());
    // They are still told of: what was counted last is theirs.
    const ends = [...this.#held.values()].flatMap((held) => [held.partition, held.endpoint]);
    await Promise.all(ends.map((each) => each.stop()));
  }

  get figures(): ReadonlyMap<number, PartitionFigures> {
    return new Map([...this.#held].map(([number, each]) => [number, each.partition.figures()]));
  }

  /** Messages of samples of partitions that are elsewhere now. */
  get batchesBefore(): number {
    return this.#batchesBefore;
  }

  #heed(partition: number): Promise<void> {
    const turn = (this.#turns.get(partition) ?? Promise.resolve()).then(() =>
      this.#follow(partition),
    );
    this.#turns.set(
      partition,
      turn.catch(() => undefined),
    );
    return turn;
  }

  async #follow(partition: number): Promise<void> {
    if (this.#stopping) return;
    const { context, begin } = this.#ports;
    const isHeld = this.#held.has(partition);
    if (this.#isOwn(partition) && !this.#isReleased(partition)) {
      if (isHeld) return;
      const begun = await begin(partition);
      this.#held.set(partition, { partition: begun, endpoint: this.#serve(partition) });
      if (this.#stopping) await this.#end(partition);
      return;
    }
    if (isHeld) await this.#end(partition);
    if (this.#isOwn(partition)) return;
    // Of no use any more: it goes on elsewhere, with a snapshot.
    await context.stores
      .removeJoinStore(partition)
      .catch((error: unknown) =>
        context.log.warn(
          { partition, code: codeOf(error), err: messageOf(error) },
          'window not removed',
        ),
      );
  }

  async #end(partition: number): Promise<void> {
    const held = this.#held.get(partition);
    if (!held) return;
    await held.partition.stop();
    this.#batchesBefore += held.partition.figures().batchesPublished;
    this.#held.delete(partition);
    // Not waited for: it may be what is being answered.
    void held.endpoint.stop();
  }

  #serve(partition: number): ServedEndpoint {
    const { bus } = this.#ports.context;
    return new ServedEndpoint(bus, {
      subject: bus.names.subject.joinRelease(partition),
      inFlightMax: 2,
      deadlineMs: releaseMsMax,
      handle: (value) => this.#release(partition, value),
    });
  }

  async #release(partition: number, value: unknown) {
    const { clock, crash, log } = this.#ports.context;
    const { directory } = this.#ports;
    directory.refuseFormerLeader(parseReleaseCommand(value).term);
    this.#released.set(partition, directory.entry(partition)?.revision ?? 0);
    await this.#heed(partition);
    log.info({ partition }, 'released');
    this.#timers.get(partition)?.();
    this.#timers.set(
      partition,
      clock.after(releasedMs, () => {
        this.#released.delete(partition);
        this.#heed(partition).catch(crash);
      }),
    );
    return releaseReply();
  }

  #isOwn(partition: number): boolean {
    const { context, directory } = this.#ports;
    const owner = directory.entry(partition)?.owner;
    return (
      (owner ?? firstOwnerOf(partition, context.config.actors.joiner)) === context.identity.index
    );
  }

  #isReleased(partition: number): boolean {
    const revision = this.#released.get(partition);
    if (revision === undefined) return false;
    if ((this.#ports.directory.entry(partition)?.revision ?? 0) === revision) return true;
    this.#released.delete(partition);
    return false;
  }
}
