/** For people: what was written where, and what the log could do without since. */
export interface TakenSnapshot {
  readonly of: 'rows' | 'users and items' | 'records of windows';
  readonly snapshot: string;
  readonly dataCenter: string;
  readonly rows: number;
  readonly bytes: number;
  readonly seconds: number;
  /** Records that the log lost behind the oldest snapshot that is kept. */
  readonly trimmed: number;
}

export interface HowTaken {
  /** Hears how it goes on, in words. */
  readonly progress: (text: string) => void;
  /** Hears what a part could not be taken for, while the others are. */
  readonly failed: (error: unknown) => void;
  /** How many are to be left; as configured if left out. */
  readonly keep?: number;
}

/** One that is due: what it meets is told in the log of the leader. */
export const nobodyAsked: HowTaken = { progress: () => undefined, failed: () => undefined };
