import { plainDenseCount } from '../projection.js';
import type { InputPart, ModelSpec } from '../network.js';
import { placesOf, sidesIn } from './input-sides.js';

/** What a network sees of an example: the vectors of all slots, then the numbers. */
export const inputParts: readonly InputPart[] = ['vectors', 'numbers'];

/** How many numbers of a row a part of it is. @param spec as the network sees it, projections among its slots. */
export function partWidth(part: InputPart, spec: ModelSpec): number {
  if (typeof part === 'object') {
    if ('side' in part)
      return sidePlaces(part, spec).length * (part.of === 'vectors' ? spec.factorDim : 1);
    return 'units' in part ? part.units : part.names.length;
  }
  if (part === 'vectors') return spec.slotCount * spec.factorDim;
  if (part === 'numbers') return plainDenseCount(spec);
  const histories = spec.histories?.length ?? 0;
  if (part === 'interests') return histories * spec.factorDim;
  if (part === 'matches') return histories;
  const count = pairedCount(spec);
  return (count * (count - 1)) / 2;
}

/** Where the slots, or numbers, of a side stand. */
export function sidePlaces(
  { side, of }: Extract<InputPart, { readonly side: unknown }>,
  spec: ModelSpec,
): number[] {
  const { slots, columns } = sidesIn(spec);
  const sides = of === 'vectors' ? slots : columns;
  if (side !== 'pair') return placesOf(side, sides);
  return sides.flatMap((each, place) => (each === 'pair' ? [place] : []));
}

export function partsWidth(parts: readonly InputPart[], spec: ModelSpec): number {
  return parts.reduce((width, part) => width + partWidth(part, spec), 0);
}

/** Vectors that are multiplied with one another: of the slots, and one that is made of the numbers. */
export function pairedCount(spec: ModelSpec): number {
  return spec.slotCount + (plainDenseCount(spec) > 0 ? 1 : 0);
}
