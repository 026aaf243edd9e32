import type { SeededRandom } from '../time/seeded-random.js';
import type { VirtualTime } from '../time/virtual-time.js';

/** Where a message passes: `east` is the server of a data center, `east/c7` a connection of it. */
export type Hop = readonly [from: string, to: string];

export interface Latency {
  readonly minMs: number;
  readonly maxMs: number;
}

export interface NetworkOptions {
  /** Between a process and the server it is connected to. */
  readonly near: Latency;
  /** Between data centers. */
  readonly far: Latency;
}

/** Of a machine room, and of a continent; short, so that much happens in a second. */
const usualNetwork: NetworkOptions = {
  near: { minMs: 0.05, maxMs: 0.4 },
  far: { minMs: 2, maxMs: 9 },
};

/** What happens to messages for a while. */
export interface Weather {
  /** Of messages, in [0, 1]. */
  readonly lost: number;
  /** Of messages, in [0, 1]: so many are late, and all behind them on their way. */
  readonly late: number;
  readonly lateMsMax: number;
}

const fair: Weather = { lost: 0, late: 0, lateMsMax: 0 };

/**
 * When messages arrive. What goes the same way from one to another arrives in the order in which it was sent, as it does
 * over a connection; all other order is chance. Between data centers messages may get lost, or a way may be cut in one
 * direction: a connection that breaks loses what is in it.
 */
export class Network {
  readonly #time: VirtualTime;
  readonly #random: SeededRandom;
  readonly #options: NetworkOptions;
  /** By way: when the last message on it arrives. */
  readonly #lastMs = new Map<string, number>();
  readonly #cut = new Set<string>();
  #weather = fair;

  constructor(time: VirtualTime, random: SeededRandom, options: NetworkOptions = usualNetwork) {
    this.#time = time;
    this.#random = random;
    this.#options = options;
  }

  set weather(weather: Weather | undefined) {
    this.#weather = weather ?? fair;
  }

  /** One direction. */
  cut(from: string, to: string): void {
    this.#cut.add(wayOf(from, to));
  }

  heal(from: string, to: string): void {
    this.#cut.delete(wayOf(from, to));
  }

  isCut(from: string, to: string): boolean {
    return this.#cut.has(wayOf(from, to));
  }

  /** Whatever goes this way from now on arrives then or later, in its order: as when a packet is lost and sent again. */
  hold([from, to]: Hop, untilMs: number): void {
    const way = wayOf(from, to);
    this.#lastMs.set(way, Math.max(untilMs, this.#lastMs.get(way) ?? 0));
  }

  /** When what is sent now, over these ways one after the other, arrives; undefined: it gets lost. */
  arrivalMs(hops: readonly Hop[]): number | undefined {
    let atMs = this.#time.nowMs;
    for (const [from, to] of hops) {
      const way = wayOf(from, to);
      const isNear = isConnection(from) || isConnection(to);
      if (!isNear && this.#isLost(way)) return undefined;
      const { minMs, maxMs } = isNear ? this.#options.near : this.#options.far;
      atMs += this.#random.between(minMs, maxMs) + this.#delayMs();
      atMs = Math.max(atMs, this.#lastMs.get(way) ?? 0);
      this.#lastMs.set(way, atMs);
    }
    return atMs;
  }

  /** Whatever is on its way from and to somebody who is gone does not hold up who comes after him. */
  forget(place: string): void {
    for (const way of this.#lastMs.keys())
      if (way.startsWith(`${place}>`) || way.endsWith(`>${place}`)) this.#lastMs.delete(way);
  }

  #isLost(way: string): boolean {
    return this.#cut.has(way) || this.#random.happens(this.#weather.lost);
  }

  #delayMs(): number {
    const { late, lateMsMax } = this.#weather;
    return this.#random.happens(late) ? this.#random.between(0, lateMsMax) : 0;
  }
}

function wayOf(from: string, to: string): string {
  return `${from}>${to}`;
}

function isConnection(place: string): boolean {
  return place.includes('/');
}
