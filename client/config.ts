/** What a configuration is written against: `import { defineCluster } from 'starling/config'`. */
export { defineCluster } from '../core/config/schema.js';
export type { ClusterConfigInput } from '../core/config/schema.js';

/** And what a network of one's own is made of (docs/networks.md). */
export { defineNetwork } from '../core/model/networks/define-network.js';
export { headParameters, perHead, withOwn } from '../core/model/networks/heads.js';
export { inputParts, partsWidth } from '../core/model/networks/inputs.js';
export { factorTerms, linearParameters, linearTerms } from '../core/model/networks/linear.js';
export {
  inputsOf,
  layerParameters,
  layers,
  tower,
  towerParameters,
} from '../core/model/networks/tower.js';
export type {
  AttentionMask,
  Blocks,
  ParameterValue,
  Pooling,
  Value,
} from '../core/model/blocks.js';
export type { HistoryInput } from '../core/model/history-marks.js';
export type {
  InputPart,
  ModelSpec,
  Network,
  NetworkInputs,
  ParameterDeclaration,
  Parameters,
} from '../core/model/network.js';
