import { codeOf, messageOf } from '../../core/base/errors.js';
import { LatencyHistogram } from '../../core/base/histogram.js';
import type { Samples } from '../../messages/samples.js';
import type { ActorContext } from '../../runtime/actor.js';
import type { WorkMessage } from '../../runtime/bus/work-queues.js';
import type { BatchQueue, QueuedBatch } from './batch-queue.js';
import { selectSamples } from '../../messages/samples.js';
import { isPoison, type BegunStep, type Learner, type Taught } from './learner.js';

/** Weight of the newest step in the shown loss. */
const lossMemory = 0.05;
/** Before a batch that was given back comes again. Too low: what failed fails at once once more. */
const givenBackMs = 100;

export interface TeacherPorts {
  readonly learner: Pick<Learner, 'begin' | 'learn' | 'enter' | 'poisonIn'>;
  readonly queue: Pick<BatchQueue, 'put' | 'take' | 'takeWaiting'>;
  /** @throws StarlingError for what is no batch of samples of this specification. */
  readonly parse: (bytes: Uint8Array) => Samples;
  /** What stands for a batch that can't be read. */
  readonly noSamples: Samples;
  /**
   * Keeps what can't be learned, with the reason.
   * @param isPart of a batch: the rest of it is learned.
   * @throws StarlingError SPEC_MISMATCH for what the next process can read: this one is to end.
   */
  readonly bury: (batch: QueuedBatch, error: unknown, isPart?: boolean) => Promise<void>;
  readonly crash: ActorContext['crash'];
  readonly log: Pick<ActorContext['log'], 'warn'>;
  readonly nowMs: () => number;
  /** What was sent is on its way then. */
  readonly turn: () => Promise<void>;
  /** Steps that may wait for their shards at once. */
  readonly inFlightMax: number;
  /** Deliveries after which a batch that fails for no known reason is poison. */
  readonly deliveriesMax: number;
}

/**
 * Takes batches from the queue to the learner, step by step, and settles each: acknowledged once every partition and the dense
 * shard have it durably, given back when that fails, buried when it fails again and again.
 */
export class BatchTeacher {
  readonly timings = {
    pull: new LatencyHistogram(),
    compute: new LatencyHistogram(),
    settle: new LatencyHistogram(),
  };
  readonly counts = { samples: 0, batches: 0, steps: 0, retried: 0, deadLettered: 0 };
  readonly #ports: TeacherPorts;
  readonly #unsettled = new Set<Promise<void>>();
  #loss = 0;

  constructor(ports: TeacherPorts) {
    this.#ports = ports;
  }

  /** Of the newest steps, about twenty of them. */
  get loss(): number {
    return this.#loss;
  }

  /** Steps that wait for their shards. */
  get unsettled(): number {
    return this.#unsettled.size;
  }

  /** A message of the stream; one that can't be read is buried, and the ledgers pass it. */
  receive(message: WorkMessage): void {
    const { queue, parse, noSamples } = this.#ports;
    try {
      queue.put({ message, samples: parse(message.bytes) });
    } catch (error) {
      void this.#refuse({ message, samples: noSamples }, error);
    }
  }

  /**
   * Resolves when the queue is closed and the last group is on its way. While a step computes the rows of the next one come, if its
   * samples wait already; with nothing waiting a step has the rows behind the last one.
   */
  async run(): Promise<void> {
    const { queue, inFlightMax, turn } = this.#ports;
    let step: BegunStep | undefined;
    for (;;) {
      if (!step) {
        const group = await queue.take();
        if (!group) return;
        step = await this.#begin(group);
        if (!step) continue;
      }
      await step.pulling?.catch(() => undefined); // Judged as the step goes on.
      const waiting = queue.takeWaiting();
      const next: BegunStep | undefined = waiting && (await this.#begin(waiting));
      if (next) await turn();
      await this.#teach(step);
      while (this.#unsettled.size >= inFlightMax) await Promise.race(this.#unsettled);
      step = next;
    }
  }

  /** Undefined for what fails at once, which is given back or buried. */
  async #begin(group: readonly QueuedBatch[]): Promise<BegunStep | undefined> {
    try {
      return this.#ports.learner.begin(group);
    } catch (error) {
      await this.#fail(group, error);
      return undefined;
    }
  }

  /** Resolves when no step waits for its shards any more. */
  async settled(): Promise<void> {
    await Promise.allSettled(this.#unsettled);
  }

  async #teach(step: BegunStep): Promise<void> {
    try {
      this.#settleLater(step.group, await this.#ports.learner.learn(step));
    } catch (error) {
      await this.#fail(step.group, error);
    }
  }

  #settleLater(group: readonly QueuedBatch[], taught: Taught): void {
    const { nowMs } = this.#ports;
    this.counts.steps++;
    this.timings.pull.record(taught.pullMs);
    this.timings.compute.record(taught.computeMs);
    if (taught.rows > 0) this.#show(taught.loss);
    const startMs = nowMs();
    const settling = taught.settled
      .then(async (outcome) => {
        this.timings.settle.record(nowMs() - startMs);
        if (outcome === 'mixed') return this.#teachOneByOne(group);
        this.counts.batches += group.length;
        if (outcome === 'applied') this.counts.samples += taught.rows;
        for (const { message } of group) message.ack();
      })
      .catch((error: unknown) => this.#fail(group, error))
      .finally(() => this.#unsettled.delete(settling));
    this.#unsettled.add(settling);
  }

  #show(loss: number): void {
    this.#loss += (this.counts.steps === 1 ? 1 : lossMemory) * (loss - this.#loss);
  }

  /** Some of the group were applied before a crash; alone, each is either new or a duplicate. */
  async #teachOneByOne(group: readonly QueuedBatch[]): Promise<void> {
    for (const batch of group) {
      try {
        await this.#teachAlone(batch);
        batch.message.ack();
      } catch (error) {
        if (isPoison(error)) await this.#teachTheRest(batch, error);
        else await this.#fail([batch], error);
      }
    }
  }

  async #teachAlone(batch: QueuedBatch): Promise<void> {
    const { learner } = this.#ports;
    const taught = await learner.learn(learner.begin([batch]));
    if ((await taught.settled) === 'applied') this.counts.samples += taught.rows;
    this.counts.batches++;
  }

  /** A batch that spoils its step: what spoils it goes to the dead letters, and the rest is learned. */
  async #teachTheRest(batch: QueuedBatch, error: unknown): Promise<void> {
    const { learner, bury } = this.#ports;
    try {
      const poison = new Set(await learner.poisonIn(batch));
      const { samples } = batch;
      const all = [...samples.items.keys()];
      const rest = all.filter((row) => !poison.has(row));
      if (poison.size === 0 || rest.length === 0) return await this.#refuse(batch, error);
      await this.#teachAlone({ ...batch, samples: selectSamples(samples, rest) });
      await bury({ ...batch, samples: selectSamples(samples, [...poison]) }, error, true);
      this.counts.deadLettered += poison.size;
      batch.message.ack();
    } catch (failure) {
      if (isPoison(failure)) await this.#refuse(batch, failure);
      else await this.#fail([batch], failure);
    }
  }

  async #fail(group: readonly QueuedBatch[], error: unknown): Promise<void> {
    if (isPoison(error)) return this.#teachOneByOne(group);
    const isHopeless = ({ message }: QueuedBatch) =>
      codeOf(error) === 'INTERNAL' && message.deliveries >= this.#ports.deliveriesMax;
    for (const batch of group.filter(isHopeless)) await this.#refuse(batch, error);
    this.#giveBack(
      group.filter((batch) => !isHopeless(batch)),
      error,
    );
  }

  /** Poison: keep it with its error, and let the watermarks pass it. */
  async #refuse(batch: QueuedBatch, error: unknown): Promise<void> {
    const { bury, learner } = this.#ports;
    try {
      await bury(batch, error);
      const entered = await learner.enter([batch]);
      await entered.settled;
      this.counts.deadLettered += batch.samples.items.length;
      batch.message.ack();
    } catch (failure) {
      this.#giveBack([batch], failure);
      if (codeOf(failure) === 'SPEC_MISMATCH') this.#ports.crash(failure);
    }
  }

  #giveBack(group: readonly QueuedBatch[], error: unknown): void {
    this.counts.retried += group.length;
    this.#ports.log.warn(
      { code: codeOf(error), err: messageOf(error), batches: group.length },
      'batches given back',
    );
    for (const { message } of group) message.nak(givenBackMs);
  }
}
