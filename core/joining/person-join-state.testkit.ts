import type { Lane, PersonEvent, PersonJoinOptions, Row } from './person-join-records.testkit.js';

export interface LaneState {
  watermarkMs: number;
  eventMsMax: number;
}

/**
 * Every event that came is in one of these, and so is every outcome of every row:
 *
 *   events + eventsIn = copies + joined + again + organic + historyOnly + orphans + eventsOut + eventsErased + ignored + waiting
 *   rows − lateRows − ignoredRows + rowsIn = known + dropped + notGiven + notSeen + erased + moved + open, of each outcome
 */
export interface Books {
  events: number;
  /** From other partitions. */
  eventsIn: number;
  /** Of events that had come before. */
  copies: number;
  joined: number;
  /** Say what was known of their row. */
  again: number;
  organic: number;
  historyOnly: number;
  /** Of nobody, and of no row that is known. */
  orphans: number;
  ignored: number;
  /** To other partitions. */
  eventsOut: number;
  eventsErased: number;
  /** Of these, what came of a time that is forgotten, and nobody was told of. */
  eventsUntold: number;
  rows: number;
  lateRows: number;
  ignoredRows: number;
  copiesOfRows: number;
  outcomes: Record<string, OutcomeBooks>;
}

export interface OutcomeBooks {
  rowsIn: number;
  known: number;
  dropped: number;
  notGiven: number;
  notSeen: number;
  erased: number;
  moved: number;
}

export interface State {
  rows: Map<string, Row>;
  /** Where rows went, until a copy of them could come no more. */
  moved: Map<string, { partition: number; lane: Lane; untilMs: number }>;
  held: PersonEvent[];
  /** Of events that have come, by lane and id; `isPassed`: they went to where their person is, which may be here. */
  ids: Map<string, { lane: Lane; atMs: number; isPassed: boolean }>;
  /** Of visitors whose partition this is. */
  owners: Map<string, string>;
  /** When that was said last. */
  ownedSinceMs: Map<string, number>;
  /** Of users whose partition this is. */
  visitors: Map<string, Set<string>>;
  /** Of people whose partition this is: until when they are forgotten. */
  erased: Map<string, number>;
  lanes: Record<Lane, LaneState>;
  /** Of each source, the newest number that was taken. */
  taken: Map<number, number>;
  numberNext: number;
  books: Books;
}

export function emptyState({ outcomes }: PersonJoinOptions): State {
  const none = (): OutcomeBooks => ({
    ...{ rowsIn: 0, known: 0, dropped: 0, notGiven: 0, notSeen: 0, erased: 0, moved: 0 },
  });
  return {
    rows: new Map(),
    moved: new Map(),
    held: [],
    ids: new Map(),
    owners: new Map(),
    ownedSinceMs: new Map(),
    visitors: new Map(),
    erased: new Map(),
    lanes: {
      live: { watermarkMs: -Infinity, eventMsMax: -Infinity },
      import: { watermarkMs: -Infinity, eventMsMax: -Infinity },
    },
    taken: new Map(),
    numberNext: 0,
    books: {
      ...{ events: 0, eventsIn: 0, copies: 0, joined: 0, again: 0, organic: 0, historyOnly: 0 },
      ...{ orphans: 0, ignored: 0 },
      ...{
        eventsOut: 0,
        eventsErased: 0,
        eventsUntold: 0,
        rows: 0,
        lateRows: 0,
        ignoredRows: 0,
        copiesOfRows: 0,
      },
      outcomes: Object.fromEntries(outcomes.map(({ name }) => [name, none()])),
    },
  };
}
