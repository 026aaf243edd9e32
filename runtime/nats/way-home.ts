import { Events } from 'nats';
import type { NatsConnection } from 'nats';
import type { InFlight } from '../in-flight.js';
import { dropSocket, hostPortOf, hush, orderPool } from './server-pool.js';
import { readServerInfo } from '../server-info.js';
import { systemClock } from '../system.js';
import { atMost } from '../time-limit.js';

/**
 * Keeps a connection at home: the first of its servers, that of its own data center. When home is gone the client takes
 * the next server at once, and the gateways between the servers carry what it asks for. But it would stay there for
 * good: every message would cross a gateway, and the next failure of a server elsewhere would hit those who live here.
 * So while it is away it looks whether home is back, waits until home has been there for a while, and moves.
 *
 * A move is a reconnect, which forgets what is on its way. So it comes when there is nothing in hand, as far as
 * possible: requests may finish, the server is asked to send no more, and what it had sent is handled.
 */
export interface Whereabouts {
  /** Of the server it is connected to; undefined on a server without a cluster, or while there is none. */
  readonly dataCenter: string | undefined;
  /** Connected, but to a server of another data center. */
  readonly away: boolean;
}

export interface HomeOptions {
  /** Home first. */
  readonly urls: readonly string[];
  readonly inFlight: InFlight;
  /** Hears of every arrival at a server but the first at home. */
  readonly onMoved?: ((where: Whereabouts) => void) | undefined;
}

/** Between two looks at home, and the wait for its greeting. Too low: a hundred actors knock at a server that starts. */
const lookMs = 1_000;

/**
 * Home must be there for so long, at every look. Too low: all move to a server that dies again, or that still
 * recovers its streams. Too high: requests take the long way for longer.
 */
const calmMs = 3_000;

/**
 * Between two pings, and how many of them may be without an answer. A server that is stopped keeps its connections and
 * says nothing, so its silence is all there is to go by: it is left after 3 to 4 seconds. Too low: a busy host looks like
 * a lost server. Too high: requests fail for as long. A server that hangs is killed by its supervisor after about 9 s.
 */
const pingMs = 1_000;
const pingsOutMax = 3;

/** For what is in hand to finish. Too low: a slow answer is lost. Too high: one request that hangs keeps all away. */
const finishMsMax = 2_000;
/** The same, when nothing new comes in: until then those who ask this one are not answered. */
const hushedMsMax = 250;

export class WayHome {
  readonly #connection: NatsConnection;
  readonly #urls: readonly string[];
  readonly #home: string;
  readonly #inFlight: InFlight;
  readonly #onMoved: HomeOptions['onMoved'];
  readonly #calm = new Calm(calmMs);
  /** Name of the home data center, from the first greeting of its server. */
  #homeName: string | undefined;
  #dataCenter: string | undefined;
  #leaving = false;
  #moving = false;
  #timer: NodeJS.Timeout | undefined;
  readonly #pings: NodeJS.Timeout;
  #pingsOut = 0;
  #suspecting = false;

  constructor(connection: NatsConnection, { urls, inFlight, onMoved }: HomeOptions) {
    this.#connection = connection;
    this.#urls = urls;
    this.#home = hostPortOf(urls[0]!);
    this.#inFlight = inFlight;
    this.#onMoved = onMoved;
    this.#pings = setInterval(() => this.#ping(), pingMs);
    this.#pings.unref();
    void this.#follow();
    this.#arrived();
    if (this.away) this.#tell();
  }

  /** Of the server, while there is one. */
  get dataCenter(): string | undefined {
    return this.#connection.info?.cluster ?? this.#dataCenter;
  }

  /** The data center it belongs to, as soon as its server has been seen; until then the one it is connected to. */
  get home(): string | undefined {
    return this.#homeName ?? this.dataCenter;
  }

  get away(): boolean {
    if (this.#urls.length === 1 || this.#isAtFirst) return false;
    return this.#homeName === undefined || this.#homeName !== this.dataCenter;
  }

  get #isAtFirst(): boolean {
    return this.#connection.getServer() === this.#home;
  }

  /** Ends with the connection. */
  async #follow(): Promise<void> {
    for await (const { type } of this.#connection.status()) {
      if (type === Events.Disconnect) this.#left();
      else if (type === Events.Reconnect) {
        this.#arrived();
        this.#tell();
      }
    }
    clearTimeout(this.#timer);
    clearInterval(this.#pings);
    this.#inFlight.release(); // They go on, and are told by the client that it is closed.
  }

  /** The client has pings of its own, but says that there was no answer only when it has chosen the next server. */
  #ping(): void {
    if (!this.#isConnected) return;
    if (this.#pingsOut >= pingsOutMax) return this.#leaveSilent();
    this.#pingsOut++;
    this.#connection.flush().then(
      () => (this.#pingsOut = 0),
      () => undefined, // Disconnected: an arrival begins anew.
    );
  }

  /** Leaves the server if it does not answer a ping in time. */
  async suspect(ms: number): Promise<void> {
    if (this.#suspecting || !this.#isConnected) return;
    this.#suspecting = true;
    const server = this.#connection.getServer();
    let answered = false;
    const pong = this.#connection
      .flush()
      .catch(() => undefined) // Disconnected: it is on its way to another one.
      .then(() => void (answered = true));
    await atMost(systemClock, ms, pong);
    this.#suspecting = false;
    if (!answered && this.#isConnected && this.#connection.getServer() === server)
      this.#leaveSilent();
  }

  /** A server that is stopped takes connections too: to try it first would cost a whole time-out. */
  #leaveSilent(): void {
    this.#pingsOut = 0;
    const silent = this.#connection.getServer();
    const others = this.#urls.filter((url) => hostPortOf(url) !== silent);
    const same = this.#urls.filter((url) => hostPortOf(url) === silent);
    orderPool(this.#connection, [...others, ...same]);
    if (!dropSocket(this.#connection)) void this.#connection.reconnect();
  }

  #left(): void {
    this.#inFlight.hold();
    // After a move, answers may still find their way.
    if (!this.#moving) this.#inFlight.lose();
  }

  #arrived(): void {
    this.#moving = false;
    this.#pingsOut = 0;
    this.#dataCenter = this.#connection.info?.cluster;
    if (this.#isAtFirst) this.#homeName = this.#dataCenter;
    // The client takes its servers in turn: without this, the next one after a moment's interruption is another.
    orderPool(this.#connection, this.#urls);
    this.#inFlight.release();
    this.#calm.reset();
    clearTimeout(this.#timer);
    if (this.away) this.#lookLater();
  }

  #tell(): void {
    this.#onMoved?.({ dataCenter: this.dataCenter, away: this.away });
  }

  #lookLater(): void {
    // Not all at the same moment.
    clearTimeout(this.#timer);
    const pauseMs = lookMs * (0.9 + 0.2 * Math.random());
    this.#timer = setTimeout(() => void this.#look(), pauseMs);
    this.#timer.unref();
  }

  async #look(): Promise<void> {
    const info = await readServerInfo(this.#home, lookMs);
    if (info) this.#homeName = info.cluster ?? this.#homeName;
    if (this.#connection.isClosed() || !this.away) return;
    const isTime = this.#calm.observe(info !== undefined, performance.now());
    if (isTime && !this.#leaving) {
      this.#leaving = true;
      await this.#goHome();
      this.#leaving = false;
    }
    if (!this.#connection.isClosed() && this.away) this.#lookLater();
  }

  async #goHome(): Promise<void> {
    const connection = this.#connection;
    await this.#inFlight.idle(finishMsMax);
    if (!this.#isConnected) return;
    if (orderPool(connection, this.#urls) && hush(connection)) {
      await this.#flush();
      await this.#inFlight.idle(hushedMsMax);
    }
    this.#inFlight.hold();
    await this.#inFlight.idle(hushedMsMax);
    await this.#flush();
    if (connection.isClosed()) return this.#inFlight.release();
    // Lost meanwhile: then it is on its way to some server already, and this does nothing.
    this.#moving = this.#isConnected;
    await connection.reconnect();
  }

  /** All that was said has reached the server, and all that it had sent has been received. */
  async #flush(): Promise<void> {
    const flushed = this.#connection.flush().catch(() => undefined); // Lost: the client connects anew.
    await atMost(systemClock, hushedMsMax, flushed);
  }

  /** The greeting of a server is forgotten when the client begins to look for another. */
  get #isConnected(): boolean {
    return !this.#connection.isClosed() && this.#connection.info !== undefined;
  }
}

/** Whether something has been there at every look for long enough. */
export class Calm {
  readonly #calmMs: number;
  #sinceMs: number | undefined;

  constructor(calmMsMin: number) {
    this.#calmMs = calmMsMin;
  }

  observe(there: boolean, nowMs: number): boolean {
    if (!there) this.#sinceMs = undefined;
    else this.#sinceMs ??= nowMs;
    return this.#sinceMs !== undefined && nowMs - this.#sinceMs >= this.#calmMs;
  }

  reset(): void {
    this.#sinceMs = undefined;
  }
}
