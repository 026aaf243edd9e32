import { noActionFacts, noFacts } from '../core/joining/event-facts.js';
import type { Actions } from '../messages/events.js';
import type { RankBatch } from '../messages/ranking.js';
import type { EventTable } from './event-files.js';
import type { ReplayRequests } from './replay-requests.js';
import { siteOf } from './replay-requests.js';
import type { LagWindow } from './replay-window.js';

/**
 * Sends events in time order: scores a few as impressions, then tells their labels, then the next few as soon as the
 * window has room. Several such steps are under way at once, since what limits a replay is the way from a label to
 * serving and back (tens of milliseconds), not any one request.
 */
export interface DriverOptions {
  readonly events: EventTable;
  readonly requests: Pick<ReplayRequests, 'rank' | 'act'>;
  readonly window: LagWindow;
  readonly siteCount: number;
  /** Of this run; with the index of the event it makes the request id, so that a repeated request is the same one. */
  readonly runId: string;
  /** Event time that an event is sent with, milliseconds; asked once for its impression and once for its action. */
  readonly atMs: (row: number) => number;
  /** Whether an event may be sent yet; asked in order. */
  readonly maySend: (row: number) => boolean;
  /** Negatives are not told; their window ends instead. */
  readonly implicit: boolean;
  readonly lagMax: number;
  /** Event time passes this much faster than the clock; left out: as fast as the window allows. */
  readonly speed?: number | undefined;
  /** Called when nothing has moved for a second: notices may have been lost. */
  readonly onStall: () => Promise<void>;
}

/** Rows of one request without a lag limit. Fewer: the request costs more than its rows. More: answers come in bursts. */
const rowsMax = 128;
/** Requests under way in each data center. Fewer: rankers wait for labels to be stored. More: they only queue. */
const inFlightPerSite = 1;
/** Steps that a window is divided into. Fewer: the pipeline runs empty between them. More: each message holds little. */
const stepsPerWindow = 4;
const stallMs = 1_000;

export class ReplayDriver {
  /** Probability that serving gave before the label was known; NaN where it was not asked yet. f32 [events] */
  readonly scores: Float32Array;
  /** Of the network that gave it. f64 [events] */
  readonly versions: Float64Array;
  readonly #options: DriverOptions;
  readonly #rowsPerStep: number;
  readonly #roomMin: number;
  readonly #inFlight = new Set<Promise<void>>();
  #next = 0;
  #scored = 0;
  #actions = 0;
  #startedMs = 0;
  #failure: Error | undefined;
  #wake: (() => void) | undefined;

  constructor(options: DriverOptions) {
    const { events, lagMax, siteCount } = options;
    this.#options = options;
    this.scores = new Float32Array(events.count).fill(NaN);
    this.versions = new Float64Array(events.count).fill(NaN);
    this.#rowsPerStep = Number.isFinite(lagMax)
      ? Math.max(1, Math.min(rowsMax * siteCount, Math.floor(lagMax / stepsPerWindow)))
      : rowsMax * siteCount;
    this.#roomMin = Math.max(1, Math.floor(this.#rowsPerStep / 2));
  }

  /** Events scored and logged. */
  get scored(): number {
    return this.#scored;
  }

  /** Labels told. */
  get actions(): number {
    return this.#actions;
  }

  /** Events taken up, whether answered yet or not. */
  get sent(): number {
    return this.#next;
  }

  get inFlight(): number {
    return this.#inFlight.size;
  }

  /** Something was learned, or should be looked at again. */
  wake(): void {
    this.#wake?.();
  }

  /**
   * Resolves when all events, or all up to the moment `stopped` became true, are scored and their labels stored.
   *
   * @throws StarlingError of a request that found no answer within its deadline.
   */
  async run(stopped: () => boolean): Promise<void> {
    this.#startedMs = performance.now();
    const { count } = this.#options.events;
    while (this.#next < count && !stopped() && this.#failure === undefined) {
      if (this.#mayGoOn()) this.#step();
      else await this.#pause();
    }
    await Promise.all(this.#inFlight);
    if (this.#failure !== undefined) throw this.#failure;
  }

  #mayGoOn(): boolean {
    const { window, siteCount, events } = this.#options;
    if (this.#inFlight.size >= inFlightPerSite * siteCount) return false;
    const wanted = Math.min(this.#roomMin, events.count - this.#next);
    return window.room >= wanted && this.#maySend(this.#next);
  }

  /** One step: the next events, by the data center of their users. */
  #step(): void {
    const { events, window, siteCount, implicit } = this.#options;
    const rowsBySite: number[][] = Array.from({ length: siteCount }, () => []);
    for (let taken = 0; taken < this.#rowsPerStep && this.#next < events.count; taken++) {
      const index = this.#next;
      if (window.room < 1 || !this.#maySend(index)) break;
      window.admit(events.timestamps[index]! * 1000, !implicit || events.labels[index] === 1);
      rowsBySite[siteOf(events.users[index]!, siteCount)]!.push(index);
      this.#next++;
    }
    for (const [home, rows] of rowsBySite.entries()) if (rows.length > 0) this.#track(home, rows);
  }

  #track(home: number, rows: readonly number[]): void {
    const work = this.#serve(home, rows)
      .catch((error: unknown) => {
        this.#failure ??= error instanceof Error ? error : new Error(String(error));
      })
      .finally(() => {
        this.#inFlight.delete(work);
        this.wake();
      });
    this.#inFlight.add(work);
  }

  async #serve(home: number, rows: readonly number[]): Promise<void> {
    const { events, requests, implicit } = this.#options;
    const { scores, denseVersion } = await requests.rank(home, this.#rankBatch(rows));
    for (const [i, row] of rows.entries()) {
      this.scores[row] = scores[i]!;
      this.versions[row] = denseVersion;
    }
    this.#scored += rows.length;
    const acted = implicit ? rows.filter((row) => events.labels[row] === 1) : rows;
    if (acted.length === 0) return;
    await requests.act(home, this.#actionsOf(acted));
    this.#actions += acted.length;
  }

  #rankBatch(rows: readonly number[]): RankBatch {
    const { events } = this.#options;
    const columns = Object.entries(events.context);
    return {
      requestIds: rows.map((row) => this.#requestId(row)),
      users: rows.map((row) => events.users[row]!),
      items: rows.map((row) => events.items[row]!),
      atMs: Float64Array.from(rows, this.#options.atMs),
      contexts: columns.length === 0 ? [] : rows.map((row) => contextOf(columns, row)),
      log: 'required',
      facts: noFacts,
    };
  }

  #actionsOf(rows: readonly number[]): Actions {
    const { events } = this.#options;
    return {
      requestIds: rows.map((row) => this.#requestId(row)),
      items: rows.map((row) => events.items[row]!),
      atMs: Float64Array.from(rows, this.#options.atMs),
      labels: Float32Array.from(rows, (row) => events.labels[row]!),
      acceptedAtMs: new Float64Array(rows.length), // The processor enters when the stream took it.
      facts: noActionFacts,
    };
  }

  #requestId(row: number): string {
    return `${this.#options.runId}-${row}`;
  }

  #maySend(row: number): boolean {
    return this.#dueInMs(row) <= 0 && this.#options.maySend(row);
  }

  #dueInMs(row: number): number {
    const { speed, events } = this.#options;
    if (speed === undefined) return 0;
    const dueMs = ((events.timestamps[row]! - events.timestamps[0]!) * 1000) / speed;
    return dueMs - (performance.now() - this.#startedMs);
  }

  /** Until something moves, the next event is due, or nothing has moved for a second. */
  async #pause(): Promise<void> {
    const dueInMs = this.#dueInMs(this.#next);
    const woken = await new Promise<boolean>((resolve) => {
      const timer = setTimeout(
        () => resolve(false),
        dueInMs > 0 ? Math.min(dueInMs, stallMs) : stallMs,
      );
      this.#wake = () => {
        clearTimeout(timer);
        resolve(true);
      };
    });
    this.#wake = undefined;
    if (!woken && dueInMs <= 0) await this.#options.onStall();
  }
}

function contextOf(columns: readonly [string, readonly string[]][], row: number) {
  const values = columns.map(([name, values]) => [name, values[row]!] as const);
  return Object.fromEntries(values.filter(([, value]) => value !== ''));
}
