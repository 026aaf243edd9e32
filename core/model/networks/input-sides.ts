import type { InputSides, ModelSpec, SideName } from '../network.js';

/** Towers: of who asks, with where he does, and of what is asked for. */
export type TowerName = 'user' | 'item';

/** Slots and numbers by whose they are, as the network sees them. Where nobody says, the first half of slots, and of numbers, are the user's. */
export function sidesIn(spec: ModelSpec): InputSides {
  const halves = (count: number): SideName[] =>
    Array.from({ length: count }, (_, i) => (i < count >> 1 ? 'user' : 'item'));
  return spec.sides ?? { slots: halves(spec.slotCount), columns: halves(spec.denseCount) };
}

/** Where those of a tower stand; what is of pairs is of neither. */
export function placesOf(tower: TowerName, sides: readonly SideName[]): number[] {
  return sides.flatMap((side, place) => {
    const own = side === 'context' ? 'user' : side;
    return own === tower ? [place] : [];
  });
}

/** Places that lie beside one another, as [first, count]. */
export function runsOf(places: readonly number[]): (readonly [number, number])[] {
  const runs: [number, number][] = [];
  for (const place of places) {
    const last = runs.at(-1);
    if (last && last[0] + last[1] === place) last[1]++;
    else runs.push([place, 1]);
  }
  return runs;
}
