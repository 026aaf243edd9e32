import { operate } from '../../client/operate.js';
import type { TakenSnapshot } from '../../cluster/snapshots/taken-snapshot.js';
import { codeOf } from '../../core/base/errors.js';
import { joinPartitions } from '../../core/config/join-partitions.js';
import type { ClusterConfig } from '../../core/config/schema.js';
import type { Fields } from '../../messages/checks.js';
import type { OperateVerb } from '../../messages/subjects.js';
import type { Bus } from '../../runtime/bus/bus.js';
import type { ConfigHistory } from '../checks/config-history.js';
import type { Report } from '../checks/violation.js';
import { ConfigOperator } from './config-operator.js';
import type { Leavers } from './leavers.js';

/** Somebody who runs the cluster, and asks for things while it has other troubles. */
export class Operator {
  readonly #bus: Bus;
  readonly #config: ClusterConfig;
  readonly #report: Report;
  /** Who changes the configuration. */
  readonly configs: ConfigOperator;
  /** Who wants to be forgotten. */
  readonly leavers: Leavers;

  constructor(
    bus: Bus,
    config: ClusterConfig,
    history: ConfigHistory,
    report: Report,
    leavers: Leavers,
  ) {
    this.#bus = bus;
    this.#config = config;
    this.#report = report;
    this.leavers = leavers;
    this.configs = new ConfigOperator(bus, history, report);
  }

  /** How often what was asked for was done. */
  readonly done = new Map<OperateVerb, number>();
  /** Shards that there are from now on, by the word of the cluster; undefined: it has not said so, or something else since. */
  shards: number | undefined;
  /** As `shards`, of joiners. */
  joiners: number | undefined;
  #scales = 0;
  #joinerScales = 0;

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

  scaleJoiners(count: number): void {
    const scale = ++this.#joinerScales;
    this.joiners = undefined;
    const canBe = count <= joinPartitions(this.#config);
    void this.#ask('scale', { kind: 'joiner', count }).then((outcome) => {
      if (canBe ? outcome === 'BAD_REQUEST' : outcome === 'done')
        this.#report('what can not be is refused', `${count} joiners: ${outcome}`);
      if (outcome === 'done' && scale === this.#joinerScales) this.joiners = count;
    });
  }

  drain(dataCenter: string): void {
    void this.#ask('drain', { dataCenter });
  }

  undrain(dataCenter: string): void {
    void this.#ask('undrain', { dataCenter });
  }

  /** Takes a snapshot. @returns what became of it. */
  snapshot(): Promise<string> {
    return this.#ask('snapshot', {});
  }

  /** Rows and networks go back to what they were so long ago. */
  restore(agoMs: number): void {
    void this.#ask('restore', { to: { atMs: this.#bus.clock.wallMs() - agoMs } });
  }

  /** Rows and networks go back to a snapshot that is taken first: it is there, also when more are taken meanwhile. */
  async restoreNewest(): Promise<void> {
    const { clock } = this.#bus;
    let newest: TakenSnapshot | undefined;
    const taken = await this.#ask('snapshot', {}, (reply) => {
      const all = reply['taken'] as readonly TakenSnapshot[];
      newest = all.find(({ of, dataCenter }) => of === 'rows' && dataCenter === 'train');
    });
    // What is short, or lost, is not the fault of a snapshot.
    if (taken !== 'done' || !newest) return;
    const takenMs = clock.nowMs();
    const outcome = await this.#ask('restore', { to: { snapshot: newest.snapshot } });
    const isKept = clock.nowMs() - takenMs < this.#config.snapshots.everyMs;
    if (outcome === 'BAD_REQUEST' && isKept)
      this.#report('what was done stays', `${newest.snapshot} was taken, and can't be restored`);
  }

  /** Newest version of the settings that the cluster has said are made. */
  settingsVersion = 0;

  /** Weights from now on; undefined: those of the configuration. */
  weigh(weights: Readonly<Record<string, number>> | undefined): void {
    const change = { key: 'score', value: weights ?? null };
    void this.#ask('settings', { change }, (reply) => {
      this.settingsVersion = Math.max(this.settingsVersion, Number(reply['version']));
    }).then((outcome) => {
      if (outcome === 'BAD_REQUEST')
        this.#report('no defect', `weights ${JSON.stringify(weights)} are refused`);
    });
  }

  /** What became of it: `done`, or the code that it was refused with. */
  #ask(
    verb: OperateVerb,
    request: object,
    hear: (reply: Fields) => void = () => undefined,
  ): Promise<string> {
    return operate(this.#bus, verb, request, () => undefined).then(
      (reply) => {
        this.done.set(verb, (this.done.get(verb) ?? 0) + 1);
        hear(reply);
        return 'done';
      },
      (error: unknown) => codeOf(error),
    );
  }
}
