import { StateMachine, type AnyStateMachine } from 'xstate';
import { actorMachine } from '../../runtime/actor.machine.js';
import { ownershipMachine } from '../../actors/ps-shard/ownership.machine.js';
import { dataCenterMachine } from '../../cluster/drains/data-center.machine.js';
import { hostMachine } from '../../cluster/hosts/host.machine.js';
import { leaderMachine } from '../../cluster/leadership/leader.machine.js';
import { childMachine } from '../../supervisor/child.machine.js';
import { groupMachine } from '../../supervisor/group.machine.js';

/** All that decide in a cluster. */
const machines: readonly AnyStateMachine[] = [
  actorMachine,
  childMachine,
  groupMachine,
  hostMachine,
  leaderMachine,
  dataCenterMachine,
  ownershipMachine,
];

/** What no further try mends is a defect of ours or the data of another release: where a seed takes it, the run fails. */
const defects: ReadonlySet<string> = new Set(['ownership: anywhere on FAILED']);

/**
 * Every transition that the machines of a cluster have and that is to be met, as `machine: state on EVENT`, with a number where
 * there are several.
 */
export function allTransitions(): string[] {
  const all = machines.flatMap((machine) =>
    transitionsOf(machine.root as unknown as Node).map(nameOf),
  );
  return all.filter((name) => !defects.has(name));
}

/** What is read of a transition; the types of the library leave it open. */
interface Transition {
  readonly eventType: string;
  readonly source: Node;
}

interface Node {
  readonly id: string;
  readonly states: Readonly<Record<string, Node>>;
  readonly transitions: ReadonlyMap<string, readonly Transition[]>;
}

function transitionsOf(node: Node): Transition[] {
  const below = Object.values(node.states).flatMap(transitionsOf);
  return [...[...node.transitions.values()].flat(), ...below];
}

function nameOf(transition: Transition): string {
  const { source, eventType } = transition;
  const [machine, ...states] = source.id.split('.');
  const alike = source.transitions.get(eventType) ?? [];
  const number = alike.length > 1 ? ` ${alike.indexOf(transition) + 1}` : '';
  // The event of a delay ends with the state that it is of.
  const event = eventType.replace(/^xstate\.after\.(\w+)\..*/, 'after $1');
  return `${machine}: ${states.join('.') || 'anywhere'} on ${event}${number}`;
}

/**
 * Counts the transitions that machines take, of all that are made in this process from now on. It looks over the shoulder of the
 * library, as the machines of the product have no room for who counts.
 */
export class MachineCoverage {
  readonly counts = new Map<string, number>();

  constructor() {
    const { counts } = this;
    const machine = (StateMachine as unknown as { readonly prototype: Selecting }).prototype;
    const select = machine.getTransitionData;
    machine.getTransitionData = function (...args) {
      const taken = select.apply(this, args);
      for (const transition of taken) {
        const name = nameOf(transition);
        counts.set(name, (counts.get(name) ?? 0) + 1);
      }
      return taken;
    };
  }

  /** Those since it was asked last. */
  take(): Record<string, number> {
    const taken = Object.fromEntries(this.counts);
    this.counts.clear();
    return taken;
  }
}

interface Selecting {
  getTransitionData: (this: Selecting, ...args: unknown[]) => readonly Transition[];
}
