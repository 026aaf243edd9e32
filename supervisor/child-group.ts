import { createActor, type Actor } from 'xstate';
import type { Clock } from '../core/base/clock.js';
import type { SupervisionEvent, SupervisionEventType } from '../messages/supervision-events.js';
import type { ChildFailure } from './child.machine.js';
import {
  groupMachine,
  startOrder,
  type GroupContext,
  type GroupEvent,
  type GroupPolicy,
} from './group.machine.js';
import { machineClock } from '../runtime/machine-clock.js';
import type { SupervisedChild } from './supervised-child.js';

/**
 * The children of one data center on this host, and the machine that decides what the crash of one means for the
 * others. It turns the machine's effects into requests to the children.
 */
export interface GroupHost {
  readonly policy: GroupPolicy;
  readonly clock: Clock;
  /** Since 1970, and never jumps. */
  nowMs(): number;
  record(event: SupervisionEvent): void;
  escalate(failure: ChildFailure): void;
}

export class ChildGroup {
  readonly #name: string;
  readonly #host: GroupHost;
  readonly #children = new Map<string, SupervisedChild>();
  readonly #machine: Actor<typeof groupMachine>;

  constructor(name: string, host: GroupHost) {
    this.#name = name;
    this.#host = host;
    const machine = groupMachine.provide({
      actions: {
        restart: ({ context }, { addresses }) => {
          for (const child of this.#called(addresses)) child.restart(`${context.crashed} crashed`);
        },
        coolDown: ({ context }, { addresses }) => {
          for (const child of this.#called(addresses)) child.coolDown(reasonOf(context));
        },
        retire: () => {
          for (const child of this.#children.values()) child.retire();
        },
        stop: (_, { addresses, drainMs }) => {
          for (const child of this.#called(addresses)) child.stop(drainMs);
        },
        report: ({ context }, { type }) => this.#report(type, context),
        escalate: ({ context }) => host.escalate({ code: 'INTERNAL', message: reasonOf(context) }),
      },
    });
    const clock = machineClock(host.clock);
    this.#machine = createActor(machine, { input: host.policy, clock }).start();
  }

  add(children: readonly SupervisedChild[]): void {
    for (const child of children) this.#children.set(child.spec.address, child);
    this.#tellMembers();
  }

  remove(addresses: readonly string[]): void {
    for (const address of addresses) this.#children.delete(address);
    this.#tellMembers();
  }

  get isEmpty(): boolean {
    return this.#children.size === 0;
  }

  /** It is not needed any more; it may be in the middle of its cool-down. */
  close(): void {
    this.#machine.stop();
  }

  /** The process of a child ended without having been asked to, and `addresses` with it. */
  crashed(address: string, addresses: readonly string[]): void {
    this.#tell({ type: 'CRASHED', address, addresses, atMs: this.#host.nowMs() });
  }

  /** A child was stopped for good. */
  stopped(address: string): void {
    this.#tell({ type: 'STOPPED', address, atMs: this.#host.nowMs() });
  }

  /** Stops all children within `drainMs`, higher tiers first; nobody is restarted any more. */
  stop(drainMs: number): void {
    this.#tell({ type: 'STOP', atMs: this.#host.nowMs(), drainMs });
  }

  /** A group that has stopped hears nothing more: a second stop finds it done. */
  #tell(event: GroupEvent): void {
    if (this.#machine.getSnapshot().status === 'active') this.#machine.send(event);
  }

  #tellMembers(): void {
    const members = [...this.#children.values()].filter((child) => !child.stopped);
    const children = startOrder(members.map(({ spec }) => spec));
    this.#tell({ type: 'MEMBERS', children });
  }

  #called(addresses: readonly string[]): SupervisedChild[] {
    return addresses.flatMap((address) => this.#children.get(address) ?? []);
  }

  #report(type: SupervisionEventType, context: GroupContext): void {
    const detail = `${reasonOf(context)}; next try in ${context.policy.coolDownMs / 1000} s`;
    this.#host.record({ atMs: this.#host.nowMs(), address: this.#name, type, detail, epoch: 0 });
  }
}

function reasonOf({ crashesAtMs, crashed, policy }: GroupContext): string {
  const crashes = `${crashesAtMs.length} crashes in ${policy.restartWindowMs / 1000} s`;
  return `${crashes}, the last one of ${crashed}`;
}
