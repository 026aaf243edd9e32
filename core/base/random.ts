import type { Clock } from './clock.js';

/** Where chance comes from, and the only way to it (a lint rule): so a simulation can have the same luck twice. */
export interface Random {
  /** In [0, 1). */
  next(): number;
  /** One that nobody else has made or will make, as a UUID of version 4. */
  id(): string;
}

/** What whoever waits, tries again or draws needs beside its input. A bus has them, and so has what an actor is given. */
export interface TimeAndChance {
  readonly clock: Clock;
  readonly random: Random;
}
