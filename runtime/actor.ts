import type { Logger } from 'pino';
import type { BackendSource } from '../core/model/backend-source.js';
import type { ClusterConfig } from '../core/config/schema.js';
import type { TimeAndChance } from '../core/base/random.js';
import type { ActorKind, StatsOf } from '../messages/actor-kinds.js';
import type { Bus } from './bus/bus.js';
import type { ActorStores } from './stores/actor-stores.js';

/** Who an actor is. The epoch rises with every start of the address, so that an older incarnation can be told apart. */
export interface ActorIdentity {
  /** `<data center>.<kind>.<index>` */
  readonly address: string;
  readonly kind: ActorKind;
  readonly dataCenter: string;
  readonly index: number;
  readonly epoch: number;
  readonly partitions: readonly number[];
  /** The newest life of this address that its supervisor has seen end; left out: none. */
  readonly ended?: number;
}

export interface ActorContext extends TimeAndChance {
  readonly identity: ActorIdentity;
  readonly config: ClusterConfig;
  readonly bus: Bus;
  readonly stores: ActorStores;
  /** Left out: those of the process alone. */
  readonly backends?: BackendSource;
  readonly log: Logger;
  /** Reports a defect that leaves the actor unable to go on: the process ends and its supervisor restarts it. */
  readonly crash: (error: unknown) => void;
}

/**
 * An actor is an address, a life cycle and handlers. `start` restores its state and opens its subjects; when it
 * resolves the actor is ready. `stop` takes nothing new, finishes what it has, and resolves when all is durable.
 */
export interface Actor<K extends ActorKind = ActorKind> {
  start(): Promise<void>;
  stop(): Promise<void>;
  /**
   * Of actors that answer the public: join (open) or leave the queue groups of their public subjects; resolves when
   * all that was handed over before is answered. May be called before `start`, which then opens accordingly, and while
   * it runs. An actor without it has no part in taking a data center out of service.
   */
  serve?(open: boolean): Promise<void>;
  /**
   * Figures for heartbeats and `starling status` (messages/stats/); cheap, called twice a second and from the first
   * moment on. Undefined: it has nothing to say yet.
   */
  stats(): StatsOf<K> | undefined;
}

export type CreateActor<K extends ActorKind = ActorKind> = (context: ActorContext) => Actor<K>;
