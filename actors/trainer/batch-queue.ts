import type { Samples } from '../../messages/samples.js';
import type { WorkMessage } from '../../runtime/bus/work-queues.js';

export interface QueuedBatch {
  readonly message: WorkMessage;
  readonly samples: Samples;
}

/** Full steps that wait, beyond which steps are larger. Fewer: any burst makes them. More: a backlog is long before it is worked off. */
const stepsBehind = 4;

/**
 * Sample batches waiting for a step. What queues up while a step runs is learned from in one go, up to `rowsMax`
 * samples: small steps when the stream is quiet, large ones when it is not, and larger ones still, up to `rowsLagging`, when it is far behind.
 */
export class BatchQueue {
  readonly #rowsMax: number;
  readonly #rowsLagging: number;
  #rows = 0;
  #waiting: QueuedBatch[] = [];
  #wake: (() => void) | undefined;
  #closed = false;

  constructor(rowsMax: number, rowsLagging = rowsMax) {
    this.#rowsMax = rowsMax;
    this.#rowsLagging = Math.max(rowsMax, rowsLagging);
  }

  get length(): number {
    return this.#waiting.length;
  }

  /** One that is delivered again while it waits takes the place of itself: a step that had it twice would count it twice. */
  put(batch: QueuedBatch): void {
    const { sequence } = batch.message;
    const at = this.#waiting.findIndex(({ message }) => message.sequence === sequence);
    if (at >= 0) this.#waiting[at] = batch;
    else {
      this.#waiting.push(batch);
      this.#rows += batch.samples.items.length;
    }
    this.#wake?.();
  }

  /** Takes no more, and gives back what nobody has taken. */
  close(): QueuedBatch[] {
    this.#closed = true;
    this.#wake?.();
    this.#rows = 0;
    return this.#waiting.splice(0);
  }

  /** The next group, at least one batch; undefined once closed. */
  async take(): Promise<QueuedBatch[] | undefined> {
    while (this.#waiting.length === 0 && !this.#closed) {
      await new Promise<void>((resolve) => (this.#wake = resolve));
      this.#wake = undefined;
    }
    return this.takeWaiting();
  }

  /** The same of what is there; undefined where nothing is. */
  takeWaiting(): QueuedBatch[] | undefined {
    if (this.#closed || this.#waiting.length === 0) return undefined;
    const isBehind = this.#rows > stepsBehind * this.#rowsMax;
    const rowsMax = isBehind ? this.#rowsLagging : this.#rowsMax;
    let rows = 0;
    let count = 0;
    while (count < this.#waiting.length) {
      const more = this.#waiting[count]!.samples.items.length;
      if (count > 0 && rows + more > rowsMax) break;
      rows += more;
      count++;
    }
    this.#rows -= rows;
    return this.#waiting.splice(0, count);
  }
}
