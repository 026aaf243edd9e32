import type { ActorKind } from '../messages/actor-kinds.js';
import type { ActorSpec } from '../messages/actor-spec.js';
import { HostedProcess, titleOf } from './child-process.js';

export interface PreparedOptions {
  /** Compiled module that becomes the actors named in its start messages. */
  readonly entry: string;
  readonly stateDir: string;
  /** Name of the process that an actor is to be in. */
  readonly processOf: (spec: ActorSpec) => string;
}

/**
 * Processes that are started before anybody knows for certain who is to be in them. A cluster waits one to two seconds for its
 * servers to find each other and to elect a leader, and has nothing to compute meanwhile; its actor processes take most of a
 * second of two processors to load what they consist of. So they do that then, and are as they would be later: which actors
 * begin in them, with what epoch and credentials, is told them by the supervisor when it is known. Those that nobody has asked
 * for are let go.
 */
export class PreparedProcesses {
  readonly #options: PreparedOptions;
  /** By name: those that nobody is in. */
  readonly #waiting = new Map<string, HostedProcess>();

  constructor(options: PreparedOptions) {
    this.#options = options;
  }

  /** @param specs who will be started here, most likely. */
  start(specs: readonly ActorSpec[]): void {
    const { processOf, ...place } = this.#options;
    const byName = new Map<string, ActorSpec[]>();
    for (const spec of specs)
      byName.set(processOf(spec), [...(byName.get(processOf(spec)) ?? []), spec]);
    for (const [name, members] of byName) {
      const started = new HostedProcess({ ...place, name, title: titleOf(name, members[0]!) });
      started.prepare(kindsOf(members));
      this.#waiting.set(name, started);
    }
  }

  /** The one of that name; undefined where there is none, or it has ended. */
  take(name: string): HostedProcess | undefined {
    const found = this.#waiting.get(name);
    this.#waiting.delete(name);
    return found?.isGone === false ? found : undefined;
  }

  /** Nobody will ask for the others. */
  dismiss(): void {
    for (const each of this.#waiting.values()) each.dismiss();
    this.#waiting.clear();
  }
}

function kindsOf(members: readonly ActorSpec[]): ActorKind[] {
  return [...new Set(members.map(({ kind }) => kind))];
}
