import { endpoint } from './endpoint-figures.js';
import { counter, gauge } from './figures.js';

export const featureStoreFigures = {
  entities: gauge('count', 'Users and items it has features of.', 'entities'),
  sequence: gauge('sequence', 'FEATURES is stored up to here.'),
  activity: gauge('sequence', 'ACTIVITY is folded up to here.'),
  keptStates: gauge('count', 'People, items and values that something is kept of.'),
  provisional: gauge('count', 'People whose lists of events go on without training.'),
  records: counter('Records of the log that were read since the start, and not from a snapshot.'),
  resyncs: counter('Gaps in the log that were mended from a snapshot.'),
  badMessages: counter('Messages in the log that nobody can read.'),
  get: endpoint('Requests for features.'),
};
