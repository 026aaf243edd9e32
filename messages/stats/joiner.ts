import type { JoinCounters } from '../../core/joining/types.js';
import { counter, gauge, measure, type Figure } from './figures.js';

/** Counters are committed with the window, so they go on over restarts. */
const joinCounterFigures = {
  impressions: counter('Different impressions; late ones included.', 'impressions'),
  actions: counter('Actions.'),
  open: gauge('count', 'Impressions whose window has not ended.', 'open'),
  positives: counter('Samples with an action.', 'positives'),
  negatives: counter('Samples without one that were kept.', 'negatives'),
  negativesDropped: counter('Samples without an action that were not kept.'),
  duplicates: counter('Events that came again.'),
  rejected: counter('Rows without a usable time or label; they are dead letters.'),
  joinedActions: counter('Actions whose impression was found.'),
  lateActions: counter('Actions that came after the window of their impression.'),
  orphanActions: counter('Actions whose impression never came.'),
  lateImpressions: counter('Impressions that came after their window.'),
  heldActions: gauge('count', 'Actions that wait for their impression.'),
} satisfies Record<keyof JoinCounters, Figure<number>>;

export const joinerFigures = {
  ...joinCounterFigures,
  consumed: gauge('sequence', 'JOIN is read and committed up to here.'),
  published: gauge('sequence', 'All that came of JOIN up to here is in SAMPLES.'),
  outboxPending: gauge('count', 'Messages of samples that are committed and not yet in SAMPLES.'),
  batchesPublished: counter('Messages written to SAMPLES since it was started.'),
  flushP50Ms: measure('ms', 'Median time of a commit; null: there was none.'),
  flushP99Ms: measure('ms', '99th percentile of that time; null: there was none.'),
  watermarkMs: measure('atMs', 'Event time that has passed; null: no event came.'),
};
