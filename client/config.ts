/** What a configuration is written against: `import { defineCluster } from 'starling/config'`. */
export { defineCluster } from '../core/config/schema.js';
export type { ClusterConfigInput } from '../core/config/schema.js';
