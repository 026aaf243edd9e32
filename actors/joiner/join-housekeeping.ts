import { codeOf, messageOf } from '../../core/base/errors.js';
import { lanes } from '../../core/joining/event-facts.js';
import { idleWatermarkMs } from '../../core/joining/idle-watermark.js';
import type { JoinWindow } from '../../core/joining/join-window.js';
import type { WindowAdvance } from '../../messages/events.js';
import type { ActorContext } from '../../runtime/actor.js';

/** Event time may differ from the wall clock by this much for the stream to count as live. */
const liveWithinMs = 600_000;

/** Silence after which the clock decides what an event follows. Too low: records of the clock beside each event. */
const undecidedMs = 500;

export interface HousekeepingPorts {
  readonly window: Pick<JoinWindow, 'counters' | 'undecided' | 'eventMsMax' | 'watermarkMs'>;
  readonly arrivedAtMs: () => number;
  readonly nowMs: () => number;
  readonly latenessMs: number;
  readonly idleMs: number;
  /** Writes into JOIN what the clock does to the window. */
  readonly advance: (to: WindowAdvance) => Promise<unknown>;
  readonly log: Pick<ActorContext['log'], 'warn'>;
}

/** On a quiet live stream the clock moves the watermark, so that the last impressions get their negatives. */
export class JoinHousekeeping {
  readonly #ports: HousekeepingPorts;
  #advancing: Promise<void> | undefined;

  constructor(ports: HousekeepingPorts) {
    this.#ports = ports;
  }

  /** To be called now and then. Resolves when the watermark is in JOIN, or need not move. */
  async look(): Promise<void> {
    const watermarkMs = this.#wanted();
    if (watermarkMs === undefined) return;
    const { advance, log } = this.#ports;
    this.#advancing ??= advance({ watermarkMs, lane: lanes.live })
      .then(
        () => undefined,
        (error: unknown) =>
          log.warn({ code: codeOf(error), err: messageOf(error) }, 'watermark not moved'),
      )
      .finally(() => (this.#advancing = undefined));
    await this.#advancing;
  }

  #wanted(): number | undefined {
    const { window, arrivedAtMs, nowMs, latenessMs, idleMs } = this.#ports;
    if (window.counters.open + window.counters.heldActions === 0) return undefined;
    // Whoever waits for what comes next need not wait until the stream is idle: the lateness is kept.
    const silentMsMax = window.undecided > 0 ? Math.min(idleMs, undecidedMs) : idleMs;
    const watermarkMs = idleWatermarkMs({
      nowMs: nowMs(),
      arrivedAtMs: arrivedAtMs(),
      eventMsMax: window.eventMsMax,
      allowedLatenessMs: latenessMs,
      idleMs: silentMsMax,
      liveWithinMs,
    });
    const moves = watermarkMs !== undefined && watermarkMs > window.watermarkMs;
    return moves ? watermarkMs : undefined;
  }
}
