import type {
  PaperOutput,
  PaperSample,
  PersonJoinOptions,
  Row,
  Sent,
} from './person-join-records.testkit.js';
import type { State } from './person-join-state.testkit.js';
import { emptyState } from './person-join-state.testkit.js';

/** What the join on paper has in hand, beside its rules: what it knows, and what came of the records so far. */
export class Paper {
  readonly partition: number;
  readonly options: PersonJoinOptions;
  readonly windowMsMax: number;
  state: State;
  samples: PaperSample[] = [];
  activity: string[] = [];
  sent: { to: number; record: Sent }[] = [];

  constructor(partition: number, options: PersonJoinOptions) {
    this.partition = partition;
    this.options = options;
    this.windowMsMax = Math.max(...options.outcomes.map(({ windowMs }) => windowMs));
    this.state = emptyState(options);
  }

  takeOutput(): PaperOutput {
    const { samples, activity, sent } = this;
    this.samples = [];
    this.activity = [];
    this.sent = [];
    return { samples, activity, sent };
  }

  send(to: number, what: Sent['what'], isTold = false): void {
    const number = this.state.numberNext++;
    const record: Sent = { kind: 'sent', source: this.partition, number, what, isTold };
    this.sent.push({ to, record });
  }

  isForgotten(person: string, atMs: number): boolean {
    return atMs <= (this.state.erased.get(person) ?? -Infinity);
  }

  /** Two events with one id that are no further apart are one. */
  get apartMsMax(): number {
    return this.windowMsMax + this.options.latenessMs + this.options.copiesMs;
  }

  /** Until then a copy of it may come. */
  get keepMs(): number {
    return 2 * this.windowMsMax + 2 * this.options.latenessMs + this.options.copiesMs;
  }
}

/** The length in front keeps ('a', 'bc') and ('ab', 'c') apart whatever characters ids contain. */
export function keyOf(requestId: string, item: string): string {
  return `${requestId.length}:${requestId}${item}`;
}

export function isBefore(a: Row, b: Row): boolean {
  return keyOf(a.requestId, a.item) < keyOf(b.requestId, b.item);
}
