import { seedFor, uniformAt } from './hashed-noise.js';

/**
 * Who the simulated users are and what the simulated films are like, in the words of the default configuration. These
 * are all that the cluster is told; the tastes behind them (taste.ts) stay hidden.
 */
export interface UserTraits {
  readonly age: number;
  readonly gender: 'F' | 'M';
  readonly occupation: string;
}

export interface ItemTraits {
  readonly year: number;
  /** One to three, all different. */
  readonly genres: readonly string[];
}

// prettier-ignore
export const occupations = [
  'academic', 'artist', 'clerk', 'craftsman', 'doctor', 'engineer', 'executive', 'farmer', 'homemaker', 'lawyer',
  'librarian', 'marketing', 'programmer', 'retired', 'sales', 'scientist', 'student', 'technician', 'writer', 'other',
] as const;

// prettier-ignore
export const genres = [
  'action', 'adventure', 'animation', 'children', 'comedy', 'crime', 'documentary', 'drama', 'fantasy', 'horror',
  'musical', 'mystery', 'noir', 'romance', 'science-fiction', 'thriller', 'war', 'western',
] as const;

/** Age groups whose members have something in common; index = how many of these an age has reached. */
const ageBoundaries = [18, 25, 35, 45, 50, 56];
const youngest = 14;
const oldest = 70;
const firstYear = 1960;
const years = 40;

export function userTraits(seed: number, user: number): UserTraits {
  const own = seedFor(seed, 1);
  // The mean of two draws: most are in the middle, few at the ends.
  const spread = (uniformAt(own, user, 0) + uniformAt(own, user, 1)) / 2;
  return {
    age: Math.floor(youngest + (oldest - youngest + 1) * spread),
    gender: uniformAt(own, user, 2) < 0.5 ? 'F' : 'M',
    occupation: occupations[Math.floor(uniformAt(own, user, 3) * occupations.length)]!,
  };
}

export function itemTraits(seed: number, item: number): ItemTraits {
  const own = seedFor(seed, 2);
  const wanted = 1 + Math.floor(3 * uniformAt(own, item, 0) ** 1.5);
  const chosen = new Set<string>();
  for (let draw = 1; draw <= wanted; draw++) {
    chosen.add(genres[Math.floor(uniformAt(own, item, draw) * genres.length)]!);
  }
  // Newer films are more common, as in any catalogue.
  const age = Math.floor(years * uniformAt(own, item, 9) ** 2);
  return { year: firstYear + years - 1 - age, genres: [...chosen] };
}

export function ageGroup(age: number): number {
  return ageBoundaries.filter((boundary) => age >= boundary).length;
}
