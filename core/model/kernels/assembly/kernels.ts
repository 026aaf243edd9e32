// AssemblyScript, compiled by scripts/kernels.mjs to two modules: with SIMD, and with relaxed SIMD beside it. What the blocks
// of networks do to numbers in linear memory; where those lie, and what comes after what, is decided in ../program.ts.

export { compact, dot, gateAndSum, outer, pack, packBias, product, rankOne, weightedSum } from './matrix';
export {
  addBias,
  copyColumns,
  loss,
  pairwise,
  pairwiseBack,
  spreadColumns,
  sumColumns,
} from './columns';
export { gatherDot, gatherLayer } from './candidates';
export { join, pool, scatter, split } from './rows';
export {
  dotInteractions,
  dotInteractionsBack,
  layerNorm,
  layerNormBack,
  multiply,
  normalizeRows,
  normalizeRowsBack,
  rowDots,
  scaleRows,
  sigmoid,
  sigmoidBack,
} from './numbers';
export { softmaxParts, softmaxPartsBack } from './parts';
export { attention, attentionBack } from './attention';
export {
  addPositions,
  addPositionsBack,
  gatherOccurrences,
  poolOccurrences,
  softmaxOccurrences,
  softmaxOccurrencesBack,
  spreadOccurrences,
} from './occurrences';
