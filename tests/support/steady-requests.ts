import { decode, encode, refuseErrorReply } from '../../messages/codec.js';
import { subject } from '../../messages/default-names.testkit.js';
import type { Bus } from '../../runtime/bus/bus.js';

const askersCount = 4;
const pauseMs = 3;
/** What is lost is never answered. Too low: on a busy machine the late are taken for the lost. */
const timeoutMs = 10_000;

/** Who answered: its data center, and its epoch where it tells one. */
export interface Greeting {
  readonly dataCenter: string;
  readonly epoch?: number;
}

interface Answer {
  /** Place of its request among all. */
  readonly number: number;
  readonly greeting: Greeting;
}

/** Requests without a break, each sent once: one that fails is not made good for by another. */
export class SteadyRequests {
  readonly #answers: Answer[] = [];
  /** One line each: where in the course of things, and what; a test prints them when it fails. */
  readonly failures: string[] = [];
  readonly #bus: Bus;
  readonly #askers: Promise<unknown>;
  #going = true;
  #asked = 0;

  constructor(bus: Bus) {
    this.#bus = bus;
    this.#askers = Promise.all(Array.from({ length: askersCount }, () => this.#ask()));
  }

  async stop(): Promise<void> {
    this.#going = false;
    await this.#askers;
  }

  /** Answers to requests of which at least `number` were sent before. */
  since(number: number): Greeting[] {
    return this.#answers.filter((each) => each.number >= number).map(({ greeting }) => greeting);
  }

  /** As many answers to requests that are sent from now on. */
  async next(count: number): Promise<Greeting[]> {
    const first = this.#asked;
    await until(`${count} answers`, () => this.since(first).length >= count);
    return this.since(first).slice(0, count);
  }

  async #ask(): Promise<void> {
    while (this.#going) {
      const number = this.#asked++;
      const sentMs = performance.now();
      try {
        const request = encode({ user: 'u', k: 1 });
        const reply = await this.#bus.request(subject.recommend, request, { timeoutMs });
        this.#answers.push({ number, greeting: refuseErrorReply(decode(reply)) as Greeting });
      } catch (error) {
        const waitedMs = Math.round(performance.now() - sentMs);
        this.failures.push(`request ${number}, after ${waitedMs} ms: ${String(error)}`);
      }
      await new Promise((resolve) => setTimeout(resolve, pauseMs));
    }
  }
}

export async function until(
  what: string,
  holds: () => boolean | Promise<boolean>,
  timeoutMs = 30_000,
): Promise<void> {
  const endMs = performance.now() + timeoutMs;
  while (!(await holds())) {
    if (performance.now() > endMs) throw new Error(`not in time: ${what}`);
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
}
