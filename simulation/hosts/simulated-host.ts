import { joinCluster, type ClusterHost, type HostOffer } from '../../cluster/hosts/cluster-host.js';
import { newestConfig } from '../../cluster/config/config-versions.js';
import { RunningConfigs } from '../../cluster/config/running-configs.js';
import { firstConfig } from '../../cluster/config/start-config.js';
import { codeOf, messageOf } from '../../core/base/errors.js';
import { configOfPlaced } from '../../core/config/model-config.js';
import { trainingDataCenter } from '../../core/config/data-centers.js';
import type { ClusterConfig } from '../../core/config/schema.js';
import type { ActorKind } from '../../messages/actor-kinds.js';
import type { ActorSpec } from '../../messages/actor-spec.js';
import type { ClusterNames } from '../../messages/cluster-names.js';
import type { Logger } from 'pino';
import { retried } from '../../runtime/retry-read.js';
import type { CreateActor } from '../../runtime/actor.js';
import type { Launcher, Life } from '../../supervisor/actor-launcher.js';
import { processOf } from '../../cluster/placement/actor-processes.js';
import type { ActorProcess, ProcessHandlers } from '../../supervisor/child-process.js';
import { MemoryBus } from '../nats/memory-bus.js';
import { neighboursIn } from '../nats/memory-neighbours.js';
import type { MemoryServers } from '../nats/memory-servers.js';
import type { SeededRandom } from '../time/seeded-random.js';
import { SimulatedProcess, type MachineClock } from '../time/simulated-process.js';
import type { VirtualTime } from '../time/virtual-time.js';
import { HostDisk } from './host-disk.js';
import { LeftActor } from './left-actor.js';
import { SharedFate } from './shared-fate.js';
import { SimulatedActor } from './simulated-actor.js';

/** A host that has ended is started again by what looks after it, as by an init system. */
const respawnMs = { from: 300, to: 1_500 } as const;

/** Of a cluster whose hours are minutes; a processor stands still for less, and JOIN is trimmed behind the books. */
const bookTimes = { lookMs: 10_000, rememberMs: 60_000 } as const;

export interface SimulatedHostOptions {
  readonly time: VirtualTime;
  readonly random: SeededRandom;
  readonly servers: MemoryServers;
  readonly names: ClusterNames;
  readonly config: ClusterConfig;
  /** Whether it follows the versions of the configuration that the cluster has. */
  readonly changes: boolean;
  readonly offer: HostOffer;
  readonly clock: MachineClock;
  readonly load: (kind: ActorKind) => CreateActor;
  readonly logOf: (name: string) => Logger;
  /** @param version of the configuration that an actor ran; undefined: it was the host. */
  readonly onFailed: (name: string, code: string, message: string, version?: number) => void;
  /** A process of the actor was started. */
  readonly onStarted: (actor: SimulatedActor, host: SimulatedHost) => void;
}

/** A machine of a simulated cluster: a disk, a supervisor, and the actors that were placed on it. */
export class SimulatedHost {
  readonly name: string;
  readonly disk = new HostDisk();
  readonly #options: SimulatedHostOptions;
  readonly #random: SeededRandom;
  readonly #actors = new Set<SimulatedActor>();
  #process: SimulatedProcess | undefined;
  #member: ClusterHost | undefined;
  #configs: RunningConfigs | undefined;
  readonly #versions = new WeakMap<SimulatedActor, number>();
  /** By the name of the process, the newest. */
  readonly #fates = new Map<string, SharedFate>();
  #pids = 0;
  #held = false;

  constructor(options: SimulatedHostOptions) {
    this.#options = options;
    this.#random = options.random;
    this.name = options.offer.name;
  }

  /** Of its supervisor; undefined while there is none. */
  get process(): SimulatedProcess | undefined {
    return this.#process?.alive ? this.#process : undefined;
  }

  get member(): ClusterHost | undefined {
    return this.process && this.#member;
  }

  /** Those that it is in. */
  get dataCenters(): readonly string[] {
    return this.#options.offer.dataCenters;
  }

  /** Those that live. */
  get actors(): readonly SimulatedActor[] {
    return [...this.#actors].filter(({ process }) => process.alive);
  }

  /** Of the configuration that the process of an actor was started with. */
  versionOf(actor: SimulatedActor): number | undefined {
    return this.#versions.get(actor);
  }

  /** A process of it that has nothing more to do is gone so much later, milliseconds. */
  leaveMs = 0;
  /** What is done to the next process of an actor that is started here. */
  onStart: ((actor: SimulatedActor) => void) | undefined;

  /** Somebody sets its date. @param ms how far, from what it was when it began. */
  setClock(aheadMs: number): void {
    this.#options.clock.aheadMs = aheadMs;
  }

  start(): void {
    this.#held = false;
    if (this.process) return;
    const process = this.#newProcess(`host ${this.name}`, (error) => this.#failed(error));
    this.#process = process;
    this.#member = undefined;
    process.onDeath(() => this.#respawn());
    void this.#join(process).then(
      (member) => (this.#member = member),
      (error: unknown) => this.#failed(error),
    );
  }

  /** All of it, at once, as when the power is gone. @param held it does not come back before `start`. */
  crash(held = false): void {
    this.#held = held;
    for (const actor of this.actors) actor.kill();
    this.#process?.kill();
  }

  /** SIGTERM to its supervisor: it stops what it has, and is started again. */
  stop(): void {
    const { process, member } = this;
    if (!process) return;
    if (!member) return this.crash();
    process.after(0, () => {
      void member.stop().then(
        () => process.kill(),
        (error: unknown) => this.#failed(error),
      );
    });
  }

  /** SIGKILL to its supervisor alone: its actors go on, and the next one finds them. */
  killSupervisor(): void {
    this.#process?.kill();
  }

  #respawn(): void {
    const { time } = this.#options;
    const ms = this.#random.between(respawnMs.from, respawnMs.to);
    time.at(time.nowMs + ms, undefined, () => {
      if (!this.#held) this.start();
    });
  }

  #failed(error: unknown): void {
    this.#options.logOf(this.name).error({ err: messageOf(error) }, 'the host failed');
    this.#options.onFailed(this.name, codeOf(error), messageOf(error));
    this.crash();
  }

  async #join(process: SimulatedProcess): Promise<ClusterHost> {
    const { config: first, offer, names, logOf } = this.#options;
    const training = trainingDataCenter(first);
    const home = offer.dataCenters.includes(training) ? training : offer.dataCenters[0]!;
    const bus = this.#connect(process, home);
    const log = logOf(this.name);
    const told = (line: string): void => log.info(line);
    const { config, configs } = await this.#configure(bus, told);
    return joinCluster({
      ...{ config, bus },
      ...(configs ? { configs } : {}),
      host: offer,
      launcher: this.#launcher(process),
      epochs: {
        next: async (address) => this.disk.nextEpoch(address),
        raise: (address, epoch) => this.disk.raiseEpoch(address, epoch),
      },
      noteLife: async (life) => {
        const before = this.disk.life;
        this.disk.life = life;
        return before;
      },
      servers: () => [],
      storage: { fresh: async () => undefined, at: () => undefined, noteWrite: () => undefined },
      asPublic: async (dataCenter) =>
        new MemoryBus({
          servers: this.#options.servers,
          process,
          names,
          dataCenters: [dataCenter],
        }),
      prepareStreams: async () => undefined,
      bookTimes,
      onExit: () => () => undefined,
      log: told,
    });
  }

  /** As a host does that is started with the configuration that the cluster has. */
  async #configure(bus: MemoryBus, log: (line: string) => void) {
    const { config, changes } = this.#options;
    this.#configs = undefined;
    if (!changes) return { config };
    const started = await retried(
      bus,
      async () => (await newestConfig(bus)) ?? (await firstConfig(bus, config)),
    );
    const here = (each: ClusterConfig): ClusterConfig => each;
    const configs = await RunningConfigs.open({ bus, started, here, log });
    this.#configs = configs;
    return { config: started.config, configs };
  }

  #versionIn(dataCenter: string): number {
    return this.#configs?.versionIn(dataCenter) ?? 0;
  }

  #launcher(host: SimulatedProcess): Launcher {
    // Who was left stays among his like: nobody is sent to them any more.
    this.#fates.clear();
    for (const { fate } of this.actors) fate.orphaned();
    const left = new Map(this.actors.map((actor) => [actor.address, actor]));
    const ignored = { onAdopted: () => undefined, onMessage: () => undefined };
    let decided = false;
    return {
      start: (spec, life, handlers) => this.#startActor(host, spec, life, handlers),
      claim: ({ address, dataCenter }, handlers) => {
        const actor = left.get(address);
        // One of another configuration is told to leave with those that nobody wants.
        if (actor && this.#versions.get(actor) !== this.#versionIn(dataCenter)) return undefined;
        left.delete(address);
        return actor?.process.alive ? new LeftActor(actor, host, handlers, !decided) : undefined;
      },
      dismissOthers: () => {
        if (decided) return;
        decided = true;
        for (const actor of left.values())
          new LeftActor(actor, host, { ...ignored, onExit: () => undefined }, false);
      },
    };
  }

  #startActor(
    host: SimulatedProcess,
    spec: ActorSpec,
    life: Life,
    handlers: ProcessHandlers,
  ): ActorProcess {
    const { load, logOf, onFailed, servers } = this.#options;
    const base = this.#configs?.configIn(spec.dataCenter) ?? this.#options.config;
    const config = configOfPlaced(base, spec.model);
    const fate = this.#fateOf(processOf(config, spec));
    const process = this.#newProcess(spec.address, (error) => actor.crash(error));
    const actor: SimulatedActor = new SimulatedActor(spec, life, handlers, {
      ...{ config, host, process, load, disk: this.disk, fate },
      connect: () => this.#connect(process, spec.dataCenter).opened(),
      neighbours: neighboursIn(fate, servers),
      log: logOf(spec.address),
      onFailed: (code, message) => onFailed(spec.address, code, message, this.versionOf(actor)),
      leaveMs: () => this.leaveMs,
    });
    this.#actors.add(actor);
    this.#versions.set(actor, this.#versionIn(spec.dataCenter));
    this.onStart?.(actor);
    process.onDeath(() => this.#actors.delete(actor));
    this.#options.onStarted(actor, this);
    return {
      ...{ pid: actor.pid, log: actor.log },
      retire: () => actor.retire(),
      stop: (drainMs) => actor.stop(drainMs),
      serve: (open) => actor.serve(open),
      kill: () => {
        if (fate.members.killed(spec.address)) actor.kill();
      },
    };
  }

  #fateOf(name: string): SharedFate {
    const running = this.#fates.get(name);
    if (running?.isOpen === true) return running;
    const fate = new SharedFate(++this.#pids);
    this.#fates.set(name, fate);
    return fate;
  }

  #connect(process: SimulatedProcess, home: string): MemoryBus {
    const { servers, names, config } = this.#options;
    const others = config.dataCenters.map(({ name }) => name).filter((name) => name !== home);
    return new MemoryBus({ servers, process, names, dataCenters: [home, ...others] });
  }

  #newProcess(name: string, onCrash: (error: unknown) => void): SimulatedProcess {
    const { time, clock } = this.#options;
    const random = this.#random.child(1);
    return new SimulatedProcess(time, { name, random, onCrash, machine: clock });
  }
}
