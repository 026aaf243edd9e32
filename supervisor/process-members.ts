import type { ProcessExit } from './child-process.js';

/** One life of an actor in the process, by which it is told from a later one at the same address. */
export interface Member {
  readonly onExit: (exit: ProcessExit) => void;
  /** It was told to leave. */
  isAsked: boolean;
  /** The process ends because of it. */
  isAtFault: boolean;
}

/**
 * Who lives in one process, and what its end means to each of them. Who has said that it failed, was silent until it was
 * killed, or could not leave without a trace is at fault: that is its crash, and the others begin anew without having
 * spent a restart of theirs. Where nobody is, as after a SIGKILL from elsewhere, it is a crash of all, since the next
 * one may come as soon; but the end of one process, so one of them stands for it where ends are counted.
 */
export class ProcessMembers {
  readonly #members = new Map<string, Member>();

  get size(): number {
    return this.#members.size;
  }

  /** Whether this life, and not a later one of its address, goes on as far as is known. */
  has(address: string, member: Member): boolean {
    return this.#members.get(address) === member;
  }

  /** Whether the process goes on as far as is known: others may join who is to stay. */
  get goesOn(): boolean {
    const members = [...this.#members.values()];
    return !members.some(({ isAtFault }) => isAtFault) && members.some(({ isAsked }) => !isAsked);
  }

  add(address: string, onExit: (exit: ProcessExit) => void): Member {
    const member = { onExit, isAsked: false, isAtFault: false };
    this.#members.set(address, member);
    return member;
  }

  asked(address: string): void {
    const member = this.#members.get(address);
    if (member) member.isAsked = true;
  }

  atFault(address: string): void {
    const member = this.#members.get(address);
    if (member) member.isAtFault = true;
  }

  /** One has left, and the process goes on without it. */
  left(address: string, exit: ProcessExit): void {
    const member = this.#members.get(address);
    this.#members.delete(address);
    member?.onExit(exit);
  }

  /** The process is gone. Whoever stands for its end hears of it first. */
  ended(exit: ProcessExit): void {
    const members = [...this.#members];
    this.#members.clear();
    const isBlamed = members.some(([, { isAtFault }]) => isAtFault);
    const staying = members.filter(([, { isAsked }]) => !isAsked);
    const first = members.find(([, { isAtFault }]) => isAtFault) ?? staying[0] ?? members[0];
    if (first === undefined) return;
    first[1].onExit(exit);
    for (const [, { isAtFault, onExit }] of members.filter((each) => each !== first))
      onExit({ ...exit, shared: { with: first[0], isCrash: !isBlamed || isAtFault } });
  }
}
