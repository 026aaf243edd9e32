// AssemblyScript, compiled by scripts/kernels.mjs to WebAssembly with SIMD: the inner loops of the table over pages in
// linear memory. The same passes, and the same bits, as the TypeScript that each file names.
export { find, lookup } from './find';
export { gather, record, touch } from './rows';
export { gatherFp16, gatherInt8 } from './packed-rows';
export { addWeights, decayWeights } from './decay';
export { stepAdadelta, stepAdagrad, stepAdam, stepMomentum, stepRmsprop, stepSgd } from './steps';
export { stepFtrl, stepGroupAdagrad } from './group-steps';
