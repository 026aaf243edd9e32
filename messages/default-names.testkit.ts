import { clusterNameDefault } from '../core/config/cluster-name.js';
import { namesOf } from './cluster-names.js';

/** What everything is called in a cluster that is given no other name. */
export const names = namesOf(clusterNameDefault);
export const { subject, stream: streamName, bucket: clusterBucket, pattern } = names;
