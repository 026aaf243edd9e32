import { operate } from '../../client/operate.js';
import { codeOf } from '../../core/base/errors.js';
import type { OperateVerb } from '../../messages/subjects.js';
import type { Bus } from '../../runtime/bus/bus.js';

/** Somebody who runs the cluster, and asks for things while it has other troubles. */
export class Operator {
  readonly #bus: Bus;
  /** Codes that he was answered with; `done` for what was done. */
  readonly outcomes: string[] = [];

  constructor(bus: Bus) {
    this.#bus = bus;
  }

  scale(count: number): void {
    this.#ask('scale', { kind: 'ps-shard', count });
  }

  drain(dataCenter: string): void {
    this.#ask('drain', { dataCenter });
  }

  undrain(dataCenter: string): void {
    this.#ask('undrain', { dataCenter });
  }

  /** Takes a snapshot. */
  snapshot(): void {
    this.#ask('snapshot', {});
  }

  /** Rows and networks go back to what they were so long ago. */
  restore(agoMs: number): void {
    this.#ask('restore', { to: { atMs: this.#bus.clock.wallMs() - agoMs } });
  }

  #ask(verb: OperateVerb, request: object): void {
    operate(this.#bus, verb, request, () => undefined).then(
      () => this.outcomes.push('done'),
      (error: unknown) => this.outcomes.push(codeOf(error)),
    );
  }
}
