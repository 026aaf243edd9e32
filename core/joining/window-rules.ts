import type { ActivityWanted } from '../base/activity.js';
import type { JoinRules } from './outcome-rules.js';

/** What it depends on, beside the records of JOIN, what becomes of events: all of it comes from the configuration. */
export interface WindowRules extends JoinRules {
  /** How far events may be out of order. Too short dead-letters stragglers; too long delays negatives. */
  readonly latenessMs: number;
  /**
   * How long an event that names no request waits for a slate that it may follow, event time, at most the lateness. A slate is
   * logged before it is seen, so this is what two processors may be apart. Too short: it is learned as one of its own accord, and
   * the slate as rejected. Too long: what people do is learned late.
   */
  readonly organicWaitMs: number;
  /** Share of negatives kept, 0 … 1. */
  readonly negativeRate: number;
  /** Whether events of their own accord are learned. */
  readonly organic: boolean;
  /** What followers of people are told. */
  readonly tells: ActivityWanted;
}

/** Rules, and the version of the configuration that brought them. */
export interface RulesInForce {
  readonly version: number;
  readonly rules: WindowRules;
}

/**
 * A record of JOIN: from here on other rules are in force. Whoever reads the log again, from wherever, changes them at the same place, and so
 * makes the same samples of it.
 */
export interface RulesRecord extends RulesInForce {
  /** Those of all records up to this one, for who finds no other before it. */
  readonly before: RulesInForce;
}

export function rulesOf(rules: WindowRules): WindowRules {
  const { outcomes, events, latenessMs, organicWaitMs, negativeRate, organic, tells } = rules;
  return { outcomes, events, latenessMs, organicWaitMs, negativeRate, organic, tells };
}
