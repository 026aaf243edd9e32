import { endsProcess, type LifeEnd } from '../../runtime/actor-life.js';
import type { ProcessExit } from '../../supervisor/child-process.js';
import { ProcessMembers } from '../../supervisor/process-members.js';
import type { SimulatedActor } from './simulated-actor.js';
import type { Supervision } from './supervision.js';

/**
 * One process of a simulated machine, as its system knows it: the actors in it end together, but for one that leaves in
 * order. What each of them does is in a SimulatedProcess of its own, so that nothing acts on of one that has left.
 */
export class SharedFate {
  readonly pid: number;
  readonly #actors = new Set<SimulatedActor>();
  /** As its supervisor knows them. */
  #members = new ProcessMembers();
  /** Ends that a supervisor has not heard of yet. */
  readonly #untold = new Map<ProcessMembers, number>();
  #exit: ProcessExit = { code: null, signal: 'SIGKILL', detail: 'killed by SIGKILL' };
  #isGone = false;

  constructor(pid: number) {
    this.pid = pid;
  }

  /** Whether its supervisor may send another actor there. */
  get isOpen(): boolean {
    return !this.#isGone && this.#members.goesOn;
  }

  get members(): ProcessMembers {
    return this.#members;
  }

  /** It was left to another supervisor, which knows nobody yet. */
  orphaned(): void {
    this.#members = new ProcessMembers();
  }

  join(actor: SimulatedActor): void {
    this.#actors.add(actor);
  }

  /** Has a supervisor hear how the actor ends. */
  watch(
    actor: SimulatedActor,
    supervision: Supervision,
    onExit: (exit: ProcessExit) => void,
  ): void {
    const members = this.#members;
    members.add(actor.address, onExit);
    actor.process.onDeath(() => {
      // One that has left in order is none of them any more.
      if (!this.#actors.has(actor)) return;
      this.kill();
      this.#untold.set(members, (this.#untold.get(members) ?? 0) + 1);
      supervision.ended(() => this.#told(members));
    });
  }

  pause(): void {
    for (const { process } of this.#actors) process.pause();
  }

  resume(): void {
    for (const { process } of this.#actors) process.resume();
  }

  kill(): void {
    if (this.#isGone) return;
    this.#isGone = true;
    for (const { process } of [...this.#actors]) process.kill();
  }

  /** The life of one has ended. */
  leave(actor: SimulatedActor, end: LifeEnd): void {
    const others = [...this.#actors].filter((each) => each !== actor);
    const clean = end.code === 0 && end.isDrained;
    const isEnd = endsProcess(end, others);
    const members = this.#members;
    if (others.length > 0 && end.code === 0)
      actor.tell(() => members.heard(actor.address, { type: 'left', clean }));
    if (!isEnd) {
      this.#actors.delete(actor);
      // Its neighbours hear of it.
      void end.bus?.close();
      return actor.process.kill();
    }
    const code = others.length === 0 ? end.code : end.code || 1;
    this.#exit = { code, signal: null, detail: `exited with code ${code}` };
    this.kill();
  }

  #told(members: ProcessMembers): void {
    const left = this.#untold.get(members)! - 1;
    this.#untold.set(members, left);
    if (left === 0) members.ended(this.#exit);
  }
}
