import type { ChildMessage, LeftMessage } from '../messages/child-messages.js';
import type { ProcessExit } from './child-process.js';

/** Of actors whose process goes on. */
const leftInOrder: ProcessExit = { code: 0, signal: null, detail: 'left its process' };
const leftUnasked: ProcessExit = { ...leftInOrder, detail: 'left its process without being asked' };
const leftLate: ProcessExit = {
  ...{ code: null, signal: null },
  detail: 'was not done in time; its process ends with the others in it',
};

/** One life of an actor in the process, by which it is told from a later one at the same address. */
export interface Member {
  readonly onExit: (exit: ProcessExit) => void;
  /** It was told to leave. */
  isAsked: boolean;
  /** It will be, as all in the process, and nobody begins at its address again. */
  isRetired: boolean;
  /** The process ends because of it. */
  isAtFault: boolean;
}

/**
 * Who lives in one process, and what its end means to each of them. Who has said that it failed, was silent until it was
 * killed, or could not leave without a trace is at fault: that is its crash, and the others begin anew without having
 * spent a restart of theirs. Where nobody is, as after a SIGKILL from elsewhere, it is a crash of all, since the next
 * one may come as soon; but the end of one process, so one of them stands for it where ends are counted.
 *
 * Where all are going to leave in turn, one that is late is not waited for, and the process not ended because of it: the
 * others have their time, and it ends with the last of them.
 */
export class ProcessMembers {
  readonly #members = new Map<string, Member>();
  /** The first who has left without having been asked to, as after a SIGTERM from elsewhere: the others are about to. */
  #deserter: string | undefined;

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
    if (this.#deserter !== undefined || members.some(({ isAtFault }) => isAtFault)) return false;
    return members.some(({ isAsked }) => !isAsked);
  }

  add(address: string, onExit: (exit: ProcessExit) => void): Member {
    const member = { onExit, isAsked: false, isRetired: false, isAtFault: false };
    this.#members.set(address, member);
    return member;
  }

  asked(address: string): void {
    const member = this.#members.get(address);
    if (member) member.isAsked = true;
  }

  retired(address: string): void {
    const member = this.#members.get(address);
    if (member) member.isRetired = true;
  }

  /** One speaks: what it says may be about its end. */
  heard(address: string, message: ChildMessage | LeftMessage): void {
    if (message.type === 'failed') return this.#atFault(address);
    if (message.type !== 'left') return;
    if (!message.clean && !this.#isLate(address)) return this.#atFault(address);
    // The last one ends with the process, so that nothing is left of it where the next one begins.
    if (this.size === 1) return;
    if (!message.clean) return this.left(address, leftLate);
    const member = this.#members.get(address);
    if (member?.isAsked === false && !member.isRetired) return this.#deserted(address);
    this.left(address, leftInOrder);
  }

  /** One is to be killed. Whether the process is. */
  killed(address: string): boolean {
    if (!this.#isLate(address)) {
      this.#atFault(address);
      return true;
    }
    this.left(address, leftLate);
    return false;
  }

  #atFault(address: string): void {
    const member = this.#members.get(address);
    if (member) member.isAtFault = true;
  }

  /** Whether that it has not left in order ends nothing but the wait for it. */
  #isLate(address: string): boolean {
    return this.#members.size > 1 && this.#members.get(address)?.isRetired === true;
  }

  /** The process is about to end: that is told with the first one, and the others share it. */
  #deserted(address: string): void {
    const first = this.#deserter;
    this.#deserter ??= address;
    const together = this.#staying();
    this.left(
      address,
      first === undefined ? { ...leftUnasked, together } : sharedWith(leftUnasked, first, true),
    );
  }

  /** One has left, and the process goes on without it. */
  left(address: string, exit: ProcessExit): void {
    const member = this.#members.get(address);
    this.#members.delete(address);
    member?.onExit(exit);
  }

  /** The process is gone. Whoever stands for its end hears of it first, and one that was to stay tells their group. */
  ended(exit: ProcessExit): void {
    const members = [...this.#members];
    const together = this.#staying();
    this.#members.clear();
    const blamed = members.find(([, { isAtFault }]) => isAtFault);
    const first = blamed ?? members.find(([, { isAsked }]) => !isAsked) ?? members[0];
    if (first === undefined) return;
    // Its end may have been told already, with the first one that left.
    const isTold = this.#deserter !== undefined;
    const cause = blamed?.[0] ?? this.#deserter ?? first[0];
    const teller = together.includes(first[0]) ? first[0] : together[0];
    const inOrder = [first, ...members.filter((each) => each !== first)];
    for (const [address, { isAtFault, onExit }] of inOrder) {
      const tells = !isTold && address === teller ? { ...exit, together } : exit;
      if (address === first[0] && !isTold) onExit(together.length > 1 ? tells : exit);
      else onExit(sharedWith(tells, cause, blamed === undefined || isAtFault));
    }
  }

  /** Who was not asked to leave. */
  #staying(): string[] {
    return [...this.#members].filter(([, { isAsked }]) => !isAsked).map(([address]) => address);
  }
}

function sharedWith(exit: ProcessExit, address: string, isCrash: boolean): ProcessExit {
  return { ...exit, shared: { with: address, isCrash } };
}
