/**
 * A watermark follows events, so when the events stop, the last impressions would stay open for ever. If the stream is
 * live, which shows in event times being near the wall clock when they arrive, the wall clock may take over. In a replay
 * of old events it may not: the next event can be as old as the last.
 */
export interface IdleInput {
  readonly nowMs: number;
  /** Wall clock of the last arrival. */
  readonly arrivedAtMs: number;
  /** The newest event time seen. */
  readonly eventMsMax: number;
  readonly allowedLatenessMs: number;
  /** Silence after which the stream counts as idle. Too short closes windows over a hiccup of the network. */
  readonly idleMs: number;
  /** How far event time and wall clock may be apart for the stream to count as live. */
  readonly liveWithinMs: number;
}

/**
 * The watermark that an idle live stream has reached: event time goes on from the last event at the pace of the wall
 * clock, never beyond now − lateness. undefined if the stream isn't idle, or isn't live.
 */
export function idleWatermarkMs(input: IdleInput): number | undefined {
  const silentMs = input.nowMs - input.arrivedAtMs;
  if (silentMs < input.idleMs) return undefined;
  const isLive = Math.abs(input.arrivedAtMs - input.eventMsMax) <= input.liveWithinMs;
  if (!isLive) return undefined;
  return Math.min(input.eventMsMax + silentMs, input.nowMs) - input.allowedLatenessMs;
}
