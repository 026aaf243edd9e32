export interface Stoppable {
  /** No new messages; those already handed over are finished first. */
  stop(): Promise<void>;
}
