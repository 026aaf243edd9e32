import { operate } from '../../client/operate.js';
import { codeOf } from '../../core/base/errors.js';
import type { ClusterConfig } from '../../core/config/schema.js';
import type { OperateVerb } from '../../messages/subjects.js';
import type { Bus } from '../../runtime/bus/bus.js';
import type { Report } from '../checks/violation.js';

/** Somebody who runs the cluster, and asks for things while it has other troubles. */
export class Operator {
  readonly #bus: Bus;
  readonly #config: ClusterConfig;
  readonly #report: Report;

  constructor(bus: Bus, config: ClusterConfig, report: Report) {
    this.#bus = bus;
    this.#config = config;
    this.#report = report;
  }

  /** Shards that there are from now on, by the word of the cluster; undefined: it has not said so, or something else since. */
  shards: number | undefined;
  #scales = 0;

  scale(count: number): void {
    const scale = ++this.#scales;
    this.shards = undefined;
    const { standby, partitions } = this.#config;
    const canBe = count > standby && count <= partitions;
    void this.#ask('scale', { kind: 'ps-shard', count }).then((outcome) => {
      if (canBe ? outcome === 'BAD_REQUEST' : outcome === 'done')
        this.#report('what can not be is refused', `${count} shards: ${outcome}`);
      if (outcome === 'done' && scale === this.#scales) this.shards = count;
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

  /** What became of it: `done`, or the code that it was refused with. */
  #ask(verb: OperateVerb, request: object): Promise<string> {
    return operate(this.#bus, verb, request, () => undefined).then(
      () => 'done',
      (error: unknown) => codeOf(error),
    );
  }
}
