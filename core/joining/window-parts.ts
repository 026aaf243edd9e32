import { assert } from '../base/assert.js';
import { lanes } from './event-facts.js';
import { EventIds } from './event-ids.js';
import { HeldEvents } from './held-events.js';
import { Identities } from './identities.js';
import { Imports } from './imports.js';
import { JoinBooks } from './join-books.js';
import { KeptRows } from './kept-rows.js';
import { OutcomeSet } from './outcome-rules.js';
import { RememberedKeys } from './remembered-keys.js';
import { SampleBuilder } from './sample-builder.js';
import { SentContents } from './sent-contents.js';
import type { ColdRows, JoinOptions } from './types.js';
import { WindowOutput } from './window-output.js';

export interface LaneClock {
  watermarkMs: number;
  eventMsMax: number;
}

export const laneCount = Object.keys(lanes).length;

/** What a window remembers, counts and says. What becomes of any of it is for the others to decide. */
export class WindowParts {
  readonly options: JoinOptions;
  readonly outcomes: OutcomeSet;
  readonly books: JoinBooks;
  readonly kept: KeptRows;
  readonly held: HeldEvents;
  /** Rows of which nothing came. */
  readonly closed: RememberedKeys;
  /** Of rows, where they went. */
  readonly moved: RememberedKeys;
  readonly ids: EventIds;
  readonly identities = new Identities();
  readonly imports = new Imports();
  readonly samples: SampleBuilder;
  readonly contents: SentContents;
  readonly out: WindowOutput;
  /** By lane. */
  readonly lanes: readonly LaneClock[];
  readonly progress = { numberNext: 1, taken: new Map<number, number>() };
  /** After which nothing more can be said of a row. */
  readonly keepMs: number;

  constructor(options: JoinOptions, cold: ColdRows) {
    const { latenessMs, negativeRate, copiesMs, slotCount, denseCount } = options;
    assert(latenessMs >= 0, 'the lateness is not negative');
    assert(options.organicWaitMs <= latenessMs, 'nobody waits longer than the lateness');
    assert(negativeRate >= 0 && negativeRate <= 1, 'the negative rate is within 0 … 1');
    const outcomes = new OutcomeSet(options);
    // 256 buckets per window: a negative is at most 0.4 % of the window later than it could be.
    const bucketMs = options.bucketMs ?? Math.max(1, outcomes.windowMsMin / 256);
    const { memoryOpenMax = Infinity } = options;
    // What has waited elsewhere comes as late as that.
    const behindMsMax = outcomes.windowMsMax + latenessMs;
    this.options = options;
    this.outcomes = outcomes;
    this.keepMs = 2 * behindMsMax + copiesMs;
    this.books = new JoinBooks(outcomes.rules);
    this.kept = new KeptRows(
      { outcomes, bucketMs, lanes: laneCount, memoryOpenMax, slotCount, denseCount },
      cold,
    );
    this.held = new HeldEvents(bucketMs, laneCount);
    this.closed = new RememberedKeys(bucketMs, laneCount);
    this.moved = new RememberedKeys(bucketMs, laneCount);
    const apartMsMax = behindMsMax + copiesMs;
    this.ids = new EventIds({ apartMsMax, behindMsMax, bucketMs, lanes: laneCount });
    const names = outcomes.rules.map(({ name }) => name);
    this.samples = new SampleBuilder(names, slotCount, denseCount);
    this.contents = new SentContents(slotCount, denseCount);
    this.out = new WindowOutput({
      ...{ partition: options.partition, tells: options.tells, contents: this.contents },
      nextNumber: () => this.books.events.sent++,
    });
    this.lanes = Array.from({ length: laneCount }, () => ({
      ...{ watermarkMs: -Infinity, eventMsMax: -Infinity },
    }));
  }

  /** In a lane something has come of this time. */
  heard(lane: number, atMs: number): void {
    const clock = this.lanes[lane]!;
    clock.eventMsMax = Math.max(clock.eventMsMax, atMs);
  }
}
