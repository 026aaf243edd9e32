import { endpoint } from './endpoint-figures.js';
import { counter, gauge } from './figures.js';

export const denseShardFigures = {
  parameters: gauge('count', 'Numbers in the network.'),
  denseVersion: gauge('sequence', 'Steps the network has taken.', 'version'),
  servedVersion: gauge('sequence', 'Version that was sent to rankers last.'),
  saves: counter('Times the network was saved.'),
  appliedThrough: gauge('sequence', 'All batches of SAMPLES up to here are in the network.'),
  batchesApplied: counter('Batches in the network.', 'batches applied'),
  leaseLapses: counter('Times its lease ran out.'),
  push: endpoint('Pushes of gradients.'),
};
