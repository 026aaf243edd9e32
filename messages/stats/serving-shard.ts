import { health } from './common-figures.js';
import { endpoint } from './endpoint-figures.js';
import { counter, gauge, histogram, measure } from './figures.js';

export const servingShardFigures = {
  rows: gauge('count', 'Rows served.', 'rows'),
  rowBytes: gauge('bytes', 'Memory of the rows.'),
  saturated: gauge('count', 'Weights that did not fit their form; see core/embedding/serving.'),
  deltas: counter('Records of the log that are in the rows.'),
  resyncs: counter('Gaps in the log that were mended from a snapshot.'),
  through: gauge('sequence', 'All batches of SAMPLES up to here are in the rows.'),
  resolved: gauge('count', 'Impressions settled by those batches.'),
  freshnessP50Ms: measure(
    'ms',
    'Median age of an action when it is served; null: none came.',
    'ms fresh p50',
  ),
  freshnessP99Ms: measure('ms', '99th percentile of that age; null: none came.', 'ms p99'),
  freshnessSamples: counter('Actions whose age was taken.'),
  freshness: histogram('ms', 'Age of actions when they are served.'),
  propagationP50Ms: measure(
    'ms',
    'Median time from the step in a parameter server to the row that is served; null: none came.',
  ),
  propagationP99Ms: measure(
    'ms',
    '99th percentile of that time; null: none came.',
    'ms p99 from training',
  ),
  health,
  lookup: endpoint('Look-ups of rows.'),
};
