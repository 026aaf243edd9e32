/**
 * What a change of the configuration does to what is there, from the least to the worst:
 *
 *   free         nothing that is learned or kept depends on it
 *   kept         takes effect as actors start again; all that was learned goes on
 *   starts cold  something new begins, and has learned nothing yet
 *   forgets      something that was learned or kept is dropped: only where it is allowed by name
 *   impossible   not in this cluster; what to do instead stands beside it
 */
export const effects = ['free', 'kept', 'starts cold', 'forgets', 'impossible'] as const;
export type Effect = (typeof effects)[number];

/** Who has to start again for it. Servers: those that a cluster starts, and hosts with them. */
export const restarts = ['actors', 'hosts', 'servers'] as const;
export type Restarts = (typeof restarts)[number];

export interface Verdict {
  readonly effect: Effect;
  readonly restarts: Restarts;
  /** For people: what becomes of it; of what is impossible, what to do instead. */
  readonly why: string;
  /** Of what forgets: the name by which it is allowed. */
  readonly forgets?: string;
}

export interface ConfigChange extends Verdict {
  /** In the configuration, with dots. */
  readonly path: string;
  /** Undefined: it is left out, and has no default. */
  readonly before: unknown;
  readonly after: unknown;
}

export function free(why: string): Verdict {
  return { effect: 'free', restarts: 'actors', why };
}

export function kept(why: string, restarts: Restarts = 'actors'): Verdict {
  return { effect: 'kept', restarts, why };
}

export function cold(why: string): Verdict {
  return { effect: 'starts cold', restarts: 'actors', why };
}

export function forgets(name: string, why: string): Verdict {
  return { effect: 'forgets', restarts: 'actors', why, forgets: name };
}

export function impossible(why: string): Verdict {
  return { effect: 'impossible', restarts: 'actors', why };
}
