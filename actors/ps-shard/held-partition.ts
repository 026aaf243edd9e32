import type { Logger } from 'pino';
import { createActor, waitFor, type Actor, type SnapshotFrom } from 'xstate';
import { messageOf } from '../../core/base/errors.js';
import type { PartitionEntry } from '../../messages/ownership.js';
import { fenced, notOwner } from '../../messages/ownership.js';
import type { SnapshotMark } from '../../messages/snapshots.js';
import { machineClock } from '../../runtime/machine-clock.js';
import type { TrainedPartition } from '../../replication/trained-partition.js';
import { HeldRows } from './held-rows.js';
import type { RowsPorts } from './held-rows.js';
import type { StepPorts } from './ownership-steps.js';
import { OwnershipSteps } from './ownership-steps.js';
import type { DirectoryNews, OwnershipEvent, OwnershipReport } from './ownership.machine.js';
import { ownershipMachine } from './ownership.machine.js';
import type { PartitionPublisher } from './partition-publisher.js';
import { isTakeover } from './partition-publisher.js';

export interface HolderPorts extends RowsPorts, StepPorts {
  readonly bus: RowsPorts['bus'];
  /** Of the shard. */
  readonly address: string;
  readonly log: Pick<Logger, 'info' | 'warn'>;
  /** What no further try mends: the process ends. */
  readonly crash: (error: unknown) => void;
}

interface Accepted {
  readonly epoch: number;
  readonly publisher: PartitionPublisher;
}

/**
 * One partition in a shard. What it is to the shard, ownership.machine.ts decides; here its effects are carried out, one
 * at a time, and what becomes of them is told to it. Requests ask one field: the epoch that is accepted now, if any.
 */
export class HeldPartition {
  readonly number: number;
  readonly #ports: HolderPorts;
  readonly #rows: HeldRows;
  readonly #machine: Actor<typeof ownershipMachine>;
  /** What pulls and pushes are accepted for; undefined while none are. */
  #accepted: Accepted | undefined;
  /** The newest step: what becomes of one that the machine has left behind is not told. */
  #step = new AbortController();
  #failure: unknown;

  constructor(number: number, ports: HolderPorts) {
    this.number = number;
    this.#ports = ports;
    this.#rows = new HeldRows(number, ports, {
      onFollowerFailed: (error) => this.#send({ type: 'FAILED', error }),
      onLost: (error) => this.#lose(error),
    });
    this.#machine = createActor(this.#provided(), { clock: machineClock(ports.bus.clock) });
    this.#machine.subscribe((snapshot) => this.#observe(snapshot));
    this.#machine.start();
  }

  get partition(): TrainedPartition {
    return this.#rows.partition;
  }

  /** Nobody else is, as far as is known here; it need not accept anything at this moment. */
  get isOwned(): boolean {
    return this.#machine.getSnapshot().matches('owned');
  }

  get isAccepting(): boolean {
    return this.#accepted !== undefined;
  }

  get isFollowed(): boolean {
    return this.#rows.isFollowed;
  }

  get stats() {
    return this.#rows.stats;
  }

  /** Where the rows stand in the log; of an owner without what is not yet durable. */
  get mark(): Pick<SnapshotMark, 'epoch' | 'deltaNumber' | 'sequence'> {
    return this.#rows.mark;
  }

  /**
   * The publisher of an owned partition.
   * @param epoch that the caller knows; undefined: whatever it is.
   * @throws StarlingError NOT_OWNER, or FENCED when caller and owner know of different epochs.
   */
  owned(epoch?: number): PartitionPublisher {
    const accepted = this.#accepted;
    if (accepted === undefined) throw notOwner(this.#ports.address, this.number);
    if (epoch === undefined || epoch === accepted.epoch) return accepted.publisher;
    if (epoch > accepted.epoch) this.#send({ type: 'CHALLENGED' });
    const text = `the request for partition ${this.number} carries epoch ${epoch}, ${this.#ports.address} is at ${accepted.epoch}.`;
    throw fenced(text, {
      partition: this.number,
      requestEpoch: epoch,
      ownerEpoch: accepted.epoch,
    });
  }

  /** The directory has something to say of it, or said it before there was anybody here to listen. */
  heed(): void {
    const { directory, index } = this.#ports;
    const entry = directory.entry(this.number);
    if (entry) this.#send({ type: 'DIRECTORY', ...newsOf(entry, index) });
  }

  /** As `heed`, by what the bucket itself says, as the watch may be a little behind. Resolves as `settled` does. */
  async heedNow(): Promise<void> {
    await this.#ports.directory.refresh(this.number);
    this.heed();
    await this.settled();
  }

  /** Resolves when it is what the directory says, or waits for others. @throws whatever no further try mends. */
  async settled(): Promise<void> {
    await waitFor(this.#machine, (snapshot) => snapshot.hasTag('settled'));
    if (this.#failure !== undefined) throw this.#failure as Error;
  }

  /** The lease of the shard had run out and is held again. */
  lapsed(): void {
    this.#send({ type: 'LAPSED' });
  }

  /** @throws StarlingError NOT_OWNER where the partition is not followed. */
  async catchUp(): Promise<void> {
    if (!this.isFollowed) throw notOwner(this.#ports.address, this.number);
    await this.#rows.catchUp();
  }

  /**
   * No more pulls and pushes; resolves when all that was applied is in the log. If nobody is named the next owner, the
   * partition is taken back.
   * @throws StarlingError NOT_OWNER where nothing is accepted, or somebody else was faster.
   */
  async release(): Promise<void> {
    // Asked twice is as good as once: the first answer may have been lost.
    if (!this.#machine.getSnapshot().matches('handingOver')) this.owned();
    this.#send({ type: 'RELEASE' });
    await this.settled();
    if (!this.#machine.getSnapshot().matches('handingOver'))
      throw notOwner(this.#ports.address, this.number);
  }

  /** Refuses pulls and pushes during `work`, then makes what it changed durable. */
  async whilePaused<T>(work: (publisher: PartitionPublisher) => Promise<T>): Promise<T> {
    const publisher = this.owned();
    await publisher.durable();
    if (this.owned() !== publisher) throw notOwner(this.#ports.address, this.number);
    this.#send({ type: 'PAUSE' });
    try {
      const result = await work(publisher);
      await publisher.durable();
      return result;
    } finally {
      if (this.#rows.publisher === publisher) this.#send({ type: 'RESUME' });
    }
  }

  /** What was applied is made durable first. */
  async stop(): Promise<void> {
    this.#send({ type: 'STOP' });
    await waitFor(this.#machine, ({ status }) => status === 'done');
  }

  #provided() {
    const steps = new OwnershipSteps(this.number, this.#ports, this.#rows);
    return ownershipMachine.provide({
      actions: {
        follow: () => this.#begin(() => steps.follow()),
        claim: (_, { epoch }) => this.#begin(() => steps.claim(epoch)),
        catchUp: () => this.#begin((signal) => steps.catchUp(signal)),
        look: () => this.#begin((signal) => steps.look(signal)),
        open: (_, { epoch }) => this.#begin(() => steps.open(epoch)),
        confirm: (_, { epoch }) => this.#begin((signal) => steps.confirm(epoch, signal)),
        flush: () => this.#begin(() => steps.flush()),
        close: () => this.#rows.close(),
        drop: () => this.#begin(() => steps.drop()),
        crash: (_, { error }) => this.#crash(error),
        report: (_, { what, epoch }) => this.#report(what, epoch),
      },
    });
  }

  /** Carries out what the machine asks for, and tells what became of it if it still wants to know. */
  #begin(work: (signal: AbortSignal) => Promise<OwnershipEvent>): void {
    this.#step.abort();
    const { signal } = (this.#step = new AbortController());
    const end = (event: OwnershipEvent): void => {
      if (signal.aborted) return;
      // What the directory said meanwhile comes first.
      this.heed();
      this.#send(event);
    };
    work(signal).then(end, (error: unknown) => end({ type: 'FAILED', error }));
  }

  #observe(snapshot: SnapshotFrom<typeof ownershipMachine>): void {
    const { epoch } = snapshot.context;
    const { publisher } = this.#rows;
    const accepts = snapshot.hasTag('accepting') && publisher !== undefined;
    this.#accepted = accepts ? { epoch, publisher } : undefined;
  }

  #send(event: OwnershipEvent): void {
    if (this.#machine.getSnapshot().status === 'active') this.#machine.send(event);
  }

  #lose(error: unknown): void {
    if (!isTakeover(error)) return this.#send({ type: 'FAILED', error });
    const fields = { partition: this.number, err: messageOf(error) };
    this.#ports.log.warn(fields, 'the log has records of another owner');
    this.#send({ type: 'LOST' });
  }

  #crash(error: unknown): void {
    this.#failure = error;
    this.#ports.crash(error);
  }

  #report(what: OwnershipReport, epoch: number): void {
    const { log } = this.#ports;
    const fields = { partition: this.number, epoch };
    if (what === 'owned') log.info(fields, 'partition is owned');
    if (what === 'fenced') log.warn(fields, 'partition is another’s now');
    if (what === 'taken back') log.warn(fields, 'nobody took the partition; taken back');
  }
}

/** What an entry of the directory means for one shard. */
function newsOf({ owner, followers, epoch }: PartitionEntry, index: number): DirectoryNews {
  const role = owner === index ? 'owner' : followers.includes(index) ? 'follower' : 'none';
  return { role, epoch };
}
