/**
 * The public face of Starling: `import { connectStarling } from 'starling'`. What is not here may change at any time.
 */
export { connectStarling } from './client.js';
export type {
  CallOptions,
  ClientOptions,
  Id,
  RankInput,
  RecommendInput,
  StarlingClient,
} from './client.js';
export type { ClusterLocation } from './connect.js';
export type { ClusterStatus } from '../messages/cluster-status.js';
export type {
  ActionInput,
  AliasInput,
  EventInput,
  ShownInput,
  FeaturesInput,
  ImpressionInput,
  IngestOptions,
  IngestReceipt,
  ItemInput,
  UserInput,
} from './ingest.js';
export type { Ranking, Recommendation, RecommendedItem } from './replies.js';
export type { RankBatch, RankBatchReply } from '../messages/ranking.js';
export type { ActorStatus } from '../messages/actor-status.js';
export type { SupervisionEvent } from '../messages/supervision-events.js';
export { StarlingError, codeOf, errorCodes } from '../core/base/errors.js';
export type { ErrorCode } from '../core/base/errors.js';
export { defineCluster } from '../core/config/schema.js';
export type { ClusterConfigInput } from '../core/config/schema.js';
