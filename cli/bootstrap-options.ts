import { SeededRandom } from '../simulation/time/seeded-random.js';
import type { Arguments } from './command.js';
import { integerOf } from './command.js';

/** Fewer: ends of intervals move with the seed. More: longer. */
export const drawsDefault = 200;

/** What --draws and --seed say. */
export function bootstrapOf(args: Arguments) {
  const draws = integerOf(args.value('draws') ?? String(drawsDefault), 'draws', 0);
  const seed = integerOf(args.value('seed') ?? '1', 'seed', 0);
  return { draws, random: () => new SeededRandom(seed) };
}

/** Of reports that are made beside something else. */
export const usualBootstrap = { draws: drawsDefault, random: () => new SeededRandom(1) };
