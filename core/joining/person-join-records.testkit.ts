/** What comes into the log of people, and what comes of it, on paper (person-join.testkit.ts). */
import type { JoinRules } from './outcome-rules.js';

export type Lane = 'live' | 'import';

export interface PersonJoinOptions extends JoinRules {
  readonly latenessMs: number;
  /** See `JoinOptions`. */
  readonly organicWaitMs: number;
  /** Two copies of an event or impression are no further apart. */
  readonly copiesMs: number;
  readonly negativeRate: number;
  /** Whether events that follow no slate of ours are learned. */
  readonly organic: boolean;
  readonly partitions: number;
  /** The partition of a person. */
  readonly homeOf: (person: string) => number;
}

export interface Offer {
  readonly kind: 'impression';
  readonly lane: Lane;
  readonly person: string;
  readonly requestId: string;
  readonly items: readonly string[];
  readonly atMs: number;
  /**
   * `shown`: an item counts from when it was on screen, and not at all if it never was. `ignored`: not at all, as of bots and staff.
   */
  readonly log: 'all' | 'shown' | 'ignored';
}

export interface Shown {
  readonly kind: 'shown';
  readonly lane: Lane;
  readonly requestId: string;
  readonly items: readonly string[];
  readonly atMs: number;
}

export interface PersonEvent {
  readonly kind: 'event';
  readonly lane: Lane;
  readonly id: string;
  readonly type: string;
  /** A user, or a visitor; '' where it names a request alone. */
  readonly person: string;
  readonly item: string;
  readonly requestId?: string;
  readonly order?: string;
  readonly value?: number;
  readonly atMs: number;
  /** Items to be learned against, if it turns out to be of its own accord; drawn before it came into the log. */
  readonly drawn: readonly string[];
  readonly isIgnored: boolean;
}

/** To who looks for a request of others by its name: where what was offered then is. */
export interface Pointer {
  readonly kind: 'pointer';
  readonly lane: Lane;
  readonly requestId: string;
  readonly items: readonly string[];
  readonly atMs: number;
  readonly to: number;
}

/** In the partition of the visitor, or of a user whose account is merged into that of another: from now on he is this user. */
export interface Alias {
  readonly kind: 'alias';
  readonly lane: Lane;
  readonly visitor: string;
  readonly user: string;
  /** When it was accepted; of a file, when it happened. */
  readonly atMs: number;
}

export interface Clock {
  readonly kind: 'clock';
  readonly lane: Lane;
  readonly atMs: number;
}

export interface Erase {
  readonly kind: 'erase';
  readonly person: string;
  /** When it was accepted: what happened by then is forgotten, whenever it comes. */
  readonly atMs: number;
  /** Also who the person is by now, whose account this one was merged into. */
  readonly isUp: boolean;
}

/** What one partition has sent to another. Numbers rise, with gaps: not all goes to the same one. */
export interface Sent {
  readonly kind: 'sent';
  readonly source: number;
  readonly number: number;
  readonly what: PersonEvent | Offer | Shown | Erase | Moved;
  /** Of an event: followers have heard of it. */
  readonly isTold?: boolean;
}

/** All that is open of a visitor, to the partition of the user who he is. */
export interface Moved {
  readonly kind: 'moved';
  readonly visitor: string;
  readonly user: string;
  /** Of the alias. */
  readonly atMs: number;
  readonly rows: readonly Row[];
}

export type JoinLogRecord = Pointer | Offer | Shown | PersonEvent | Alias | Clock | Erase | Sent;

/** Of one outcome of a row. */
export type Fate = 'open' | 'ignored' | 'not given' | 'not seen' | 'erased' | 'moved' | number;

export interface Row {
  readonly requestId: string;
  readonly item: string;
  readonly lane: Lane;
  person: string;
  /** When it was offered. */
  readonly atMs: number;
  /** When it was offered; from when it was shown on, if it was to be. */
  sinceMs: number;
  isShown: boolean;
  readonly fates: Record<string, Fate>;
  /** Outcomes that were told as 0, and are open. */
  readonly told: string[];
  /** Of events, by outcome that sums them and by order. */
  readonly values: { outcome: string; order: string; type: string; value: number }[];
}

export interface PaperSample {
  /** Absent: of its own accord. */
  readonly requestId?: string;
  readonly item: string;
  readonly person: string;
  readonly lane: Lane;
  readonly atMs: number;
  /** Of the outcomes that became known now; the others are masked. */
  readonly labels: Readonly<Record<string, number>>;
  /** Of a drawn negative: among how many. */
  readonly drawnOf?: number;
}

export interface PaperOutput {
  readonly samples: readonly PaperSample[];
  /** What followers of people hear, in order: events, and what became of outcomes. */
  readonly activity: readonly string[];
  /** To be put into the logs of other partitions, and of this one. */
  readonly sent: readonly { readonly to: number; readonly record: Sent }[];
}
