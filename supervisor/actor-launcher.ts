import type { ActorKind } from '../messages/actor-kinds.js';
import type { ActorSpec } from '../messages/actor-spec.js';
import type { NatsAccess } from '../messages/nats-access.js';
import { startHashOf } from '../runtime/supervision-socket.js';
import type { Adoption } from './adoption/adoption.js';
import type { LeftProcessHandlers } from './adoption/left-process.js';
import {
  HostedProcess,
  type ActorProcess,
  type ClaimedProcess,
  type ProcessHandlers,
} from './child-process.js';

/** What is new in each life of an actor. */
export interface Life {
  readonly epoch: number;
  /** See `StartMessage`. */
  readonly ended?: number | undefined;
  /** Whether it is to answer the public from the start. */
  readonly serving: boolean;
}

/** Where the processes of actors come from. */
export interface Launcher {
  /** Starts the actor in a process and returns at once; whatever goes wrong is its exit. */
  start(spec: ActorSpec, life: Life, handlers: ProcessHandlers): ActorProcess;
  /** The process that an earlier supervisor left at this address, if there is one. */
  claim(spec: ActorSpec, handlers: LeftProcessHandlers): ClaimedProcess | undefined;
  /** Processes that were left and that nobody has claimed are told to leave. */
  dismissOthers(): void;
}

export interface LauncherOptions {
  /** Compiled module that becomes the actors named in its start messages. */
  readonly entry: string;
  readonly stateDir: string;
  /** The resolved configuration that actors of a data center run by now, plain JSON. */
  readonly configIn: (dataCenter: string) => unknown;
  /** Servers of a data center, and the credentials of a kind: no actor learns those of another. */
  readonly natsOf: (dataCenter: string, kind: ActorKind) => NatsAccess;
  /** Name of the process that an actor is to share with others; left out: each has its own. */
  readonly processOf?: (spec: ActorSpec) => string;
  /** What an earlier supervisor left, and what this one leaves; without it every actor is started anew. */
  readonly adoption?: Adoption;
}

/** Knows all that an actor is told when it starts, so that nobody else need know it. */
export class ActorLauncher implements Launcher {
  readonly #options: LauncherOptions;
  /** By name, the newest. */
  readonly #processes = new Map<string, HostedProcess>();

  constructor(options: LauncherOptions) {
    this.#options = options;
  }

  start(spec: ActorSpec, { epoch, ended, serving }: Life, handlers: ProcessHandlers): ActorProcess {
    const { stateDir, configIn, natsOf, adoption } = this.#options;
    const { address, kind, dataCenter, index, partitions = [] } = spec;
    const nats = natsOf(dataCenter, kind);
    const identity = {
      ...{ address, kind, dataCenter, index, epoch, partitions },
      ...(ended === undefined ? {} : { ended }),
    } as const;
    const config = configIn(dataCenter);
    const start = { type: 'start', ...identity, config, nats, stateDir, serving } as const;
    const shared = this.#processOf(spec);
    if (adoption === undefined) return shared.start({ start }, handlers);
    // So that a successor would know of it.
    const note = (pid: number): Promise<void> => adoption.note(address, epoch, pid);
    return shared.start(
      { start, note },
      {
        ...handlers,
        onExit: (exit) => {
          adoption.forget(address, epoch);
          handlers.onExit(exit);
        },
      },
    );
  }

  claim(
    { address, dataCenter, kind, partitions = [] }: ActorSpec,
    handlers: LeftProcessHandlers,
  ): ClaimedProcess | undefined {
    const { configIn, natsOf, adoption } = this.#options;
    const config = configIn(dataCenter);
    const startHash = startHashOf({ config, nats: natsOf(dataCenter, kind) });
    return adoption?.claim(address, { kind, partitions, startHash }, handlers);
  }

  dismissOthers(): void {
    this.#options.adoption?.dismissOthers();
  }

  /** One that ends, or will with those who are in it, is left to itself: who begins now begins in the next one. */
  #processOf(spec: ActorSpec): HostedProcess {
    const { entry, stateDir, processOf } = this.#options;
    const { address, kind } = spec;
    const name = processOf?.(spec) ?? address;
    const running = this.#processes.get(name);
    if (running?.isOpen === true) return running;
    const title = name === address ? [kind, address] : [name];
    const started = new HostedProcess({ entry, stateDir, name, title });
    this.#processes.set(name, started);
    return started;
  }
}
