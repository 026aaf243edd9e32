import type { SimulatedProcess } from '../time/simulated-process.js';

/** Of what a process and its supervisor say to each other. */
const channelMs = { from: 0.02, to: 0.4 } as const;
/** Until the kernel has told a supervisor that a process has ended. */
const exitMs = { from: 0.5, to: 5 } as const;

/**
 * What a supervisor and a process say to each other: each way keeps its order, and what one of them would hear when it is
 * dead, nobody does.
 */
export class Supervision {
  readonly supervisor: SimulatedProcess;
  readonly #process: SimulatedProcess;
  /** When the last thing that was said arrives. */
  #heardMs = { up: 0, down: 0 };

  constructor(supervisor: SimulatedProcess, process: SimulatedProcess) {
    this.supervisor = supervisor;
    this.#process = process;
  }

  up(hear: () => void): void {
    this.supervisor.after(this.#delayMs('up'), hear);
  }

  down(hear: () => void): void {
    this.#process.after(this.#delayMs('down'), hear);
  }

  /** The process has ended: that is heard behind its last words. */
  ended(hear: () => void): void {
    const ms = this.supervisor.random.between(exitMs.from, exitMs.to);
    this.supervisor.after(Math.max(ms, this.#untilHeard('up')), hear);
  }

  #delayMs(way: 'up' | 'down'): number {
    const ms = this.supervisor.random.between(channelMs.from, channelMs.to);
    const delayMs = Math.max(ms, this.#untilHeard(way));
    this.#heardMs[way] = this.supervisor.timeMs + delayMs;
    return delayMs;
  }

  #untilHeard(way: 'up' | 'down'): number {
    return Math.max(0, this.#heardMs[way] - this.supervisor.timeMs);
  }
}
