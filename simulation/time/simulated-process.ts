import type { Cancel, Clock } from '../../core/base/clock.js';
import type { TimeAndChance } from '../../core/base/random.js';
import type { SeededRandom } from './seeded-random.js';
import type { TimedEvent } from './event-queue.js';
import type { Owner, VirtualTime } from './virtual-time.js';

/** So much passes between two turns of an event loop: a loop that waits for others by turns gets somewhere. */
const turnMs = 0.02;
/** Of a timer, as Node has it. */
const timerMsMin = 1;
/** What the clocks of machines show when a simulation begins: a moment of 2026, milliseconds since 1970. */
export const beginsAtMs = Date.UTC(2026, 0, 1);

/** Of a machine: all its processes have the same. */
export interface MachineClock {
  /** Seconds of its own that pass in a second; 1: it is right. */
  readonly rate: number;
  /** Milliseconds that its idea of the date is ahead; changes when somebody sets it. */
  aheadMs: number;
}

const right: MachineClock = { rate: 1, aheadMs: 0 };

/**
 * A process of a simulated machine: something that can be killed, so that nothing of it ever runs again, or paused, so that
 * all that comes due meanwhile waits; its clock goes on then. Whatever runs in it must have been handed over by its clock,
 * or by a bus that was opened for it: a dead one needs no cleaning up, since nobody calls it any more.
 */
export class SimulatedProcess implements Owner, TimeAndChance {
  readonly name: string;
  readonly clock: Clock;
  readonly random: SeededRandom;
  readonly #time: VirtualTime;
  readonly #startedAtMs: number;
  #state: 'running' | 'paused' | 'dead' = 'running';
  #resumedAtMs = -Infinity;
  #overdueMs = 0;
  readonly #waiting: TimedEvent[] = [];
  readonly #overdue: TimedEvent[] = [];
  /** Of timers. */
  readonly #timers: Owner;
  readonly #atDeath: (() => void)[] = [];
  readonly #onCrash: (error: unknown) => void;

  constructor(
    time: VirtualTime,
    options: {
      readonly name: string;
      readonly random: SeededRandom;
      readonly machine?: MachineClock;
      readonly onCrash: (error: unknown) => void;
    },
  ) {
    const { machine = right } = options;
    const { rate } = machine;
    this.#timers = { due: (event) => this.#due(event, this.#overdue) };
    this.name = options.name;
    this.random = options.random;
    this.#onCrash = options.onCrash;
    this.#time = time;
    this.#startedAtMs = time.nowMs;
    this.clock = {
      nowMs: () => (time.nowMs - this.#startedAtMs) * rate,
      wallMs: () => Math.floor(beginsAtMs + machine.aheadMs + time.nowMs * rate),
      after: (ms, run) => time.at(time.nowMs + Math.max(timerMsMin, ms) / rate, this.#timers, run),
      soon: (run) => void this.after(turnMs, run),
    };
  }

  get alive(): boolean {
    return this.#state !== 'dead';
  }

  get paused(): boolean {
    return this.#state === 'paused';
  }

  /** When it last went on after a pause, by the time of the simulation. */
  get resumedAtMs(): number {
    return this.#resumedAtMs;
  }

  /** How long what it does now had to wait, as it stood still. */
  get overdueMs(): number {
    return this.#overdueMs;
  }

  /** The time of the simulation. */
  get timeMs(): number {
    return this.#time.nowMs;
  }

  /** By the time of the simulation. */
  after(ms: number, run: () => void): Cancel {
    return this.#time.at(this.#time.nowMs + ms, this, run);
  }

  due(event: TimedEvent): void {
    this.#due(event, this.#waiting);
  }

  #due(event: TimedEvent, waiting: TimedEvent[]): void {
    if (this.#state === 'running') this.#run(event);
    else if (this.#state === 'paused') waiting.push(event);
  }

  pause(): void {
    if (this.#state === 'running') this.#state = 'paused';
  }

  /** What came due meanwhile comes now, one after the other: timers first, as an event loop looks at sockets after them. */
  resume(): void {
    if (this.#state !== 'paused') return;
    this.#state = 'running';
    this.#resumedAtMs = this.#time.nowMs;
    const waiting = [...this.#overdue.splice(0), ...this.#waiting.splice(0)];
    // One of them may call off another.
    for (const event of waiting) this.after(0, () => this.#run(event));
  }

  /** What it throws nobody has caught. */
  #run(event: TimedEvent): void {
    this.#overdueMs = this.#time.nowMs - event.atMs;
    try {
      event.run?.();
    } catch (error) {
      this.crash(error);
    }
  }

  /** A defect that nobody has caught. */
  crash(error: unknown): void {
    if (this.alive) this.#onCrash(error);
  }

  /** At once, and for good. */
  kill(): void {
    if (this.#state === 'dead') return;
    this.#state = 'dead';
    this.#waiting.length = 0;
    this.#overdue.length = 0;
    for (const told of this.#atDeath.splice(0)) told();
  }

  /** Hears of its death: its connections, and whoever supervises it. */
  onDeath(told: () => void): void {
    if (this.alive) this.#atDeath.push(told);
    else told();
  }
}
