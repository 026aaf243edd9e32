import { mix32 } from '../base/hash.js';
import { networkOf } from './networks/networks.js';
import type { ModelSpec, ParameterDeclaration } from './network.js';

/**
 * All dense parameters of a network are one flat Float32Array: a version of the network is then one message, one
 * optimizer loop and one entry of a snapshot, and names matter only where the network is computed.
 *
 *   | bias | linear … | hidden0.kernel (row-major) | hidden0.bias | … | output.kernel |
 */
export interface DenseEntry extends ParameterDeclaration {
  /** Elements from the start of the flat array. */
  readonly offset: number;
  /** Elements. */
  readonly size: number;
}

export interface DenseLayout {
  readonly entries: readonly DenseEntry[];
  /** Elements of the flat array. */
  readonly size: number;
}

export function denseLayout(spec: ModelSpec): DenseLayout {
  return layoutOf(networkOf(spec).parameters(spec));
}

export function layoutOf(declarations: readonly ParameterDeclaration[]): DenseLayout {
  let size = 0;
  const entries = declarations.map((declaration) => {
    const [rows, columns = 1] = declaration.shape;
    const entry: DenseEntry = { ...declaration, offset: size, size: rows * columns };
    size += entry.size;
    return entry;
  });
  return { entries, size };
}

/** Initial parameters: a function of the spec and the seed alone, so every host starts from the same network. */
export function initialDense(spec: ModelSpec, seed: number): Float32Array {
  const layout = denseLayout(spec);
  const values = new Float32Array(layout.size);
  for (const entry of layout.entries) {
    if (entry.initial === 'zeros') continue;
    if (entry.initial === 'ones') {
      values.fill(1, entry.offset, entry.offset + entry.size);
      continue;
    }
    const [inputs, outputs = 1] = entry.shape;
    if (entry.initial === 'identity') {
      const common = Math.min(inputs, outputs);
      for (let i = 1; i <= common; i++)
        values[entry.offset + (inputs - i) * outputs + outputs - i] = 1;
      continue;
    }
    const limit = Math.sqrt(6 / (inputs + outputs));
    for (let i = entry.offset; i < entry.offset + entry.size; i++) {
      values[i] = (uniform(i, seed) * 2 - 1) * limit;
    }
  }
  return values;
}

/** In [0, 1): a hash of the position, so that no generator state exists to get out of step. */
function uniform(index: number, seed: number): number {
  return mix32(mix32(index + 0x9e3779b9) ^ mix32(seed)) / 4294967296;
}
