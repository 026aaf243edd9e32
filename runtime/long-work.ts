import { every, type Cancel } from '../core/base/clock.js';
import { encode } from '../messages/codec.js';
import type { Operation, Progress } from '../messages/operations.js';
import { parseOperation, progressMessage } from '../messages/operations.js';
import type { Bus } from './bus/bus.js';

/** Too low: noise. Too high: the caller takes a long step for the end of who works on it. */
const repeatMs = 3_000;

export type Tell = (progress: Progress) => void;

/** Does what takes its time (long-call.ts): until it is done, whoever asked for it hears how far it is, again and again. */
export async function telling<T>(
  bus: Bus,
  { operation }: Operation,
  run: (tell: Tell) => Promise<T>,
): Promise<T> {
  const teller = new Teller(bus, operation);
  try {
    return await run(teller.tell);
  } finally {
    teller.stop();
  }
}

/** A handler of commands that take their time. */
export function toldOf(bus: Bus, handle: (value: unknown) => Promise<object>) {
  return (value: unknown): Promise<object> =>
    telling(bus, parseOperation(value), () => handle(value));
}

class Teller {
  readonly #bus: Bus;
  readonly #operation: string;
  readonly #cancel: Cancel;
  #last: Progress = { text: 'begun', done: 0, total: 1 };

  constructor(bus: Bus, operation: string) {
    this.#bus = bus;
    this.#operation = operation;
    this.#cancel = every(bus.clock, repeatMs, () => this.tell(this.#last));
  }

  readonly tell = (progress: Progress): void => {
    this.#last = progress;
    const bytes = encode(progressMessage(progress));
    this.#bus.publish(this.#bus.names.subject.progress(this.#operation), bytes);
  };

  stop(): void {
    this.#cancel();
  }
}
