import type { Clock } from '../../core/base/clock.js';
import { StarlingError } from '../../core/base/errors.js';
import type { ClusterStatus, DataCenterStorage } from '../../messages/cluster-status.js';
import type { ClusterConfig } from '../../core/config/schema.js';
import { decode } from '../../messages/codec.js';
import type { HostStatus, LeaderRecord, PlacementRecord } from '../../messages/hosts.js';
import { parseHostStatus } from '../../messages/hosts.js';
import { actorsOf, type ActorStatus } from '../../messages/actor-status.js';
import type { Bus } from '../../runtime/bus/bus.js';
import type { Stoppable } from '../../runtime/stoppable.js';
import type { ActorSpec } from '../../messages/actor-spec.js';
import { specsOf } from '../placement/actor-placement.js';
import type { SupervisionLog } from '../supervision-log.js';
import { Watchers } from '../../supervisor/readiness-watchers.js';
import type { PublicProbe } from './public-probe.js';
import type { AlarmStore } from '../alarms/alarm-store.js';
import { DataCenters } from '../drains/data-center-watch.js';
import type { DrainStore } from '../drains/drain-store.js';

export interface ViewOptions {
  readonly bus: Bus;
  readonly config: ClusterConfig;
  /** Name of this host. */
  readonly host: string;
  /** Of this host, which need not go over the wire. */
  readonly own: () => HostStatus;
  readonly leader: () => LeaderRecord | undefined;
  readonly placement: () => PlacementRecord | undefined;
  readonly drains: DrainStore;
  readonly alarms: Pick<AlarmStore, 'raised'>;
  readonly events: SupervisionLog;
  readonly natsVersion: string;
  readonly probe: Pick<PublicProbe, 'begin' | 'answered' | 'missing'>;
  readonly storage: { at(dataCenter: string): DataCenterStorage | undefined };
  /** A host that was not heard of for so long is not believed any more. */
  readonly silenceMsMax: number;
}

interface Heard {
  readonly status: HostStatus;
  readonly atMs: number;
}

/** All of the cluster as seen from one host: what every host tells of itself, put together. */
export class ClusterView implements Stoppable {
  readonly #options: ViewOptions;
  readonly #heard = new Map<string, Heard>();
  readonly dataCenters: DataCenters;
  readonly #clock: Clock;
  readonly #watchers: Watchers;
  readonly #listeners = new Set<() => void>();
  readonly #subscription: Stoppable;
  readonly #startedAtMs: number;
  #specs: { readonly placement: PlacementRecord; readonly specs: readonly ActorSpec[] } | undefined;

  constructor(options: ViewOptions) {
    this.#options = options;
    this.#clock = options.bus.clock;
    this.#watchers = new Watchers(this.#clock);
    this.#startedAtMs = this.#clock.wallMs();
    this.dataCenters = new DataCenters(options.config, options.drains, this.#clock);
    this.#subscription = options.bus.subscribe(options.bus.names.pattern('hostStatus'), (bytes) =>
      this.#hear(bytes),
    );
  }

  async stop(): Promise<void> {
    this.dataCenters.stop();
    await this.#subscription.stop();
  }

  /** Something changed on this host; what others tell is noticed by itself. */
  changed(): void {
    const actors = this.actors();
    this.dataCenters.observe(actors.filter(({ model }) => model === undefined));
    if (areReady(actors)) this.#options.probe.begin();
    this.#watchers.changed();
  }

  /** Another host has told of itself. */
  onHeard(listener: () => void): void {
    this.#listeners.add(listener);
  }

  /** Every actor that should run, as its host tells of it. */
  actors(): ActorStatus[] {
    const placement = this.#options.placement();
    if (!placement) return [];
    const byHost = this.#actorsByHost();
    return this.#specsOf(placement).map((spec) => {
      const host = placement.hosts[spec.address];
      const found = host === undefined ? undefined : byHost.get(host)?.get(spec.address);
      return asPlaced(found ?? unknown(spec, host, this.#clock.wallMs()), spec);
    });
  }

  /** Of the actors; whether the public is answered is another question. */
  get ready(): boolean {
    return areReady(this.actors());
  }

  /** Whether some replica of each public kind answers there. */
  serves(dataCenter: string): boolean {
    const replicas = this.actors().filter(
      (actor) => actor.dataCenter === dataCenter && actor.stats.serving !== undefined,
    );
    const kinds = new Set(replicas.map(({ kind }) => kind));
    return [...kinds].every((kind) =>
      replicas.some((actor) => actor.kind === kind && actor.stats.serving === true),
    );
  }

  /** Host by name; without those that are silent. */
  hosts(): HostStatus[] {
    return [...this.#heardNow().values()];
  }

  /** Whether a host other than this one tells that it runs the actor. */
  runsElsewhere(address: string): boolean {
    return this.#heardOthers().some(({ actors }) =>
      actors.some((actor) => actor.address === address),
    );
  }

  status(): ClusterStatus {
    const { config, events, leader, natsVersion, storage, alarms } = this.#options;
    const actors = this.actors();
    const backend = backendOf(actors);
    const hosts = this.hosts();
    const led = leader();
    return {
      name: config.name,
      leader: led && !led.resigned ? led.host : '',
      term: led?.term ?? 0,
      startedAtMs: Math.min(this.#startedAtMs, ...hosts.map(({ startedAtMs }) => startedAtMs)),
      ready: areReady(actors) && this.#options.probe.answered,
      hosts: hosts.map(({ name, dataCenters, capacity, actors: running }) => {
        return { name, dataCenters, capacity, actors: running.length };
      }),
      dataCenters: config.dataCenters.map(({ name, role }) => {
        const stored = storage.at(name);
        const state = this.dataCenters.stateOf(name);
        return { name, role, state, ...(stored === undefined ? {} : { storage: stored }) };
      }),
      natsServers: serversOf(hosts),
      actors,
      events: events.recent,
      alarms: alarms.raised,
      natsServer: { version: natsVersion },
      ...(backend === undefined ? {} : { backend }),
    };
  }

  /**
   * Resolves when the actors are ready; if none are named, when all there are are ready and every data center answers.
   * @throws StarlingError TIMEOUT naming those that are late.
   */
  async untilReady(timeoutMs: number, addresses?: readonly string[]): Promise<void> {
    const wanted = (): ActorStatus[] => {
      const actors = this.actors();
      return actors.filter(({ address, model }) =>
        addresses ? addresses.includes(address) : model === undefined,
      );
    };
    const endMs = this.#clock.nowMs() + timeoutMs;
    await this.#watchers.untilReady(wanted, Math.max(1, addresses?.length ?? 1), timeoutMs);
    const { probe } = this.#options;
    if (addresses || (await this.until(() => probe.answered, endMs - this.#clock.nowMs()))) return;
    const text = `after ${timeoutMs} ms all actors are ready, but there is no answer in ${probe.missing}`;
    throw new StarlingError('TIMEOUT', text);
  }

  /** Whether `condition` came true within `timeoutMs`; looked at after every change. */
  until(condition: () => boolean, timeoutMs: number): Promise<boolean> {
    return this.#watchers.until(condition, timeoutMs);
  }

  #hear(bytes: Uint8Array): void {
    let status: HostStatus;
    try {
      status = parseHostStatus(decode(bytes));
    } catch {
      return; // Of a release that speaks otherwise; its host shows as silent.
    }
    if (status.name === this.#options.host) return;
    const known = this.#heard.get(status.name)?.status;
    if (known && known.life === status.life && known.number >= status.number) return;
    this.#heard.set(status.name, { status, atMs: this.#clock.nowMs() });
    this.changed();
    for (const listener of this.#listeners) listener();
  }

  #heardNow(): Map<string, HostStatus> {
    const all = [this.#options.own(), ...this.#heardOthers()];
    return new Map(all.map((each) => [each.name, each]));
  }

  /** Without those that are silent. */
  #heardOthers(): HostStatus[] {
    const since = this.#clock.nowMs() - this.#options.silenceMsMax;
    return [...this.#heard.values()]
      .filter(({ atMs }) => atMs >= since)
      .map(({ status }) => status);
  }

  /** The same again while the placement is: it is asked for at every word of a host. */
  #specsOf(placement: PlacementRecord): readonly ActorSpec[] {
    if (this.#specs?.placement !== placement)
      this.#specs = { placement, specs: specsOf(this.#options.config, placement) };
    return this.#specs.specs;
  }

  #actorsByHost(): Map<string, Map<string, ActorStatus>> {
    return new Map(
      [...this.#heardNow()].map(([name, { actors }]) => [
        name,
        new Map(actors.map((actor) => [actor.address, actor])),
      ]),
    );
  }
}

/** Models beside `main` come and go: the cluster is ready without them. */
function areReady(actors: readonly ActorStatus[]): boolean {
  const needed = actors.filter(({ model }) => model === undefined);
  return needed.length > 0 && needed.every(({ state }) => state === 'ready');
}

/** What executes the model in the trainers; before one has told, in a ranker. Undefined while it is loaded. */
function backendOf(actors: readonly ActorStatus[]): string | undefined {
  return [...actorsOf(actors, 'trainer'), ...actorsOf(actors, 'ranker')]
    .map(({ stats }) => stats.backend)
    .find((backend) => backend !== undefined && backend !== '');
}

/** With its model; and of a ps-shard the directory decides which partitions it has, and the shard tells. */
function asPlaced(told: ActorStatus, { model }: ActorSpec): ActorStatus {
  const actor: ActorStatus = model ? { ...told, model: model.identity.name } : told;
  if (actor.kind !== 'ps-shard') return actor;
  const { partitions } = actor.stats;
  return partitions === undefined ? actor : { ...actor, partitions };
}

/** Its host is silent, or has not started it yet, or there is none. */
function unknown(
  { address, kind, dataCenter }: ActorSpec,
  host: string | undefined,
  sinceMs: number,
): ActorStatus {
  return {
    address,
    kind,
    dataCenter,
    host: host ?? '',
    pid: null,
    state: 'starting',
    epoch: 0,
    restarts: 0,
    stats: {},
    sinceMs,
    reason: host === undefined ? 'no host can take it' : `host ${host} has not told of it`,
  };
}

/** Each server once: whoever runs it knows its process. */
function serversOf(hosts: readonly HostStatus[]): ClusterStatus['natsServers'] {
  const byUrl = new Map<string, ClusterStatus['natsServers'][number]>();
  for (const server of hosts.flatMap(({ natsServers }) => natsServers))
    if (byUrl.get(server.url)?.pid == null) byUrl.set(server.url, server);
  return [...byUrl.values()];
}
