import type { ActorKind } from '../messages/actor-kinds.js';
import type { ActorSpec } from '../messages/actor-spec.js';
import type { NatsAccess } from '../messages/nats-access.js';
import { startHashOf } from '../runtime/supervision-socket.js';
import type { Adoption } from './adoption/adoption.js';
import type { LeftProcessHandlers } from './adoption/left-process.js';
import {
  startActorProcess,
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
  /** Starts a process and returns at once; whatever goes wrong is its exit. */
  start(spec: ActorSpec, life: Life, handlers: ProcessHandlers): ActorProcess;
  /** The process that an earlier supervisor left at this address, if there is one. */
  claim(spec: ActorSpec, handlers: LeftProcessHandlers): ClaimedProcess | undefined;
  /** Processes that were left and that nobody has claimed are told to leave. */
  dismissOthers(): void;
}

export interface LauncherOptions {
  /** Compiled module that becomes the actor named in its start message. */
  readonly entry: string;
  readonly stateDir: string;
  /** The resolved configuration that actors of a data center run by now, plain JSON. */
  readonly configIn: (dataCenter: string) => unknown;
  /** Servers of a data center, and the credentials of a kind: no actor learns those of another. */
  readonly natsOf: (dataCenter: string, kind: ActorKind) => NatsAccess;
  /** What an earlier supervisor left, and what this one leaves; without it every actor is started anew. */
  readonly adoption?: Adoption;
}

/** Knows all that an actor is told when it starts, so that nobody else need know it. */
export class ActorLauncher implements Launcher {
  readonly #options: LauncherOptions;

  constructor(options: LauncherOptions) {
    this.#options = options;
  }

  start(spec: ActorSpec, { epoch, ended, serving }: Life, handlers: ProcessHandlers): ActorProcess {
    const { entry, stateDir, configIn, natsOf, adoption } = this.#options;
    const { address, kind, dataCenter, index, partitions = [] } = spec;
    const nats = natsOf(dataCenter, kind);
    const identity = {
      ...{ address, kind, dataCenter, index, epoch, partitions },
      ...(ended === undefined ? {} : { ended }),
    } as const;
    const config = configIn(dataCenter);
    const start = { type: 'start', ...identity, config, nats, stateDir, serving } as const;
    if (adoption === undefined) return startActorProcess({ entry, start }, handlers);
    // So that a successor would know of it.
    const note = (pid: number): Promise<void> => adoption.note(address, epoch, pid);
    const started = startActorProcess(
      { entry, start, note },
      {
        ...handlers,
        onExit: (exit) => {
          if (started.pid !== null) adoption.forget(address, started.pid);
          handlers.onExit(exit);
        },
      },
    );
    return started;
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
}
