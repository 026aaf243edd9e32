import { mkdirSync } from 'node:fs';
import path from 'node:path';
import { pino } from 'pino';
import type { Logger } from 'pino';
import type { Clock } from '../core/base/clock.js';
import { messageOf } from '../core/base/errors.js';
import type { ClusterConfig } from '../core/config/schema.js';
import type { BackendSource } from '../core/model/backend-source.js';
import type { ActorKind } from '../messages/actor-kinds.js';
import type {
  ChildMessage,
  LeftMessage,
  ProfileMessage,
  RetireMessage,
  ServeMessage,
  StartMessage,
  StopMessage,
} from '../messages/child-messages.js';
import type { CreateActor } from './actor.js';
import { ActorLife, type ConnectionHandlers, type LifeEnd } from './actor-life.js';
import type { Bus } from './bus/bus.js';
import type { Neighbourhood } from './neighbours/neighbourhood.js';
import { ScopedClock } from './scoped-clock.js';
import { storesIn } from './stores/lmdb-actor-stores.js';
import { SupervisorChannel } from './supervisor-channel.js';
import { system } from './system.js';

/** What an actor is given by the process that it lives in. */
export interface HostingProcess {
  readonly load: (kind: ActorKind) => Promise<CreateActor>;
  /** @throws StarlingError where there is no server, or it is not let in. */
  readonly connect: (clock: ScopedClock, handlers: ConnectionHandlers) => Promise<Bus>;
  /** The actors of the process. */
  readonly neighbours: Neighbourhood;
  /** Its life has ended: what becomes of the process? */
  readonly exit: (end: LifeEnd) => void;
}

/** One actor of a process: its life, and its way to the supervisor. */
export class HostedActor {
  readonly #life: ActorLife;
  readonly #supervisor: SupervisorChannel;
  readonly #clock = new ScopedClock(system.clock);
  #isLeaving = false;
  #isRetired = false;

  /** In the same turn of the event loop as the start message came: the next message may follow at once. */
  constructor(start: StartMessage, { load, connect, neighbours, exit }: HostingProcess) {
    const { address, kind, dataCenter, index, epoch, ended, partitions, serving = true } = start;
    const config = start.config as ClusterConfig;
    const log = pino({ base: { address, epoch } }, pino.destination({ dest: 1, sync: true }));
    this.#life = new ActorLife({
      clock: this.#clock,
      random: system.random,
      identity: {
        ...{ address, kind, dataCenter, index, epoch, partitions },
        ...(ended === undefined ? {} : { ended }),
      },
      ...{ config, serving, log, load, neighbours, exit },
      backends: backendsOf(start, this.#clock),
      stores: () => storesIn(ownFolder(start), index, system.random),
      connect: (handlers) => connect(this.#clock, handlers),
      tell: (message) => this.#supervisor.send(message),
      usage: () => ({ rssBytes: process.memoryUsage.rss(), cpuMs: cpuMs() }),
    });
    this.#supervisor = this.#listen(start, log);
  }

  /** It was asked to end, and does what is left to do; or it will be, with all in its process. */
  get isLeaving(): boolean {
    return this.#isLeaving || this.#isRetired;
  }

  run(): void {
    this.#life.run();
  }

  told(message: StopMessage | ServeMessage | RetireMessage | ProfileMessage): void {
    if (message.type === 'stop') this.stop(message.drainMs);
    else if (message.type === 'serve') this.#life.serve(message.open);
    else if (message.type === 'profile') void this.#profile(message.seconds);
    else this.#isRetired = true;
  }

  tell(message: ChildMessage | LeftMessage): void {
    this.#supervisor.send(message);
  }

  stop(drainMs?: number): void {
    this.#isLeaving = true;
    this.#life.stop(drainMs);
  }

  fail(error: unknown, what: string): void {
    this.#life.fail(error, what);
  }

  /** The channel of the process has closed. */
  orphaned(): void {
    this.#supervisor.orphaned();
  }

  /** The process goes on without it. */
  async leave({ bus, isDrained: clean }: LifeEnd): Promise<void> {
    await bus?.close().catch(() => undefined); // The server notices.
    this.#clock.end();
    this.tell({ type: 'left', clean });
    await this.close();
  }

  /** Resolves when its last words have left the process. */
  close(): Promise<void> {
    return this.#supervisor.close();
  }

  /** Of the whole process, with all actors in it. */
  async #profile(seconds: number): Promise<void> {
    try {
      const { profileProcess } = await import('./os/profile-process.js');
      this.tell({ type: 'profiled', profile: { ...(await profileProcess(seconds)) } });
    } catch (error) {
      this.tell({ type: 'profiled', error: messageOf(error) });
    }
  }

  #listen(start: StartMessage, log: Logger): SupervisorChannel {
    return new SupervisorChannel({
      start,
      orphanMs: (start.config as ClusterConfig).supervision.orphanMs,
      state: () => this.#life.state,
      onTold: (message) => this.told(message),
      onOrphaned: () => {
        log.warn('the supervisor is gone; waiting for the next one');
        // That one may have it go on.
        this.#isRetired = false;
      },
      onAdopted: () => {
        log.info('supervised again');
        this.#life.beat();
      },
      onAbandoned: (reason) => {
        log.warn({ reason }, 'nobody supervises this actor; it leaves');
        this.stop();
      },
    });
  }
}

/** Loaded by who asks for one: most actors compute no network. */
function backendsOf({ stateDir }: StartMessage, clock: Clock): BackendSource {
  const folder = path.join(stateDir, 'backends');
  return {
    async load(...wanted) {
      const { TensorflowBackends } = await import('./tensorflow/tensorflow-backends.js');
      return new TensorflowBackends({ folder, clock }).load(...wanted);
    },
  };
}

function ownFolder({ stateDir, address }: StartMessage): string {
  const folder = path.join(stateDir, 'actors', address);
  mkdirSync(folder, { recursive: true, mode: 0o700 });
  return folder;
}

/** Processor time of this process so far: where the time of a cluster goes. */
function cpuMs(): number {
  const { user, system: kernel } = process.cpuUsage();
  return Math.round((user + kernel) / 1000);
}
