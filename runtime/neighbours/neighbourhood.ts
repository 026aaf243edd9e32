import { overlap } from '../../messages/permissions.js';
import type { Bus } from '../bus/bus.js';
import { Inbox } from './inbox.js';
import type { DirectCall } from './direct-call.js';
import { NeighbourBus } from './neighbour-bus.js';
import { Outbox, type Correspondent } from './outbox.js';
import type { Permits } from './permits.js';
import type { Service } from './service.js';

/** An answer that did not go over a server. */
export interface DirectAnswer {
  readonly responder: Bus;
  readonly subject: string;
  readonly request: Uint8Array;
  readonly reply: Uint8Array;
}

export interface NeighbourhoodOptions {
  /** Hears every answer at the moment at which it is given. */
  readonly onAnswer?: (answer: DirectAnswer) => void;
}

/** What is sent to a subject, as seen by one of them. */
export interface Route {
  /** Who may be asked directly. */
  readonly services: readonly Service[];
  /** Who may get it from the server. */
  readonly concerned: readonly Neighbour[];
}

const noRoute: Route = { services: [], concerned: [] };
/** Subjects with their routes. More: an actor that asks ever new ones, whose routes are of no use. */
const routesMax = 4_096;

/** One of them, as the others know it. */
export class Neighbour implements Correspondent {
  readonly bus: Bus;
  readonly permits: Permits;
  readonly inbox: Inbox;
  readonly outbox: Outbox;
  readonly services = new Set<Service>();
  /** What the server may hand over to it. */
  readonly heard = new Set<{ readonly subject: string }>();
  /** Its calls that are not answered. */
  readonly calls = new Set<DirectCall>();
  /** Its requests that wait for a server: nobody knows when they go out. */
  waitingForServer = 0;
  readonly #routes = new Map<string, Route>();
  #version = -1;

  constructor(bus: Bus, permits: Permits) {
    this.bus = bus;
    this.permits = permits;
    this.inbox = new Inbox(bus.clock);
    this.outbox = new Outbox(bus.clock, this);
  }

  flush(): Promise<void> {
    return this.bus.flush();
  }

  /** @param version of who is there, and what they serve: with another one all is looked up anew. */
  routeOf(subject: string, version: number, find: () => Route): Route {
    if (version !== this.#version || this.#routes.size >= routesMax) {
      this.#routes.clear();
      this.#version = version;
    }
    let route = this.#routes.get(subject);
    if (!route) this.#routes.set(subject, (route = find()));
    return route;
  }
}

/**
 * The actors of one process. Each has its own connection and its role; what one asks of another goes directly where that is
 * right, and over the server else (neighbour-bus.ts). With one alone, all goes over the server.
 */
export class Neighbourhood {
  readonly #neighbours = new Set<Neighbour>();
  readonly #onAnswer: NeighbourhoodOptions['onAnswer'];
  #version = 0;
  #wasShared = false;

  constructor({ onAnswer }: NeighbourhoodOptions = {}) {
    this.#onAnswer = onAnswer;
  }

  /** More than one has been here. */
  get wasShared(): boolean {
    return this.#wasShared;
  }

  /** @returns the bus that it is to use instead; who closes it leaves. */
  join(bus: Bus, permits: Permits): Bus {
    const neighbour = new Neighbour(bus, permits);
    this.#neighbours.add(neighbour);
    if (this.#neighbours.size > 1) this.#wasShared = true;
    this.changed();
    return new NeighbourBus(this, neighbour);
  }

  leave(neighbour: Neighbour): void {
    if (!this.#neighbours.delete(neighbour)) return;
    neighbour.services.clear();
    neighbour.heard.clear();
    this.changed();
    const calls = [...this.#neighbours].flatMap((each) => [...each.calls]);
    for (const call of [...neighbour.calls, ...calls]) if (call.isWith(neighbour)) call.lose();
    for (const each of this.#neighbours) each.outbox.forget(neighbour);
  }

  /** Somebody serves or hears something else than before. */
  changed(): void {
    this.#version++;
  }

  /** What any of them has sent over the server may be for this one. */
  mayHear(neighbour: Neighbour): void {
    for (const each of this.#neighbours) each.outbox.goingAround([neighbour]);
  }

  answered(answer: DirectAnswer): void {
    this.#onAnswer?.(answer);
  }

  routeOf(caller: Neighbour, subject: string): Route {
    if (this.#neighbours.size < 2) return noRoute;
    return caller.routeOf(subject, this.#version, () => this.#find(caller, subject));
  }

  #find({ permits }: Neighbour, subject: string): Route {
    const mayAsk = permits.mayAsk(subject);
    const services: Service[] = [];
    const concerned: Neighbour[] = [];
    const isOf = (each: { readonly subject: string }): boolean => overlap(each.subject, subject);
    for (const neighbour of this.#neighbours) {
      const served = [...neighbour.services].filter(isOf);
      const allowed = served.filter((each) => mayAsk && neighbour.permits.mayServe(each.subject));
      services.push(...allowed);
      if ([...neighbour.heard].some(isOf)) concerned.push(neighbour);
    }
    return services.length + concerned.length === 0 ? noRoute : { services, concerned };
  }
}
