import type { PersonEvent } from './person-event.js';
import type { SentContent, SentContents } from './sent-contents.js';
import type { Activity, ActivityWanted } from '../base/activity.js';
import type { DeadLetter, PlacedActivity, SentRecord } from './types.js';

export interface WindowOutputOptions {
  /** Of the window. */
  readonly partition: number;
  readonly tells: ActivityWanted;
  readonly contents: SentContents;
  readonly nextNumber: () => number;
}

/** What a window says beside samples, until the next drain. */
export class WindowOutput {
  readonly #options: WindowOutputOptions;
  #activity: PlacedActivity[] = [];
  /** Of JOIN, the record that is read. */
  #sequence = 0;
  #index = 0;
  #sent: SentRecord[] = [];
  #deadLetters: DeadLetter[] = [];
  #toldMsMax = -Infinity;

  constructor(options: WindowOutputOptions) {
    this.#options = options;
  }

  take() {
    const { activity, sent, deadLetters } = {
      ...{ activity: this.#activity, sent: this.#sent, deadLetters: this.#deadLetters },
    };
    this.#activity = [];
    this.#sent = [];
    this.#deadLetters = [];
    return { activity, sent, deadLetters };
  }

  /** Of all that was told, the newest event time; −Infinity: nothing was. */
  get toldMsMax(): number {
    return this.#toldMsMax;
  }

  restore(toldMsMax: number): void {
    this.#toldMsMax = toldMsMax;
  }

  /** What is told from now on comes of this record of JOIN. */
  reads(sequence: number): void {
    this.#sequence = sequence;
    this.#index = 0;
  }

  tell(activity: Activity): void {
    const { tells } = this.#options;
    // Also of what nobody asks for: places are the same whatever that is.
    const index = ++this.#index;
    switch (activity.kind) {
      case 'event':
        if (!tells.events) return;
        break;
      case 'shown':
        if (!tells.shown) return;
        break;
      case 'outcome':
        if (!tells.outcomes) return;
        break;
      case 'merged':
      case 'erased':
        break;
    }
    if ('atMs' in activity) this.#toldMsMax = Math.max(this.#toldMsMax, activity.atMs);
    this.#activity.push({ activity, sequence: this.#sequence, index });
  }

  tellEvent(person: string, { type, item, id, atMs, value, order }: PersonEvent): void {
    this.tell({ kind: 'event', person, type, item, id, atMs, value, order });
  }

  /** @param isTold of an event: followers have heard of it. */
  send(to: number, content: SentContent, isTold = false): void {
    const { partition: source, contents, nextNumber } = this.#options;
    const bytes = contents.encode(content);
    this.#sent.push({ to, source, number: nextNumber(), isTold, bytes });
  }

  buryImpression(about: Pick<DeadLetter, 'requestId' | 'item' | 'atMs'>, lateMs: number): void {
    const message = `impression is ${lateMs} ms too late for the window and the allowed lateness`;
    this.#deadLetters.push({ kind: 'impression', code: 'BAD_EVENT', message, ...about });
  }

  buryEvent({ requestId, item, atMs, acceptedAtMs, isPositive }: PersonEvent, why: Unjoined): void {
    const about = { requestId, item, atMs, acceptedAtMs, label: isPositive ? 1 : 0 };
    this.#deadLetters.push({ kind: 'action', ...reasons[why], ...about });
  }
}

/** Why an event of nobody is not joined. */
export type Unjoined = keyof typeof reasons;

const reasons = {
  late: { code: 'LATE_ACTION', message: 'action comes after the window of its impression' },
  orphan: {
    code: 'ORPHAN_ACTION',
    message: 'no impression came within window and allowed lateness',
  },
} as const;
