import type { ChildMessage } from '../../messages/child-messages.js';
import type { LeftProcessHandlers } from '../../supervisor/adoption/left-process.js';
import type { ClaimedProcess, ProcessExit } from '../../supervisor/child-process.js';
import type { SimulatedActor } from './simulated-actor.js';
import { Supervision } from './supervision.js';
import type { SimulatedProcess } from '../time/simulated-process.js';

/** Milliseconds, as of a LeftProcess. */
const attachMsMax = 5_000;
const drainMs = 5_000;
const leaveGraceMs = 1_000;
/** Between two looks of an actor for a supervisor, and as long for how one that is not its parent learns of its end. */
const knockMsMax = 150;

/** One process of an actor that an earlier supervisor has left, as the next one sees it. */
export class LeftActor implements ClaimedProcess {
  readonly pid: number;
  readonly epoch: number;
  readonly log = 'memory';
  readonly #actor: SimulatedActor;
  readonly #handlers: LeftProcessHandlers;
  readonly #supervision: Supervision;
  #isWanted: boolean;
  #isAttached = false;
  #isKilled = false;

  /** @param isWanted false: it is told to leave. */
  constructor(
    actor: SimulatedActor,
    supervisor: SimulatedProcess,
    handlers: LeftProcessHandlers,
    isWanted: boolean,
  ) {
    this.pid = actor.pid;
    this.epoch = actor.epoch;
    this.#actor = actor;
    this.#handlers = handlers;
    this.#isWanted = isWanted;
    this.#supervision = new Supervision(supervisor, actor.process);
    const { process, fate } = actor;
    process.after(process.random.between(0, knockMsMax), () => this.#introduce());
    supervisor.after(attachMsMax, () => {
      if (!this.#isAttached) this.kill();
    });
    fate.watch(actor, this.#supervision, (exit) => {
      const ms = supervisor.random.between(0, knockMsMax);
      supervisor.after(ms, () => handlers.onExit({ ...exit, ...this.#exit() }));
    });
  }

  retire(): void {
    this.#actor.fate.members.retired(this.#actor.address);
    this.#supervision.down(() => this.#actor.toldToRetire());
  }

  stop(ms: number): void {
    this.#isWanted = false;
    this.#actor.fate.members.asked(this.#actor.address);
    this.#supervision.down(() => this.#actor.leave(ms));
  }

  serve(open: boolean): void {
    if (this.#isAttached) this.#supervision.down(() => this.#actor.answerPublic(open));
  }

  kill(): void {
    if (!this.#actor.fate.members.killed(this.#actor.address)) return;
    this.#isKilled = true;
    this.#actor.kill();
  }

  #introduce(): void {
    const { state } = this.#actor;
    // Who leaves already does not look for anybody.
    if (state === 'draining' || state === 'stopped') return;
    this.#supervision.up(() => {
      this.#isAttached = true;
      if (this.#isWanted) return this.#adopt();
      this.#actor.fate.members.asked(this.#actor.address);
      this.#supervision.down(() => this.#actor.leave(drainMs));
      this.#supervision.supervisor.after(drainMs + leaveGraceMs, () => this.kill());
    });
  }

  #adopt(): void {
    const handlers = this.#handlers;
    const hear = (message: ChildMessage): void => handlers.onMessage(message);
    this.#supervision.down(() => this.#actor.adopted(this.#supervision, hear));
    handlers.onAdopted(this.#actor.state);
  }

  #exit(): ProcessExit {
    const detail = this.#isKilled
      ? 'killed by SIGKILL'
      : 'ended; how is not known, as it was adopted';
    return { code: null, signal: this.#isKilled ? 'SIGKILL' : null, detail };
  }
}
