import type { Logger } from 'pino';
import type { ClusterConfig } from '../../core/config/schema.js';
import type { ActorKind } from '../../messages/actor-kinds.js';
import type { ActorSpec } from '../../messages/actor-spec.js';
import { ActorLife } from '../../runtime/actor-life.js';
import type { CreateActor } from '../../runtime/actor.js';
import type { Bus } from '../../runtime/bus/bus.js';
import type { Life } from '../../supervisor/actor-launcher.js';
import type { ActorProcess, ProcessExit, ProcessHandlers } from '../../supervisor/child-process.js';
import type { SimulatedProcess } from '../time/simulated-process.js';
import { storesOn } from './disk-stores.js';
import type { HostDisk } from './host-disk.js';

/** Between the start of a process and its first line of code, milliseconds; a busy machine takes its time. */
const loadMs = { from: 60, to: 400 } as const;
/** Of what a process and its supervisor say to each other. */
const channelMs = { from: 0.02, to: 0.4 } as const;
/** Until the kernel has told a supervisor that a process has ended. */
const exitMs = { from: 0.5, to: 5 } as const;

export interface ActorSurroundings {
  readonly config: ClusterConfig;
  /** Of the supervisor that starts it. */
  readonly host: SimulatedProcess;
  readonly process: SimulatedProcess;
  readonly disk: HostDisk;
  readonly pid: number;
  readonly connect: () => Promise<Bus>;
  readonly load: (kind: ActorKind) => CreateActor;
  readonly log: Logger;
  readonly onFailed: (code: string, message: string) => void;
}

/** One process of an actor on a simulated machine, as its supervisor sees it. */
export class SimulatedActor implements ActorProcess {
  readonly pid: number;
  readonly log = 'memory';
  readonly address: string;
  readonly process: SimulatedProcess;
  readonly #host: SimulatedProcess;
  readonly #handlers: ProcessHandlers;
  readonly #life: ActorLife;
  #begun = false;
  #ended = false;
  /** When the last thing that was said arrives: a channel keeps its order. */
  #heardMs = { up: 0, down: 0 };
  #exit: ProcessExit = { code: null, signal: 'SIGKILL', detail: 'killed by SIGKILL' };

  constructor(
    spec: ActorSpec,
    { epoch, serving }: Life,
    handlers: ProcessHandlers,
    surroundings: ActorSurroundings,
  ) {
    const { config, host, process, disk, pid, connect, load, log } = surroundings;
    const { address, kind, dataCenter, index, partitions = [] } = spec;
    this.pid = pid;
    this.address = address;
    this.process = process;
    this.#host = host;
    this.#handlers = handlers;
    this.#life = new ActorLife({
      clock: process.clock,
      random: process.random,
      identity: { address, kind, dataCenter, index, epoch, partitions },
      ...{ config, serving, log },
      load: async (name) => load(name),
      stores: () => storesOn(disk, process, address),
      connect: () => connect(),
      tell: (message) => {
        if (message.type === 'failed') surroundings.onFailed(message.code, message.message);
        this.#up(() => handlers.onMessage(message));
      },
      usage: () => ({ rssBytes: 0, cpuMs: 0 }),
      exit: (code) => this.#leave(code),
    });
    process.onDeath(() => this.#died());
    process.after(process.random.between(loadMs.from, loadMs.to), () => {
      this.#begun = true;
      this.#life.run();
    });
  }

  /** Something in it threw, and nobody caught it. */
  crash(error: unknown): void {
    this.#life.fail(error, 'uncaught exception');
  }

  stop(drainMs: number): void {
    this.#down(() => {
      if (this.#begun) this.#life.stop(drainMs);
      else this.kill();
    });
  }

  serve(open: boolean): void {
    this.#down(() => {
      if (this.#begun) this.#life.serve(open);
    });
  }

  kill(): void {
    this.process.kill();
  }

  #leave(code: number): void {
    this.#exit = { code, signal: null, detail: `exited with code ${code}` };
    this.process.kill();
  }

  #died(): void {
    if (this.#ended) return;
    this.#ended = true;
    const { random } = this.#host;
    const ms = Math.max(random.between(exitMs.from, exitMs.to), this.#untilHeard('up'));
    this.#host.after(ms, () => this.#handlers.onExit(this.#exit));
  }

  #up(hear: () => void): void {
    this.#host.after(this.#delayMs('up'), hear);
  }

  #down(hear: () => void): void {
    this.process.after(this.#delayMs('down'), hear);
  }

  #delayMs(way: 'up' | 'down'): number {
    const ms = this.#host.random.between(channelMs.from, channelMs.to);
    const delayMs = Math.max(ms, this.#untilHeard(way));
    this.#heardMs[way] = this.#host.timeMs + delayMs;
    return delayMs;
  }

  #untilHeard(way: 'up' | 'down'): number {
    return Math.max(0, this.#heardMs[way] - this.#host.timeMs);
  }
}
