import { StarlingError, codeOf } from '../../core/base/errors.js';
import { decode, encode } from '../../messages/codec.js';
import type { RowsDelta, StoredSlot, WeightsDelta } from '../../messages/deltas.js';
import { parseDeltaNumber, rowsMessage, weightsMessage } from '../../messages/deltas.js';
import { mainIdentity, type ModelIdentity } from '../../core/base/model-identity.js';
import { messageIdOf } from '../../messages/model-name.js';
import { appendDurably } from '../../runtime/append-durably.js';
import type { DurableLog } from '../../runtime/append-durably.js';
import type { Bus } from '../../runtime/bus/bus.js';
import { retried } from '../../runtime/retry-read.js';

export type LogBus = Pick<Bus, 'names' | 'clock' | 'random' | 'append' | 'lastMessage'>;

export interface LogPorts extends DurableLog {
  readonly bus: LogBus;
}

/** A part of a delta as an owner writes it; the log adds the epoch. */
export type DeltaContent = Omit<RowsDelta, 'epoch'>;

export interface PartitionLogOptions {
  readonly epoch: number;
  /** Of the newest record of rows, which is known to be in the tables; 0 where there is none. */
  readonly sequence: number;
  /** Of the partition, in the order of its tables. */
  readonly slots: readonly StoredSlot[];
  /** That the rows are of; left out: `main`. */
  readonly of?: ModelIdentity | undefined;
}

/**
 * The log of one partition as its one writer sees it. Each record of rows names the sequence of the one before it, so
 * that the stream itself refuses whoever is not the last to have written: two owners can't both succeed, whatever
 * either of them believes. A delta is durable once its rows are in the log.
 *
 * Its weights follow on a subject of their own, for serving, and never before the rows: serving sees nothing that could
 * be lost. They name no sequence, as the copies of the log in other data centers would check it against their own.
 */
export class PartitionLog {
  readonly #ports: LogPorts;
  readonly epoch: number;
  readonly #slots: readonly StoredSlot[];
  readonly #of: ModelIdentity;
  #sequence: number;
  #bytes = 0;
  #serving: Promise<unknown> = Promise.resolve();

  constructor(ports: LogPorts, { epoch, sequence, slots, of = mainIdentity }: PartitionLogOptions) {
    this.#of = of;
    this.#ports = ports;
    this.epoch = epoch;
    this.#sequence = sequence;
    this.#slots = slots;
  }

  /** Of the newest record of rows. */
  get sequence(): number {
    return this.#sequence;
  }

  get bytesWritten(): number {
    return this.#bytes;
  }

  /**
   * The first record of this owner, behind everything that is in the log. The owners before may have died between rows
   * and weights: then their weights are told again, now that no other can follow. It resolves when serving has been told
   * all of it, so that of deltas that change rows at most one, the last, is ever untold.
   *
   * @param newest the last delta before that changes rows, and first records behind it.
   * @throws StarlingError FENCED when the log has more than was known, or the acknowledgement was lost.
   */
  async open(content: DeltaContent, newest: readonly RowsDelta[]): Promise<void> {
    const delta = { ...content, epoch: this.epoch };
    await this.#appendRows(delta);
    await this.#repair(content.partition, newest);
    this.#serve(delta);
    await this.served();
  }

  /**
   * Resolves when the delta is durable; its weights are on their way then.
   * @throws StarlingError FENCED when another owner has written since.
   */
  async append(content: DeltaContent): Promise<void> {
    const delta = { ...content, epoch: this.epoch };
    const { partition, deltaNumber, part } = delta;
    // A copy whose acknowledgement was lost is known by its id; without one it would look like another writer's.
    const id = `r.${this.epoch}.${partition}.${deltaNumber}.${part}`;
    await this.#appendRows(delta, messageIdOf(this.#of, id));
    this.#serve(delta);
  }

  async #appendRows(delta: RowsDelta, messageId?: string): Promise<void> {
    const { stream, subject } = this.#ports.bus.names;
    const { partition } = delta;
    const bytes = encode(rowsMessage(delta, this.#slots, this.#of.name));
    try {
      this.#sequence = await appendDurably(
        this.#ports,
        subject.deltaRows(this.#of.name, partition),
        bytes,
        {
          ...(messageId === undefined ? {} : { messageId }),
          after: { stream: stream.deltas, sequence: this.#sequence },
        },
      );
    } catch (error) {
      throw codeOf(error) === 'CONFLICT' ? this.#fenced(partition, error) : error;
    }
    this.#bytes += bytes.length;
  }

  /** Resolves when the weights of all deltas are in the log too. */
  async served(): Promise<void> {
    await this.#serving;
  }

  async #repair(partition: number, newest: readonly RowsDelta[]): Promise<void> {
    if (newest.length === 0) return;
    const { bus } = this.#ports;
    const name = bus.names.subject.deltaWeights(this.#of.name, partition);
    const found = await retried(bus, () => bus.lastMessage(bus.names.stream.deltas, name));
    const told = found ? parseDeltaNumber(decode(found.bytes)) : { deltaNumber: 0, last: true };
    const whole = told.last ? told.deltaNumber : told.deltaNumber - 1;
    for (const part of newest)
      if (part.deltaNumber > whole) this.#serve({ ...part, epoch: this.epoch });
  }

  #serve(delta: WeightsDelta): void {
    const bytes = encode(weightsMessage(delta, this.#slots, this.#of.name));
    const { epoch, partition, deltaNumber, part } = delta;
    const name = this.#ports.bus.names.subject.deltaWeights(this.#of.name, partition);
    const messageId = messageIdOf(this.#of, `w.${epoch}.${partition}.${deltaNumber}.${part}`);
    this.#bytes += bytes.length;
    this.#serving = this.#serving.then(() =>
      appendDurably(this.#ports, name, bytes, { messageId }),
    );
    // Thrown where it is waited for.
    this.#serving.catch(() => undefined);
  }

  #fenced(partition: number, cause: unknown): StarlingError {
    const text = `another owner has written to partition ${partition} since epoch ${this.epoch}.`;
    return new StarlingError('FENCED', text, { partition, epoch: this.epoch }, { cause });
  }
}
