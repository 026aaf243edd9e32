import { decode } from '../messages/codec.js';
import { textsIn } from '../messages/column-checks.js';
import type { EventTable } from './event-files.js';

export interface ArrivalOptions {
  readonly events: EventTable;
  readonly runId: string;
  readonly windowMs: number;
  readonly latenessMs: number;
}

/**
 * Keeps events whose windows end in event time from overtaking each other. Requests to several data centers, retries
 * and redeliveries mix up the order in which events reach the joiner; in real life by milliseconds against a window of
 * half an hour, in a replay, where that half hour passes in a blink, by whole windows. An event that would end the
 * window of another is therefore held back until that one has arrived, with its action if it has one.
 *
 * What has arrived is heard on the subjects of the joiners. A message that is missed is made good for by `catchUp`.
 */
export class ArrivalLedger {
  readonly #options: ArrivalOptions;
  /** Per event: 1 = its impression has arrived, 2 = its action. */
  readonly #arrived: Uint8Array;
  #through = 0;
  /** Events whose window the event asked for last would end; that only grows, as events are in time order. */
  #ended = 0;

  constructor(options: ArrivalOptions) {
    this.#options = options;
    this.#arrived = new Uint8Array(options.events.count);
  }

  /** All events before this one have arrived. */
  get through(): number {
    return this.#through;
  }

  /** Whether the event may be sent; ask in time order. */
  maySend(row: number): boolean {
    const { events, windowMs, latenessMs } = this.#options;
    const { timestamps } = events;
    const watermarkMs = timestamps[row]! * 1000 - latenessMs;
    while (this.#ended < row && timestamps[this.#ended]! * 1000 + windowMs <= watermarkMs) {
      this.#ended++;
    }
    return this.#through >= this.#ended;
  }

  /** @param bytes a message to a joiner, of this run or of anybody. */
  observe(bytes: Uint8Array): void {
    const { kind, rowCount, requestIds } = (decode(bytes) ?? {}) as Readonly<
      Record<string, unknown>
    >;
    // Rows of one request say it once.
    const ids = typeof rowCount === 'number' ? textsIn(requestIds, rowCount) : undefined;
    if (!ids) return;
    const part = kind === 'impressions' ? 1 : 2;
    for (const id of ids) this.#note(id, part);
    this.#advance();
  }

  /** Everything before `row` has arrived, or never will. */
  catchUp(row: number): void {
    this.#through = Math.max(this.#through, row);
    this.#advance();
  }

  #note(requestId: string, part: 1 | 2): void {
    const { runId } = this.#options;
    if (!requestId.startsWith(`${runId}-`)) return;
    const suffix = requestId.slice(runId.length + 1);
    if (!/^\d+$/.test(suffix)) return;
    const row = Number(suffix);
    const before = this.#arrived[row];
    if (before !== undefined) this.#arrived[row] = before | part;
  }

  #advance(): void {
    const { count, labels } = this.#options.events;
    while (this.#through < count) {
      const wanted = labels[this.#through] === 1 ? 3 : 1;
      if ((this.#arrived[this.#through]! & wanted) !== wanted) return;
      this.#through++;
    }
  }
}
