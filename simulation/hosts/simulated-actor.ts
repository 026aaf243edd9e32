import type { Logger } from 'pino';
import type { Cancel } from '../../core/base/clock.js';
import type { ClusterConfig } from '../../core/config/schema.js';
import type { ActorKind } from '../../messages/actor-kinds.js';
import type { ActorSpec } from '../../messages/actor-spec.js';
import type { ChildMessage, ReportedState } from '../../messages/child-messages.js';
import { ActorLife } from '../../runtime/actor-life.js';
import type { CreateActor } from '../../runtime/actor.js';
import type { Bus } from '../../runtime/bus/bus.js';
import type { Neighbourhood } from '../../runtime/neighbours/neighbourhood.js';
import type { Life } from '../../supervisor/actor-launcher.js';
import type { ActorProcess, ProcessHandlers } from '../../supervisor/child-process.js';
import type { SimulatedProcess } from '../time/simulated-process.js';
import { storesOn } from './disk-stores.js';
import type { HostDisk } from './host-disk.js';
import type { SharedFate } from './shared-fate.js';
import { Supervision } from './supervision.js';

/** Between the start of a process and its first line of code, milliseconds; a busy machine takes its time. */
const loadMs = { from: 60, to: 400 } as const;

export interface ActorSurroundings {
  readonly config: ClusterConfig;
  /** Of the supervisor that starts it. */
  readonly host: SimulatedProcess;
  readonly process: SimulatedProcess;
  readonly disk: HostDisk;
  /** The process of the machine that it runs in, maybe with others. */
  readonly fate: SharedFate;
  readonly connect: () => Promise<Bus>;
  /** Of its process. */
  readonly neighbours: Neighbourhood;
  readonly load: (kind: ActorKind) => CreateActor;
  readonly log: Logger;
  readonly onFailed: (code: string, message: string) => void;
  /** How long a process takes to end that has nothing more to do. */
  readonly leaveMs: () => number;
}

/** Who hears what it says of itself. */
interface Listener {
  readonly supervision: Supervision;
  readonly onMessage: (message: ChildMessage) => void;
}

/**
 * One life of an actor on a simulated machine, as the supervisor sees it that has started it. It outlives that one for a
 * while, and goes on under the next one (left-actor.ts).
 */
export class SimulatedActor implements ActorProcess {
  readonly pid: number;
  readonly epoch: number;
  readonly log = 'memory';
  readonly address: string;
  /** What it does, and nobody else does who shares its fate. */
  readonly process: SimulatedProcess;
  readonly fate: SharedFate;
  /** By the time of the simulation. */
  readonly startedAtMs: number;
  readonly #life: ActorLife;
  readonly #orphanMs: number;
  readonly #parent: Supervision;
  /** Undefined: it has no supervisor. */
  #listener: Listener | undefined;
  #leaving: Cancel = () => undefined;
  #stats: Readonly<Record<string, unknown>> = {};
  #begun = false;
  #wasAsked = false;
  #isLeaving = false;
  #isRetired = false;

  constructor(
    spec: ActorSpec,
    { epoch, ended, serving }: Life,
    handlers: ProcessHandlers,
    surroundings: ActorSurroundings,
  ) {
    const { config, host, process, disk, fate, connect, load, log, neighbours } = surroundings;
    const { address, kind, dataCenter, index, partitions = [] } = spec;
    this.pid = fate.pid;
    this.fate = fate;
    this.epoch = epoch;
    this.address = address;
    this.process = process;
    this.startedAtMs = process.timeMs;
    this.#orphanMs = config.supervision.orphanMs;
    this.#parent = new Supervision(host, process);
    this.#listen({
      supervision: this.#parent,
      onMessage: (message) => handlers.onMessage(message),
    });
    this.#life = new ActorLife({
      clock: process.clock,
      random: process.random,
      identity: {
        ...{ address, kind, dataCenter, index, epoch, partitions },
        ...(ended === undefined ? {} : { ended }),
      },
      ...{ config, serving, log },
      load: async (name) => load(name),
      stores: () => storesOn(disk, process, address),
      connect: () => connect(),
      neighbours,
      tell: (message) => {
        if (message.type === 'failed') surroundings.onFailed(message.code, message.message);
        this.#hear(message);
        const listener = this.#listener;
        const { members } = fate;
        listener?.supervision.up(() => {
          members.heard(address, message);
          listener.onMessage(message);
        });
      },
      usage: () => ({ rssBytes: 0, cpuMs: 0 }),
      exit: (end) => process.after(surroundings.leaveMs(), () => fate.leave(this, end)),
    });
    fate.join(this);
    fate.watch(this, this.#parent, (exit) => handlers.onExit(exit));
    process.after(process.random.between(loadMs.from, loadMs.to), () => this.#begin());
  }

  /** Hears that it says it is ready, with the figures that it said last. */
  onReady: (stats: Readonly<Record<string, unknown>>) => void = () => undefined;

  /** Its supervisor wants it to end. */
  get wasAsked(): boolean {
    return this.#wasAsked;
  }

  /** That has started it. */
  get supervisor(): SimulatedProcess {
    return this.#parent.supervisor;
  }

  get state(): ReportedState {
    return this.#life.state;
  }

  /** Something in it threw, and nobody caught it. */
  crash(error: unknown): void {
    this.#life.fail(error, 'uncaught exception');
  }

  /** It was asked to end, and does what is left to do; or it will be, with all that share its fate. */
  get isLeaving(): boolean {
    return this.#isLeaving || this.#isRetired;
  }

  retire(): void {
    this.fate.members.retired(this.address);
    this.#parent.down(() => this.toldToRetire());
  }

  stop(drainMs: number): void {
    this.#wasAsked = true;
    this.fate.members.asked(this.address);
    this.#parent.down(() => this.leave(drainMs));
  }

  serve(open: boolean): void {
    this.#parent.down(() => this.answerPublic(open));
  }

  /** And whoever shares its fate. */
  kill(): void {
    this.fate.kill();
  }

  toldToRetire(): void {
    this.#isRetired = true;
  }

  /** It is told to. */
  leave(drainMs?: number): void {
    this.#isLeaving = true;
    if (this.#begun) this.#life.stop(drainMs);
    else this.fate.leave(this, { code: 0, isDrained: false, bus: undefined });
  }

  /** Has its supervisor hear of something, if it has one. */
  tell(hear: () => void): void {
    this.#listener?.supervision.up(hear);
  }

  /** It is told to, or not to any more. */
  answerPublic(open: boolean): void {
    this.#life.serve(open);
  }

  /** Another supervisor has let it in. */
  adopted(supervision: Supervision, onMessage: (message: ChildMessage) => void): void {
    this.#leaving();
    this.#listen({ supervision, onMessage });
    // It may have changed since it has introduced itself.
    supervision.up(() => onMessage({ type: 'state', state: this.state }));
    this.#life.beat();
  }

  #hear(message: ChildMessage): void {
    if (message.type === 'heartbeat') this.#stats = message.stats;
    if (message.type === 'state' && message.state === 'ready') this.onReady(this.#stats);
  }

  #begin(): void {
    // Without a start message there is nothing to begin with.
    if (!this.#listener) return this.leave();
    this.#begun = true;
    this.#life.run();
  }

  #listen(listener: Listener): void {
    this.#listener = listener;
    listener.supervision.supervisor.onDeath(() => {
      if (this.#listener !== listener || !this.process.alive) return;
      this.#listener = undefined;
      this.#isRetired = false;
      this.#leaving = this.process.clock.after(this.#orphanMs, () => this.leave());
    });
  }
}
