import base from '../../cluster.config.js';
import type { ClusterConfigInput } from '../../core/config/schema.js';

/**
 * The usual cluster with one inference data center, and one ranker there, and people who ask now and then: for tests that
 * are about none of it, as most of the time of a test with a whole cluster is that of its processes.
 */
export const leanConfig: ClusterConfigInput = {
  ...base,
  dataCenters: base.dataCenters!.filter(({ name }) => name !== 'west'),
  actors: { ...base.actors, ranker: 1 },
  simulation: { requestsPerSecond: 4 },
};
