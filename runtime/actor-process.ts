import { StarlingError } from '../core/base/errors.js';
import type { ActorKind } from '../messages/actor-kinds.js';
import type { PrepareMessage, StartMessage } from '../messages/child-messages.js';
import { parseParentMessage } from '../messages/child-messages.js';
import type { CreateActor } from './actor.js';
import type { Bus } from './bus/bus.js';
import { endsProcess, type ConnectionHandlers, type LifeEnd } from './actor-life.js';
import { HostedActor } from './hosted-actor.js';
import { connectAs } from './nats/nats-bus.js';
import { Neighbourhood } from './neighbours/neighbourhood.js';
import type { ScopedClock } from './scoped-clock.js';

/**
 * A process of actors: of one, or of several that share its fate. Each has a connection, credentials, a clock, a life and a
 * way to the supervisor of its own. One that was asked to leave and has, leaves the others alone; one that fails, or
 * leaves something behind, takes the process along, as nobody could say what of it goes on.
 *
 * Credentials and configuration come over the IPC channel, never on the command line. When the channel closes the
 * supervisor is gone: the actors go on for `supervision.orphanMs` and look for the next one; if none comes they drain and
 * the process ends, so that none is left behind for good.
 */
export function runActorProcess(load: (kind: ActorKind) => Promise<CreateActor>): void {
  new ActorProcess(load).run();
}

/** For what was said last to leave the process. */
const lastWordsMsMax = 500;

class ActorProcess {
  readonly #load: (kind: ActorKind) => Promise<CreateActor>;
  readonly #actors = new Map<string, HostedActor>();
  /** By which they reach each other without a server. */
  readonly #neighbours = new Neighbourhood();
  #isEnding = false;

  constructor(load: (kind: ActorKind) => Promise<CreateActor>) {
    this.#load = load;
  }

  run(): void {
    // Ctrl-C reaches the whole terminal group; the supervisor stops its actors in order.
    process.on('SIGINT', () => undefined);
    process.on('message', (value) => this.#hear(value));
    process.on('disconnect', () => {
      // Without a start message there is nothing to go on with.
      if (this.#actors.size === 0) process.exit(0);
      for (const actor of this.#actors.values()) actor.orphaned();
    });
    process.on('SIGTERM', () => {
      if (this.#actors.size === 0) process.exit(0);
      for (const actor of this.#actors.values()) actor.stop();
    });
    // Whose it is can't be told: all are ended by it.
    process.on('uncaughtException', (error) => this.#fail(error, 'uncaught exception'));
    process.on('unhandledRejection', (error) => this.#fail(error, 'unhandled rejection'));
  }

  #hear(value: unknown): void {
    const message = parseParentMessage(value);
    if (message?.type === 'start') return this.#start(message);
    if (message?.type === 'prepare') return this.#prepare(message);
    if (message === undefined || message.type === 'adopted') return;
    for (const [address, actor] of this.#actors)
      if (address === (message.address ?? address)) actor.told(message);
  }

  #prepare({ kinds }: PrepareMessage): void {
    // What can't be loaded is the failure of the actor that needs it.
    for (const kind of kinds) this.#load(kind).catch(() => undefined);
  }

  #start(start: StartMessage): void {
    // Two would hold the same files, and the supervisor means the later one.
    const living = this.#actors.get(start.address);
    if (living) return living.fail(startedTwice(start), 'started twice');
    const actor = new HostedActor(start, {
      load: this.#load,
      connect: (clock, handlers) => this.#connect(start, clock, handlers),
      neighbours: this.#neighbours,
      exit: (end) => void this.#leave(start.address, end),
    });
    this.#actors.set(start.address, actor);
    actor.run();
  }

  async #connect(
    { nats, address }: StartMessage,
    clock: ScopedClock,
    { onClosed, ...others }: ConnectionHandlers,
  ): Promise<Bus> {
    const bus = await connectAs(nats, { name: address, clock, ...others });
    void bus.closed().then((error) => {
      if (error) onClosed(error);
    });
    return bus;
  }

  async #leave(address: string, end: LifeEnd): Promise<void> {
    if (this.#isEnding) return;
    const actor = this.#actors.get(address)!;
    const others = [...this.#actors.values()].filter((each) => each !== actor);
    if (endsProcess(end, others)) return this.#end(actor, end, others.length === 0);
    this.#actors.delete(address);
    await actor.leave(end);
  }

  /** With the last actor, or because of one. */
  async #end(actor: HostedActor, end: LifeEnd, isLast: boolean): Promise<void> {
    this.#isEnding = true;
    const code = isLast ? end.code : end.code || 1;
    setTimeout(() => process.exit(code), lastWordsMsMax).unref();
    if (!isLast && end.code === 0) actor.tell({ type: 'left', clean: false });
    await end.bus?.close().catch(() => undefined); // The process ends anyway; the server notices.
    await Promise.all([...this.#actors.values()].map((each) => each.close()));
    if (process.connected) process.disconnect();
    process.exit(code);
  }

  #fail(error: unknown, what: string): void {
    // Before it holds anybody there is nobody to say it for it.
    if (this.#actors.size === 0) throw error;
    for (const actor of [...this.#actors.values()]) actor.fail(error, what);
  }
}

function startedTwice({ address, epoch }: StartMessage): StarlingError {
  return new StarlingError('INTERNAL', `${address} lives here, and epoch ${epoch} was started`);
}
