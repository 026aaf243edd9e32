import { lanes } from './event-facts.js';
import type { EventCounts, LaneCounts, OutcomeCounts } from './join-counts.js';
import { settledOf, zeroEvents, zeroLane, zeroOutcome } from './join-counts.js';
import type { OutcomeRule } from './outcome-rules.js';
import type { JoinCounters } from './types.js';

/** The counters of a window while they count. */
export class JoinBooks {
  readonly events: EventCounts = zeroEvents();
  /** Of the events, those of imports. */
  readonly imported: LaneCounts = zeroLane();
  /** By place. */
  readonly outcomes: readonly OutcomeCounts[];
  readonly #rules: readonly OutcomeRule[];

  constructor(rules: readonly OutcomeRule[]) {
    this.#rules = rules;
    this.outcomes = rules.map(() => zeroOutcome());
  }

  /** One more event. */
  count(name: keyof LaneCounts, { lane }: { readonly lane: number }): void {
    this.events[name]++;
    if (lane === lanes.import) this.imported[name]++;
  }

  /** @param heldActions how many wait now. */
  counters(heldActions: number): JoinCounters {
    const [first, ...others] = this.outcomes;
    const named = others.map((counts, i) => [this.#rules[i + 1]!.name, { ...counts }] as const);
    return {
      ...{ ...this.events, heldActions, ...first!, imported: { ...this.imported } },
      others: Object.fromEntries(named),
    };
  }

  set(counters: JoinCounters): void {
    assignKnown(this.events, counters);
    // A window of an earlier release has not counted them.
    assignKnown(this.imported, counters.imported ?? zeroLane());
    assignKnown(this.outcomes[0]!, counters);
    this.#rules.forEach(({ name }, i) => {
      const { [name]: found } = counters.others;
      if (i > 0 && found) assignKnown(this.outcomes[i]!, found);
    });
  }

  /** Those of a window that may have predicted other outcomes: rows of before one was predicted are dropped, as for it they are. */
  adopt(counters: JoinCounters): void {
    this.set(counters);
    const { impressions, lateImpressions, ignoredImpressions } = this.events;
    for (const counts of this.outcomes.slice(1)) {
      const rows = impressions - lateImpressions - ignoredImpressions + counts.passedIn;
      counts.negativesDropped += Math.max(0, rows - settledOf(counts) - counts.open);
    }
  }
}

function assignKnown<Counts extends Record<keyof Counts, number>>(
  counts: Counts,
  found: Readonly<Record<keyof Counts, number>>,
): void {
  for (const name of Object.keys(counts) as (keyof Counts)[])
    // What whoever wrote it did not count yet is none.
    counts[name] = (found[name] ?? 0) as Counts[keyof Counts];
}
