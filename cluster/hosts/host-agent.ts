import { every, type Cancel } from '../../core/base/clock.js';
import { codeOf, messageOf } from '../../core/base/errors.js';
import type { ActorSpec } from '../../messages/actor-spec.js';
import type {
  HostRecord,
  HostStatus,
  HostedServer,
  PlacementRecord,
} from '../../messages/hosts.js';
import { encodeRecord } from '../../messages/hosts.js';
import type { Bus } from '../../runtime/bus/bus.js';
import type { Stoppable } from '../../runtime/stoppable.js';
import type { HostSupervisor } from '../../supervisor/host-supervisor.js';
import type { RunningConfigs } from '../config/running-configs.js';
import type { PlacementStore } from '../placement/placement-store.js';

/** Between two tellings when nothing happens. Too low: traffic. Too high: figures are old, and a silent host is noticed late. */
const tellMs = 500;
/** Changes that come together are told together. */
const tellSoonMs = 20;

export interface AgentOptions {
  readonly bus: Bus;
  readonly record: HostRecord;
  readonly supervisor: HostSupervisor;
  readonly placement: PlacementStore;
  /** All actors that a placement asks for, on whatever host. */
  readonly specsOf: (placement: PlacementRecord) => readonly ActorSpec[];
  /** What actors of a data center run by now; left out: what this host was started with. */
  readonly configs?: Pick<RunningConfigs, 'isStopped' | 'versionIn' | 'onChange'> | undefined;
  readonly natsServers: () => readonly HostedServer[];
  /** Whether a host that lives tells that it runs the actor: two processes of one address must not overlap. */
  readonly runsElsewhere: (address: string) => boolean;
  readonly log: (line: string) => void;
}

/**
 * Makes this host run what the placement says, and tells what it runs. While the placement can't be read, or nobody
 * leads, the host goes on with what it has.
 */
export class HostAgent implements Stoppable {
  readonly #options: AgentOptions;
  readonly #startedAtMs: number;
  readonly #leaving = new Set<string>();
  /** Of the configuration, by address, that those were started with which run here. */
  readonly #versions = new Map<string, number>();
  /** Placed here, but still finishing on another host. */
  #awaited = false;
  #cancelTelling: Cancel = () => undefined;
  #forget: () => void = () => undefined;
  #forgetConfigs: () => void = () => undefined;
  #soon: Cancel | undefined;
  #number = 0;
  #stopped = false;

  constructor(options: AgentOptions) {
    this.#options = options;
    this.#startedAtMs = options.bus.clock.wallMs();
  }

  start(): void {
    const { bus, configs, placement } = this.#options;
    this.#cancelTelling = every(bus.clock, tellMs, () => this.#tell());
    this.#forget = placement.onChange((record) => this.#apply(record));
    this.#forgetConfigs =
      configs?.onChange(() => placement.record && this.#apply(placement.record)) ??
      (() => undefined);
    if (placement.record) this.#apply(placement.record);
    this.#tell();
  }

  /** No more starts and stops by the placement; what runs goes on. */
  async stop(): Promise<void> {
    this.#stopped = true;
    this.#forget();
    this.#forgetConfigs();
    this.#cancelTelling();
    this.#soon?.();
  }

  /** An actor's state changed: told within a moment. */
  changed(): void {
    if (this.#stopped) return;
    this.#soon ??= this.#options.bus.clock.after(tellSoonMs, () => {
      this.#soon = undefined;
      this.#tell();
    });
  }

  /** Another host told of itself: perhaps it has stopped what is to start here. */
  heard(): void {
    const { record } = this.#options.placement;
    if (this.#awaited && record) this.#apply(record);
  }

  status(): HostStatus {
    const { record, supervisor, natsServers } = this.#options;
    return {
      ...record,
      number: this.#number,
      startedAtMs: this.#startedAtMs,
      actors: supervisor.snapshot(),
      natsServers: natsServers(),
    };
  }

  #tell(): void {
    const { bus, record } = this.#options;
    this.#number++;
    bus.publish(bus.names.subject.hostStatus(record.name), encodeRecord(this.status()));
  }

  #apply(record: PlacementRecord): void {
    if (this.#stopped) return;
    const { specsOf, supervisor, configs, record: own, runsElsewhere, log } = this.#options;
    const wanted = specsOf(record).filter(
      ({ address, dataCenter }) =>
        record.hosts[address] === own.name && configs?.isStopped(dataCenter) !== true,
    );
    const running = new Set(supervisor.snapshot().map(({ address }) => address));
    const missing = wanted.filter(({ address }) => !running.has(address));
    const free = missing.filter(({ address }) => !runsElsewhere(address));
    this.#awaited = free.length < missing.length;
    supervisor.start(free);
    const versionOf = ({ dataCenter }: ActorSpec): number => configs?.versionIn(dataCenter) ?? 0;
    for (const spec of free) this.#versions.set(spec.address, versionOf(spec));
    // One of another version is started anew when it has gone.
    const current = wanted.filter((spec) => this.#versions.get(spec.address) === versionOf(spec));
    const names = new Set(current.map(({ address }) => address));
    for (const address of running) {
      if (names.has(address) || this.#leaving.has(address)) continue;
      this.#leaving.add(address);
      supervisor
        .remove([address])
        .catch((error: unknown) => log(`${address}: ${codeOf(error)}: ${messageOf(error)}`))
        .finally(() => {
          this.#leaving.delete(address);
          // It may be wanted here again by now.
          const { placement } = this.#options;
          if (placement.record) this.#apply(placement.record);
          this.changed();
        });
    }
    this.changed();
  }
}
