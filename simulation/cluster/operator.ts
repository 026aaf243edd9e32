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

  /** Shards that there are from now on, by the word of the cluster; undefined: it has not said so, or something else since. */
  shards: number | undefined;
  #scales = 0;

  scale(count: number): void {
    const scale = ++this.#scales;
    this.shards = undefined;
    void this.#ask('scale', { kind: 'ps-shard', count }).then((isDone) => {
      if (isDone && scale === this.#scales) this.shards = count;
    });
  }

  drain(dataCenter: string): void {
    void this.#ask('drain', { dataCenter });
  }

  undrain(dataCenter: string): void {
    void this.#ask('undrain', { dataCenter });
  }

  /** Takes a snapshot. */
  snapshot(): void {
    void this.#ask('snapshot', {});
  }

  /** Rows and networks go back to what they were so long ago. */
  restore(agoMs: number): void {
    void this.#ask('restore', { to: { atMs: this.#bus.clock.wallMs() - agoMs } });
  }

  async #ask(verb: OperateVerb, request: object): Promise<boolean> {
    try {
      await operate(this.#bus, verb, request, () => undefined);
      this.outcomes.push('done');
      return true;
    } catch (error) {
      this.outcomes.push(codeOf(error));
      return false;
    }
  }
}
