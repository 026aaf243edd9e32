import type { Network } from '../network.js';

/**
 * A network of one's own, in a file that exports it by default:
 *
 *   export default defineNetwork({
 *     parameters: (spec) => [...linearParameters(spec), ...headParameters(spec), ...towerParameters(inputParts, spec)],
 *     forward: (blocks, inputs, parameters, spec) => …,
 *   });
 *
 * and in the configuration `model: { network: './my-network.ts' }`. Both are functions of what they are given alone, as every process
 * that trains or scores asks them. What is wrapped in this is checked by the editor; nothing happens at run time.
 */
export function defineNetwork(network: Network): Network {
  return network;
}
