import type { Logger } from 'pino';
import { createActor } from 'xstate';
import { every, type Cancel, type Clock } from '../core/base/clock.js';
import { codeOf, messageOf, type StarlingError } from '../core/base/errors.js';
import type { Random, TimeAndChance } from '../core/base/random.js';
import type { BackendSource } from '../core/model/backend-source.js';
import type { ClusterConfig } from '../core/config/schema.js';
import type { ActorKind } from '../messages/actor-kinds.js';
import type { ChildMessage, ReportedState } from '../messages/child-messages.js';
import type { processFigures } from '../messages/stats/common-figures.js';
import type { Heard } from '../messages/stats/figures.js';
import { actorMachine } from './actor.machine.js';
import type { Actor, ActorContext, ActorIdentity, CreateActor } from './actor.js';
import type { Bus } from './bus/bus.js';
import { machineClock } from './machine-clock.js';
import type { Neighbourhood } from './neighbours/neighbourhood.js';
import { permitsOf, type Permits } from './neighbours/permits.js';
import { atMost } from './time-limit.js';
import type { ActorStores } from './stores/actor-stores.js';

/** What it is given by whatever it lives in: a process of an operating system, or one of a simulation. */
export interface LifeSupport extends TimeAndChance {
  readonly identity: ActorIdentity;
  readonly config: ClusterConfig;
  /** False: it stays out of the queue groups of public subjects for now; see Actor.serve. */
  readonly serving: boolean;
  readonly log: Logger;
  /** Made when it is connected. */
  readonly stores: () => ActorStores;
  /** Left out: those of the process alone. */
  readonly backends?: BackendSource;
  readonly load: (kind: ActorKind) => Promise<CreateActor>;
  /** @throws StarlingError where there is no server, or it is not let in. */
  readonly connect: (handlers: ConnectionHandlers) => Promise<Bus>;
  /** Of the process, where several live in it: they reach each other without a server. */
  readonly neighbours?: Neighbourhood;
  /** To its supervisor, if there is one. */
  readonly tell: (message: ChildMessage) => void;
  /** What the process takes: for its heartbeats. */
  readonly usage: () => Pick<Heard<typeof processFigures>, 'rssBytes' | 'cpuMs'>;
  /** Its last act. */
  readonly exit: (end: LifeEnd) => void;
}

/** How a life ended, and what is left of it. */
export interface LifeEnd {
  /** Of the process; 0: it was asked to. */
  readonly code: number;
  /** It was ready, and has finished and closed all that it had: nothing of it goes on. */
  readonly isDrained: boolean;
  readonly bus: Bus | undefined;
}

export interface ConnectionHandlers {
  readonly onForbidden: (error: StarlingError) => void;
  readonly onMoved: (where: {
    readonly dataCenter: string | undefined;
    readonly away: boolean;
  }) => void;
  readonly onInterrupted: (error: StarlingError) => void;
  /** It is closed for good, and nobody asked for that. */
  readonly onClosed: (error: unknown) => void;
}

/** Between two lines about refused publishes, which a caller can cause at will. Too low: it fills the disk. */
const forbiddenLogMs = 10_000;
/** For a way to the server and back. Too high: who stops while the server is away takes longer. */
const lastWordsMsMax = 500;

/** The life of one actor, from its connection to its end, as its supervisor hears of it. */
export class ActorLife {
  readonly #support: LifeSupport;
  readonly #clock: Clock;
  readonly #random: Random;
  readonly #log: Logger;
  #reported: ReportedState = 'starting';
  #bus: Bus | undefined;
  #actor: Actor | undefined;
  #heartbeat: Cancel = () => undefined;
  #drainMs: number;
  /** Whether it is to answer the public; see Actor.serve. */
  #open: boolean;
  /** Whether it does; undefined until it has said so. */
  #serving: boolean | undefined;
  #turn: Promise<void> = Promise.resolve();
  #forbiddenLoggedMs = -Infinity;
  #hasFailed = false;
  #isRestored = false;
  #isDrained = false;
  readonly #life;

  constructor(support: LifeSupport) {
    this.#support = support;
    this.#clock = support.clock;
    this.#random = support.random;
    this.#log = support.log;
    this.#open = support.serving;
    this.#drainMs = support.config.supervision.drainMs;
    this.#life = createActor(
      actorMachine.provide({
        actions: {
          announce: (_context, { state }) => this.#announce(state as ReportedState),
          restore: () => void this.#restore(),
          drain: () => void this.#drain(),
          exit: (_context, { code }) => this.#exit(code),
        },
      }),
      { clock: machineClock(support.clock) },
    );
  }

  get state(): ReportedState {
    return this.#reported;
  }

  run(): void {
    this.#life.start();
    const { heartbeatMs } = this.#support.config.supervision;
    this.#heartbeat = every(this.#clock, heartbeatMs, () => this.beat());
    void this.#connect();
  }

  /** It finishes what it has, and ends. */
  stop(drainMs?: number): void {
    if (drainMs !== undefined) this.#drainMs = drainMs;
    this.#life.send({ type: 'STOP' });
  }

  /** Join or leave the queue groups of public subjects. */
  serve(open: boolean): void {
    this.#open = open;
    void this.#serve();
  }

  /** One change after the other; the last word of the supervisor stands, whenever it came. */
  #serve(): Promise<void> {
    this.#turn = this.#turn.then(async () => {
      const open = this.#open;
      if (!this.#actor?.serve || this.#serving === open) return;
      await this.#actor.serve(open);
      this.#serving = open;
      this.#log.info({ open }, open ? 'answers the public' : 'out of its queue groups');
      // Whoever waits for it should not have to wait for the next heartbeat, too.
      this.beat();
    });
    return this.#turn.catch((error: unknown) => this.fail(error));
  }

  async #connect(): Promise<void> {
    try {
      const { identity, config, connect, load, log, stores, neighbours, backends } = this.#support;
      const bus = await connect({
        onForbidden: (error) => this.#onForbidden(error),
        onMoved: ({ dataCenter: server, away }) => {
          if (away) log.warn({ server }, 'connected away from home');
          else log.info({ server }, 'connected at home again');
        },
        onInterrupted: ({ code, message: err }) =>
          log.warn({ code, err }, 'a stream is out of reach; it is followed on later'),
        onClosed: (error) => this.fail(error),
      });
      this.#bus = neighbours?.join(bus, this.#permits(bus)) ?? bus;
      const create = await load(identity.kind);
      const context: ActorContext = {
        ...{ identity, config, log, bus: this.#bus, stores: stores() },
        ...{ clock: this.#clock, random: this.#random },
        ...(backends === undefined ? {} : { backends }),
        crash: (error) => this.fail(error),
      };
      this.#actor = create(context);
      this.#life.send({ type: 'CONNECTED' });
    } catch (error) {
      this.fail(error);
    }
  }

  #permits({ names }: Bus): Permits {
    const { identity, config } = this.#support;
    const { kind, dataCenter } = identity;
    const dataCenters = config.dataCenters.map(({ name }) => name);
    return permitsOf(kind, { names, dataCenter, dataCenters });
  }

  /**
   * An actor without one of its subscriptions looks ready and does nothing, so that ends it. A refused publish must
   * not: a caller chooses where its answer goes, and could end a service by naming a place that is forbidden to it.
   */
  #onForbidden(error: StarlingError): void {
    if (error.details['operation'] === 'subscribe') return this.fail(error);
    const nowMs = this.#clock.nowMs();
    if (nowMs - this.#forbiddenLoggedMs < forbiddenLogMs) return;
    this.#forbiddenLoggedMs = nowMs;
    this.#log.warn({ code: error.code, err: error.message }, 'a publish was refused');
  }

  async #restore(): Promise<void> {
    try {
      const startMs = this.#clock.nowMs();
      await this.#serve();
      await this.#actor!.start();
      // Ready is who can be asked: the server knows by now what this actor answers.
      await this.#bus!.flush();
      this.#log.info({ restoreMs: Math.round(this.#clock.nowMs() - startMs) }, 'ready');
      // The figures first: whoever sees that it is ready sees with what.
      this.beat();
      this.#isRestored = true;
      this.#life.send({ type: 'RESTORED' });
    } catch (error) {
      this.fail(error);
    }
  }

  async #drain(): Promise<void> {
    const cancel = this.#clock.after(this.#drainMs, () => {
      this.#log.warn(
        { drainMs: this.#drainMs },
        'drain took too long; what was not durable will be redelivered',
      );
      this.#life.send({ type: 'DRAINED' });
    });
    try {
      await this.#actor?.stop();
      // What it has answered last is on its way, and would go with the process.
      if (this.#bus) await atMost(this.#clock, lastWordsMsMax, this.#bus.flush());
      // What has not got ready by now may still be opening something.
      this.#isDrained = this.#isRestored;
    } catch (error) {
      this.#log.warn(
        { code: codeOf(error), err: messageOf(error) },
        'drain failed; what was not durable will be redelivered',
      );
    }
    cancel();
    this.#life.send({ type: 'DRAINED' });
  }

  #announce(state: ReportedState): void {
    this.#reported = state;
    this.#support.tell({ type: 'state', state });
  }

  /** Tells its supervisor that it lives, and how. */
  beat(): void {
    this.#support.tell({
      type: 'heartbeat',
      atMs: this.#clock.wallMs(),
      stats: { ...this.#actor?.stats(), ...this.#processStats() },
    });
  }

  #processStats(): Heard<typeof processFigures> {
    const calls = this.#bus?.calls;
    return {
      ...(this.#serving === undefined ? {} : { serving: this.#serving }),
      ...(this.#bus?.away ? { awayAt: this.#bus.dataCenter ?? 'another server' } : {}),
      ...(calls ? { callsDirect: calls.direct, callsOverServer: calls.overServer } : {}),
      ...this.#support.usage(),
    };
  }

  /** A defect that leaves it unable to go on. */
  fail(error: unknown, what = 'failed'): void {
    // It ends. What its parts say of that meanwhile, each as often as it tries something, is no news.
    if (this.#hasFailed) return;
    this.#hasFailed = true;
    this.#log.error(
      { code: codeOf(error), err: error instanceof Error ? error.stack : messageOf(error) },
      what,
    );
    this.#support.tell({ type: 'failed', code: codeOf(error), message: messageOf(error) });
    this.#life.send({ type: 'FAILED' });
  }

  #exit(code: number): void {
    this.#heartbeat();
    const isDrained = this.#isDrained && !this.#hasFailed;
    this.#support.exit({ code, isDrained, bus: this.#bus });
  }
}

/** Whether a process ends with the life of one actor in it. */
export function endsProcess(
  { code, isDrained }: Pick<LifeEnd, 'code' | 'isDrained'>,
  others: readonly { readonly isLeaving: boolean }[],
): boolean {
  if (others.length === 0 || code !== 0) return true;
  // Where all leave it ends soon, and they should have the time to do it in order.
  return !isDrained && !others.every(({ isLeaving }) => isLeaving);
}
