import { endpoint } from './endpoint-figures.js';
import { counter, gauge, text } from './figures.js';

export const featureStoreFigures = {
  entities: gauge('count', 'Users and items it has features of.', 'entities'),
  sequence: gauge('sequence', 'FEATURES is stored up to here.'),
  activity: gauge('sequence', 'ACTIVITY is folded up to here.'),
  keptStates: gauge('count', 'People, items and values that something is kept of.'),
  provisional: gauge('count', 'People whose lists of events go on without training.'),
  records: counter('Records of the log that were read since the start, and not from a snapshot.'),
  resyncs: counter('Gaps in the log that were mended from a snapshot.'),
  thinItems: gauge(
    'count',
    'Items that a patch made since the start, and that have less than half of what items have in the mean, such as a price alone.',
  ),
  thinItemsExample: text('The last of them, and what it has.'),
  badMessages: counter('Messages in the log that nobody can read.'),
  get: endpoint('Requests for features.'),
};
