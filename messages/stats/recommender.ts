import { health, settingsFigures } from './common-figures.js';
import { endpoint } from './endpoint-figures.js';
import { counter, gauge } from './figures.js';

export const recommenderFigures = {
  recommended: counter('Items recommended.', 'recommended'),
  logged: counter('Impressions that the log has taken.'),
  unlogged: counter('Impressions that the log has refused.'),
  degraded: counter('Answers without something that should be there.'),
  rerouted: counter('Requests from another data center.'),
  rowsRerouted: counter('Answers with rows from another data center.'),
  hedged: counter('Requests asked again elsewhere, as the answer was late.'),
  items: gauge('count', 'Items in the catalog.', 'items'),
  records: counter('Records of the log that were read since the start, and not from a snapshot.'),
  resyncs: counter('Gaps in the log that were mended from a snapshot.'),
  recommend: endpoint('Requests for recommendations.'),
  ...settingsFigures,
  health,
  protocol: gauge('none', 'Version of the protocol it speaks.'),
};
