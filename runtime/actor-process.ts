import { mkdirSync } from 'node:fs';
import path from 'node:path';
import { pino } from 'pino';
import type { Logger } from 'pino';
import { createActor as createMachine } from 'xstate';
import { codeOf, messageOf, type StarlingError } from '../core/base/errors.js';
import type { ClusterConfig } from '../core/config/schema.js';
import type { ActorKind } from '../messages/actor-kinds.js';
import type { ParentMessage, ReportedState, StartMessage } from '../messages/child-messages.js';
import type { processFigures } from '../messages/stats/common-figures.js';
import type { Heard } from '../messages/stats/figures.js';
import { actorMachine } from './actor.machine.js';
import type { Actor, CreateActor } from './actor.js';
import { connectAs } from './nats/nats-bus.js';
import type { NatsBus } from './nats/nats-bus.js';
import { SupervisorChannel } from './supervisor-channel.js';

/**
 * The process of one actor. Credentials and configuration come over the IPC channel, never on the command line. When
 * the channel closes the supervisor is gone: the actor goes on for `supervision.orphanMs` and looks for the next one;
 * if none comes it drains and ends, so that no process is left behind for good.
 */
export function runActorProcess(load: (kind: ActorKind) => Promise<CreateActor>): void {
  // Ctrl-C reaches the whole terminal group; the supervisor stops its actors in order.
  process.on('SIGINT', () => undefined);
  // Without a start message there is nothing to go on with.
  const leave = (): never => process.exit(0);
  process.once('disconnect', leave);
  process.once('message', (message: ParentMessage) => {
    process.off('disconnect', leave);
    if (message.type === 'start') new ActorProcess(message, load).run();
    else process.exit(0);
  });
}

/** Between two lines about refused publishes, which a caller can cause at will. Too low: it fills the disk. */
const forbiddenLogMs = 10_000;

class ActorProcess {
  readonly #start: StartMessage;
  readonly #load: (kind: ActorKind) => Promise<CreateActor>;
  readonly #log: Logger;
  readonly #supervisor: SupervisorChannel;
  #reported: ReportedState = 'starting';
  #bus: NatsBus | undefined;
  #actor: Actor | undefined;
  #heartbeat: NodeJS.Timeout | undefined;
  #drainMs: number;
  /** Whether it is to answer the public; see Actor.serve. */
  #open: boolean;
  /** Whether it does; undefined until it has said so. */
  #serving: boolean | undefined;
  #turn: Promise<void> = Promise.resolve();
  #forbiddenLoggedMs = -Infinity;
  readonly #life;

  constructor(start: StartMessage, load: (kind: ActorKind) => Promise<CreateActor>) {
    this.#start = start;
    this.#load = load;
    this.#open = start.serving ?? true;
    this.#drainMs = (start.config as ClusterConfig).supervision.drainMs;
    this.#log = pino(
      { base: { address: start.address, epoch: start.epoch } },
      pino.destination({ dest: 1, sync: true }),
    );
    this.#life = createMachine(
      actorMachine.provide({
        actions: {
          announce: (_context, { state }) => this.#announce(state as ReportedState),
          restore: () => void this.#restore(),
          drain: () => void this.#drain(),
          exit: (_context, { code }) => void this.#exit(code),
        },
      }),
    );
    this.#supervisor = this.#listen();
  }

  run(): void {
    process.on('uncaughtException', (error) => this.#fail(error, 'uncaught exception'));
    process.on('unhandledRejection', (error) => this.#fail(error, 'unhandled rejection'));
    process.on('SIGTERM', () => this.#life.send({ type: 'STOP' }));
    this.#life.start();
    const { heartbeatMs } = (this.#start.config as ClusterConfig).supervision;
    this.#heartbeat = setInterval(() => this.#beat(), heartbeatMs);
    void this.#connect();
  }

  #listen(): SupervisorChannel {
    return new SupervisorChannel({
      start: this.#start,
      orphanMs: (this.#start.config as ClusterConfig).supervision.orphanMs,
      state: () => this.#reported,
      onStop: ({ drainMs }) => {
        this.#drainMs = drainMs;
        this.#life.send({ type: 'STOP' });
      },
      onServe: ({ open }) => {
        this.#open = open;
        void this.#serve();
      },
      onOrphaned: () => this.#log.warn('the supervisor is gone; waiting for the next one'),
      onAdopted: () => {
        this.#log.info('supervised again');
        this.#beat();
      },
      onAbandoned: (reason) => {
        this.#log.warn({ reason }, 'nobody supervises this actor; it leaves');
        this.#life.send({ type: 'STOP' });
      },
    });
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
      this.#beat();
    });
    return this.#turn.catch((error: unknown) => this.#fail(error));
  }

  async #connect(): Promise<void> {
    try {
      const { nats, address } = this.#start;
      this.#bus = await connectAs(nats, {
        name: address,
        onForbidden: (error) => this.#onForbidden(error),
        onMoved: ({ dataCenter: server, away }) => {
          if (away) this.#log.warn({ server }, 'connected away from home');
          else this.#log.info({ server }, 'connected at home again');
        },
        onInterrupted: ({ code, message: err }) =>
          this.#log.warn({ code, err }, 'a stream is out of reach; it is followed on later'),
      });
      void this.#bus.closed().then((error) => {
        if (error) this.#fail(error);
      });
      const { kind, dataCenter, index, epoch, partitions, stateDir } = this.#start;
      const folder = path.join(stateDir, 'actors', address);
      mkdirSync(folder, { recursive: true, mode: 0o700 });
      const create = await this.#load(kind);
      this.#actor = create({
        identity: { address, kind, dataCenter, index, epoch, partitions },
        config: this.#start.config as ClusterConfig,
        bus: this.#bus,
        folder,
        log: this.#log,
        crash: (error) => this.#fail(error),
      });
      this.#life.send({ type: 'CONNECTED' });
    } catch (error) {
      this.#fail(error);
    }
  }

  /**
   * An actor without one of its subscriptions looks ready and does nothing, so that ends it. A refused publish must
   * not: a caller chooses where its answer goes, and could end a service by naming a place that is forbidden to it.
   */
  #onForbidden(error: StarlingError): void {
    if (error.details['operation'] === 'subscribe') return this.#fail(error);
    const nowMs = performance.now();
    if (nowMs - this.#forbiddenLoggedMs < forbiddenLogMs) return;
    this.#forbiddenLoggedMs = nowMs;
    this.#log.warn({ code: error.code, err: error.message }, 'a publish was refused');
  }

  async #restore(): Promise<void> {
    try {
      const startMs = performance.now();
      await this.#serve();
      await this.#actor!.start();
      // Ready is who can be asked: the server knows by now what this actor answers.
      await this.#bus!.flush();
      this.#log.info({ restoreMs: Math.round(performance.now() - startMs) }, 'ready');
      // The figures first: whoever sees that it is ready sees with what.
      this.#beat();
      this.#life.send({ type: 'RESTORED' });
    } catch (error) {
      this.#fail(error);
    }
  }

  async #drain(): Promise<void> {
    const deadline = setTimeout(() => {
      this.#log.warn(
        { drainMs: this.#drainMs },
        'drain took too long; what was not durable will be redelivered',
      );
      this.#life.send({ type: 'DRAINED' });
    }, this.#drainMs);
    try {
      await this.#actor?.stop();
    } catch (error) {
      this.#log.warn(
        { code: codeOf(error), err: messageOf(error) },
        'drain failed; what was not durable will be redelivered',
      );
    }
    clearTimeout(deadline);
    this.#life.send({ type: 'DRAINED' });
  }

  #announce(state: ReportedState): void {
    this.#reported = state;
    this.#supervisor.send({ type: 'state', state });
  }

  #beat(): void {
    this.#supervisor.send({
      type: 'heartbeat',
      atMs: Date.now(),
      stats: { ...this.#actor?.stats(), ...this.#processStats() },
    });
  }

  #processStats(): Heard<typeof processFigures> {
    return {
      ...(this.#serving === undefined ? {} : { serving: this.#serving }),
      ...(this.#bus?.away ? { awayAt: this.#bus.dataCenter ?? 'another server' } : {}),
      rssBytes: process.memoryUsage.rss(),
      cpuMs: cpuMs(),
    };
  }

  #fail(error: unknown, what = 'failed'): void {
    this.#log.error(
      { code: codeOf(error), err: error instanceof Error ? error.stack : messageOf(error) },
      what,
    );
    this.#supervisor.send({ type: 'failed', code: codeOf(error), message: messageOf(error) });
    this.#life.send({ type: 'FAILED' });
  }

  async #exit(code: number): Promise<void> {
    clearInterval(this.#heartbeat);
    // The last words must leave before the process does.
    setTimeout(() => process.exit(code), 500).unref();
    await this.#bus?.close().catch(() => undefined); // The process ends anyway; the server notices.
    await this.#supervisor.close();
    process.exit(code);
  }
}

/** Processor time of this process so far: where the time of a cluster goes. */
function cpuMs(): number {
  const { user, system } = process.cpuUsage();
  return Math.round((user + system) / 1000);
}
