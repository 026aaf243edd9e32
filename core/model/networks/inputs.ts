import { plainDenseCount } from '../projection.js';
import type { InputPart, ModelSpec } from '../network.js';

/** What a network sees of an example: the vectors of all slots, then the numbers. */
export const inputParts: readonly InputPart[] = ['vectors', 'numbers'];

/** How many numbers of a row a part of it is. @param spec as the network sees it, projections among its slots. */
export function partWidth(part: InputPart, spec: ModelSpec): number {
  if (typeof part === 'object') return 'units' in part ? part.units : part.names.length;
  if (part === 'vectors') return spec.slotCount * spec.factorDim;
  if (part === 'numbers') return plainDenseCount(spec);
  const histories = spec.histories?.length ?? 0;
  if (part === 'interests') return histories * spec.factorDim;
  if (part === 'matches') return histories;
  const count = pairedCount(spec);
  return (count * (count - 1)) / 2;
}

export function partsWidth(parts: readonly InputPart[], spec: ModelSpec): number {
  return parts.reduce((width, part) => width + partWidth(part, spec), 0);
}

/** Vectors that are multiplied with one another: of the slots, and one that is made of the numbers. */
export function pairedCount(spec: ModelSpec): number {
  return spec.slotCount + (plainDenseCount(spec) > 0 ? 1 : 0);
}
