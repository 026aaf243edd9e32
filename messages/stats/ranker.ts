import { health, settingsFigures } from './common-figures.js';
import { endpoint } from './endpoint-figures.js';
import { counter, gauge, histogram, text } from './figures.js';

export const rankerFigures = {
  scored: counter('Candidates scored.', 'scored'),
  logged: counter('Impressions that the log has taken.'),
  unlogged: counter('Impressions that the log has refused.'),
  degraded: counter('Answers without rows or features that should be there.'),
  rerouted: counter('Requests from another data center.'),
  rowsRerouted: counter('Answers with rows from another data center.'),
  hedged: counter('Requests asked again elsewhere, as the answer was late.'),
  backend: text('What executes the model; empty before it is loaded.'),
  denseVersion: gauge('sequence', 'Version of the network that scores.', 'version'),
  denseWaiting: gauge('count', 'Versions of the network whose rows are not here yet.'),
  featureHits: counter('Entities whose features were at hand.'),
  featureMisses: counter('Entities whose features were asked for.'),
  rank: endpoint('Requests for scores.'),
  rankLatency: histogram('ms', 'Time from a request for scores to its answer.'),
  ...settingsFigures,
  health,
};
