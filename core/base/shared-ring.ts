import { assert } from './assert.js';
import { StarlingError } from './errors.js';

/**
 * Batches from one thread to another through shared memory: a ring of slots of one size, one producer, one consumer. A slot is
 * written and read in place, so what crosses is copied once by who writes it and not at all by who reads it; nothing is posted,
 * allocated or encoded on the way.
 *
 *   control  i32: produced, consumed            both only ever rise; a slot is theirs modulo `slots`
 *   data     slots × slotWords words of 4 bytes
 *
 * Who finds it full or empty looks for some microseconds and then sleeps (Atomics.wait), so it must not be the thread that draws the
 * terminal. A thread that is gone would be waited for without end: `alarm`, shared by all of them, wakes everybody.
 */
export interface RingMemory {
  readonly control: SharedArrayBuffer;
  readonly data: SharedArrayBuffer;
  readonly slots: number;
  readonly slotWords: number;
}

/** Set by whoever sees that a thread is gone. */
export type Alarm = Int32Array;

const producedAt = 0;
const consumedAt = 1;
const isRaised = 1;

/** Looks before it sleeps. Too few: a wake-up, tens of microseconds, for an answer that was nearly there. Too many: a core that somebody else needs. */
const looks = 1_000;
/** Between two looks at the alarm. */
const sleepMs = 50;

export function ringMemory(slots: number, slotWords: number): RingMemory {
  // Counts wrap around at 2^32, and slots are theirs modulo.
  assert(slots > 0 && (slots & (slots - 1)) === 0, 'a ring has a power of two of slots');
  assert(slotWords > 0, 'a slot has room');
  return {
    control: new SharedArrayBuffer(8),
    data: new SharedArrayBuffer(4 * slots * slotWords),
    ...{ slots, slotWords },
  };
}

export function newAlarm(): Alarm {
  return new Int32Array(new SharedArrayBuffer(4));
}

export function raise(alarm: Alarm): void {
  Atomics.store(alarm, 0, isRaised);
}

/** The words of a slot, as what they are. */
export interface RingSlot {
  readonly words: Uint32Array;
  readonly floats: Float32Array;
}

class RingEnd {
  readonly control: Int32Array;
  readonly slots: readonly RingSlot[];
  readonly #alarm: Alarm;

  constructor({ control, data, slots, slotWords }: RingMemory, alarm: Alarm) {
    this.control = new Int32Array(control);
    this.#alarm = alarm;
    this.slots = Array.from({ length: slots }, (_unused, i) => ({
      words: new Uint32Array(data, 4 * i * slotWords, slotWords),
      floats: new Float32Array(data, 4 * i * slotWords, slotWords),
    }));
  }

  /** Until the count at `index` is not `value` any more. @throws StarlingError UNAVAILABLE once the alarm is raised. */
  whileIs(index: number, value: number): void {
    for (let i = 0; i < looks; i++) if (Atomics.load(this.control, index) !== value) return;
    while (Atomics.load(this.control, index) === value) {
      if (Atomics.load(this.#alarm, 0) === isRaised)
        throw new StarlingError('UNAVAILABLE', 'another thread of this training is gone.');
      Atomics.wait(this.control, index, value, sleepMs);
    }
  }

  advance(index: number): void {
    Atomics.add(this.control, index, 1);
    Atomics.notify(this.control, index);
  }
}

export class RingProducer {
  readonly #end: RingEnd;
  #produced: number;

  constructor(memory: RingMemory, alarm: Alarm) {
    this.#end = new RingEnd(memory, alarm);
    this.#produced = Atomics.load(this.#end.control, producedAt);
  }

  /** The next slot to be written, once it is free. */
  claim(): RingSlot {
    const { slots } = this.#end;
    // It is full as long as the oldest is not consumed. Counts wrap around.
    this.#end.whileIs(consumedAt, (this.#produced - slots.length) | 0);
    return slots[(this.#produced >>> 0) % slots.length]!;
  }

  /** What was claimed is written. */
  publish(): void {
    this.#produced = (this.#produced + 1) | 0;
    this.#end.advance(producedAt);
  }
}

export class RingConsumer {
  readonly #end: RingEnd;
  #consumed: number;

  constructor(memory: RingMemory, alarm: Alarm) {
    this.#end = new RingEnd(memory, alarm);
    this.#consumed = Atomics.load(this.#end.control, consumedAt);
  }

  /** The next slot, once it is written; it stays as it is until `release`. */
  receive(): RingSlot {
    const { slots } = this.#end;
    this.#end.whileIs(producedAt, this.#consumed);
    return slots[(this.#consumed >>> 0) % slots.length]!;
  }

  release(): void {
    this.#consumed = (this.#consumed + 1) | 0;
    this.#end.advance(consumedAt);
  }
}
