import type { ActorKind } from '../messages/actor-kinds.js';
import type { ActorSpec, PlacedModel } from '../messages/actor-spec.js';
import type { NatsAccess } from '../messages/nats-access.js';
import { startHashOf } from '../runtime/supervision-socket.js';
import type { Adoption } from './adoption/adoption.js';
import type { LeftProcessHandlers } from './adoption/left-process.js';
import {
  HostedProcess,
  titleOf,
  type ActorProcess,
  type ClaimedProcess,
  type ProcessHandlers,
} from './child-process.js';
import type { PreparedProcesses } from './prepared-processes.js';

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
  /** The resolved configuration that actors of a data center run by now, or those of a model there, plain JSON. */
  readonly configIn: (dataCenter: string, model?: PlacedModel) => unknown;
  /** Servers of a data center, and the credentials of a kind: no actor learns those of another. */
  readonly natsOf: (dataCenter: string, kind: ActorKind) => NatsAccess;
  /** Name of the process that an actor is to share with others; left out: each has its own. */
  readonly processOf?: (spec: ActorSpec) => string;
  /** Some that were started before it was known who is to be in them. */
  readonly prepared?: Pick<PreparedProcesses, 'take'>;
  /** What an earlier supervisor left, and what this one leaves; without it every actor is started anew. */
  readonly adoption?: Adoption;
}

/** Knows all that an actor is told when it starts, so that nobody else need know it. */
export class ActorLauncher implements Launcher {
  readonly #options: LauncherOptions;
  /** By name: those that may live yet, the newest last. */
  readonly #processes = new Map<string, readonly HostedProcess[]>();
  /** By name: pids of those that an earlier supervisor left. */
  readonly #left = new Map<string, Set<number>>();

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
    const config = configIn(dataCenter, spec.model);
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

  claim(spec: ActorSpec, handlers: LeftProcessHandlers): ClaimedProcess | undefined {
    const { address, dataCenter, kind, partitions = [] } = spec;
    const { configIn, natsOf, adoption } = this.#options;
    const config = configIn(dataCenter, spec.model);
    const startHash = startHashOf({ config, nats: natsOf(dataCenter, kind) });
    const claimed = adoption?.claim(address, { kind, partitions, startHash }, handlers);
    if (claimed === undefined) return undefined;
    const name = this.#nameOf(spec);
    this.#left.set(name, (this.#left.get(name) ?? new Set()).add(claimed.pid));
    return claimed;
  }

  dismissOthers(): void {
    this.#options.adoption?.dismissOthers();
  }

  /** One that ends, or will with those who are in it, is left to itself: who begins now begins in the next one. */
  #processOf(spec: ActorSpec): HostedProcess {
    const { entry, stateDir, prepared } = this.#options;
    const name = this.#nameOf(spec);
    const living = (this.#processes.get(name) ?? []).filter(({ isGone }) => !isGone);
    const newest = living.at(-1);
    if (newest?.isOpen === true) return newest;
    const sharesLog = living.length > 0 || this.#isLeft(name);
    const place = { entry, stateDir, name, title: titleOf(name, spec), sharesLog };
    const started = prepared?.take(name) ?? new HostedProcess(place);
    this.#processes.set(name, [...living, started]);
    return started;
  }

  #nameOf(spec: ActorSpec): string {
    return this.#options.processOf?.(spec) ?? spec.address;
  }

  /** Whether a process of that name lives that an earlier supervisor left. */
  #isLeft(name: string): boolean {
    const { adoption } = this.#options;
    const pids = [...(this.#left.get(name) ?? [])];
    return pids.some((pid) => adoption?.hasLeft(pid) === true);
  }
}
