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
