import type { Owner } from './virtual-time.js';

export interface TimedEvent {
  readonly atMs: number;
  readonly order: number;
  readonly owner: Owner | undefined;
  /** Undefined: called off. */
  run: (() => void) | undefined;
}

/** What will happen, by time, and then in the order in which it was planned: a binary heap. */
export class EventQueue {
  readonly #heap: TimedEvent[] = [];
  #order = 0;

  get size(): number {
    return this.#heap.length;
  }

  push(atMs: number, owner: Owner | undefined, run: () => void): TimedEvent {
    const event: TimedEvent = { atMs, order: this.#order++, owner, run };
    const heap = this.#heap;
    let at = heap.length;
    heap.push(event);
    while (at > 0) {
      const above = (at - 1) >> 1;
      if (!isBefore(event, heap[above]!)) break;
      heap[at] = heap[above]!;
      at = above;
    }
    heap[at] = event;
    return event;
  }

  /** The next one that was not called off, if it is not after `endMs`. */
  pop(endMs: number): TimedEvent | undefined {
    for (let first = this.#heap[0]; first; first = this.#heap[0]) {
      if (first.run && first.atMs > endMs) return undefined;
      this.#removeFirst();
      if (first.run) return first;
    }
    return undefined;
  }

  #removeFirst(): void {
    const heap = this.#heap;
    const last = heap.pop()!;
    if (heap.length === 0) return;
    let at = 0;
    for (;;) {
      let below = 2 * at + 1;
      if (below >= heap.length) break;
      if (below + 1 < heap.length && isBefore(heap[below + 1]!, heap[below]!)) below++;
      if (!isBefore(heap[below]!, last)) break;
      heap[at] = heap[below]!;
      at = below;
    }
    heap[at] = last;
  }
}

function isBefore(a: TimedEvent, b: TimedEvent): boolean {
  return a.atMs < b.atMs || (a.atMs === b.atMs && a.order < b.order);
}
