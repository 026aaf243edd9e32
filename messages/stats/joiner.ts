import type { JoinCounters } from '../../core/joining/types.js';
import {
  byPartition,
  counter,
  countersByName,
  gauge,
  measure,
  partitions,
  type Figure,
} from './figures.js';

/** Counters are committed with the window, so they go on over restarts. Those of outcomes are of the first one; `outcomes` has all. */
const joinCounterFigures = {
  impressions: counter('Different impressions; late ones included.', 'impressions'),
  actions: counter('Different events.'),
  open: gauge('count', 'Impressions whose window has not ended.', 'open'),
  positives: counter('Impressions with an action.', 'positives'),
  negatives: counter('Impressions without one that were kept.', 'negatives'),
  negativesDropped: counter('Impressions without an action that were not kept.'),
  notGiven: counter('Impressions of which the outcome before this one did not happen.'),
  notSeen: counter('Impressions that were never on screen.'),
  erased: counter('Impressions of people who were forgotten.'),
  passed: counter(
    'Impressions that went to the partition of a user, whose visitor was known by now.',
  ),
  passedIn: counter('Impressions that came from the partition of such a visitor.'),
  samples: counter('Rows of samples.'),
  duplicates: counter('Events that came again.'),
  joinedActions: counter('Events whose impression was found.'),
  repeatedActions: counter('Events that say what was known of their impression.'),
  organicActions: counter('Events of their own accord, learned against drawn negatives.'),
  historyActions: counter('Events of their own accord that are not learned.'),
  lateActions: counter('Events of nobody who is known, after the window of their impression.'),
  orphanActions: counter('Events of nobody who is known, whose impression never came.'),
  passedActions: counter('Events that went to the partition of their person.'),
  erasedActions: counter('Events of people who were forgotten.'),
  ignoredActions: counter('Events of bots and staff, of which nothing is learned or kept.'),
  ignoredImpressions: counter(
    'Impressions of bots and staff, of which nothing is learned or kept.',
  ),
  lateImpressions: counter('Impressions that came after their window.'),
  passedImpressions: counter('Impressions that went to the partition of their person at once.'),
  received: counter('Impressions and events that came from other partitions.'),
  sent: counter('Records for other partitions.'),
  heldActions: gauge('count', 'Events that wait for their impression, or for their time.'),
} satisfies Record<Exclude<keyof JoinCounters, 'others' | 'imported'>, Figure<number>>;

export const joinerFigures = {
  ...joinCounterFigures,
  outcomes: countersByName(
    'Impressions by what became of them, for each outcome in the order of the configuration; {} where there is one.',
  ),
  lanes: countersByName(
    'Events that came by imports, by what became of them; {} where there is none.',
  ),
  partitions: partitions('Of JOIN that it has.'),
  consumed: byPartition('JOIN is read and committed up to here, for each partition.'),
  published: byPartition('All that came of JOIN up to here is in SAMPLES, for each partition.'),
  outboxPending: gauge('count', 'Messages of samples that are committed and not yet in SAMPLES.'),
  batchesPublished: counter('Messages written to SAMPLES since it was started.'),
  flushP50Ms: measure('ms', 'Median time of a commit; null: there was none.'),
  flushP99Ms: measure('ms', '99th percentile of that time; null: there was none.'),
  watermarkMs: measure(
    'atMs',
    'Event time that has passed, of the partition that has come farthest; null: no event came.',
  ),
};
