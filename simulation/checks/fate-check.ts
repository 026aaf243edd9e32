import { modelNumberOf } from '../../core/base/model-identity.js';
import type { ClusterConfig } from '../../core/config/schema.js';
import { lastToken } from '../../messages/subjects.js';
import { untiring } from '../cluster/simulated-config.js';
import type { SimulatedActor } from '../hosts/simulated-actor.js';
import type { SimulatedHost } from '../hosts/simulated-host.js';
import type { SimulatedProcess } from '../time/simulated-process.js';
import type { Report } from './violation.js';

interface Crash {
  readonly address: string;
  readonly supervisor: SimulatedProcess;
  readonly atMs: number;
}

/**
 * Where all of a data center share their fate, none goes on from before a crash of another on its host. Of crashes that the
 * supervisor did not live to see it is not asked, nor where a group may be given up, which is the other answer to one.
 */
export class FateCheck {
  readonly #isAsked: boolean;
  readonly #report: Report;
  /** By host and data center, the newest. */
  readonly #crashes = new Map<string, Crash>();

  constructor({ supervision }: ClusterConfig, report: Report) {
    const { strategy, groupRestartsMax } = supervision;
    this.#isAsked = strategy === 'all-for-one' && groupRestartsMax >= untiring;
    this.#report = report;
  }

  started(actor: SimulatedActor, host: SimulatedHost): void {
    if (!this.#isAsked) return;
    const { process, address, supervisor } = actor;
    process.onDeath(() => {
      if (actor.wasAsked || host.process !== supervisor) return;
      this.#crashes.set(groupOf(actor, host), { address, supervisor, atMs: process.timeMs });
    });
  }

  /** When all has been well for a while. */
  look(hosts: readonly SimulatedHost[]): void {
    for (const host of hosts)
      for (const actor of host.actors) {
        const crash = this.#crashes.get(groupOf(actor, host));
        if (!crash || crash.supervisor !== host.process || actor.startedAtMs >= crash.atMs)
          continue;
        const text = `${actor.address} goes on since ${(actor.startedAtMs / 1000).toFixed(3)} s, though ${crash.address} died at ${(crash.atMs / 1000).toFixed(3)} s`;
        this.#report('one fate', text);
      }
  }
}

/** Actors of a model beside `main` share no fate with others. */
function groupOf({ address }: SimulatedActor, { name }: SimulatedHost): string {
  const model = modelNumberOf(Number(lastToken(address)));
  return `${name} ${address.slice(0, address.indexOf('.'))} ${model}`;
}
