import type { LaneCounters } from '../../core/joining/types.js';
import type { OutcomeJudgement } from './import-judge.js';
import type { ItemLoadResult } from '../item-files/load-items.js';
import type { ImportCounts } from '../../importing/import-source.js';

/** Events of one reason that nothing was learned from. */
export interface NotLearned {
  /** In words. */
  readonly reason: string;
  readonly events: number;
  readonly example: string;
}

/** What became of an import. Rows of events are in exactly one place of it. */
export interface ImportReport {
  readonly name: string;
  /** All of it was there before: nothing was sent. */
  readonly wasThere: boolean;
  /** It was cut off before, and went on. */
  readonly wentOn: boolean;
  readonly rows: ImportCounts;
  readonly items: number;
  /** What files that are a whole catalog changed of it. */
  readonly catalog?: ItemLoadResult;
  readonly users: number;
  readonly aliases: number;
  /** Of `rows.events`: against drawn items, or by what was shown. */
  readonly learned: number;
  readonly notLearned: readonly NotLearned[];
  /** Of `rows.events`: told before, by their id, live or by another import; all of them where `wasThere`. */
  readonly known: number;
  /**
   * Events that others had told when it began, live or by another import, and that features of these events know nothing of; 0 where
   * nothing is kept of what people do. Histories and counts of the cluster have them all.
   */
  readonly unseen: number;
  /** Scores before they were learned, of the last events. */
  readonly judged: readonly OutcomeJudgement[];
  readonly judgedEvents: number;
  readonly seconds: number;
  /** Events sent in a second of the time in which they were. */
  readonly perSecond: number;
}

/** Why nothing is learned of some events, as they are told. */
export class NotLearnedEvents {
  readonly #reasons = new Map<string, { events: number; example: string }>();

  note(reason: string, example: string): void {
    const known = this.#reasons.get(reason) ?? { events: 0, example };
    known.events++;
    this.#reasons.set(reason, known);
  }

  get all(): NotLearned[] {
    return [...this.#reasons].map(([reason, { events, example }]) => ({ reason, events, example }));
  }

  get count(): number {
    return this.all.reduce((sum, { events }) => sum + events, 0);
  }
}

/** What joiners have counted of events that were learned from; what went from one to another is counted where it came to. */
export function learnedIn({
  organicActions,
  joinedActions,
  repeatedActions,
}: LaneCounters): number {
  return organicActions + joinedActions + repeatedActions;
}

/** What they have counted of events that only entered histories, or not even those. */
export function untaughtIn(c: LaneCounters): number {
  return c.historyActions + c.ignoredActions + c.lateActions + c.orphanActions + c.erasedActions;
}

/** Whether each event is in one place of the report. */
export function isBalanced({ rows, learned, notLearned, known }: ImportReport): boolean {
  const reasons = notLearned.reduce((sum, { events }) => sum + events, 0);
  return rows.events === learned + reasons + known;
}

/**
 * Events that joiners have counted, each once, whatever became of them; undefined while some are on their way from one partition to
 * another.
 */
export function countedIn(c: LaneCounters): number | undefined {
  return c.passedActions === c.received ? c.actions + c.duplicates - c.received : undefined;
}
