import { expect } from '@jest/globals';
import type { StarlingClient } from '../../client/client.js';
import { operate } from '../../client/operate.js';
import { parseClusterConfig } from '../../core/config/schema.js';
import type { ActorStatus } from '../../messages/actor-status.js';
import type { ClusterStatus } from '../../messages/cluster-status.js';
import type { OperateVerb } from '../../messages/subjects.js';
import { QuietCheck } from '../../simulation/checks/quiet-check.js';
import { SimulatedAudience } from '../../simulation/cluster/simulated-audience.js';
import { SimulatedCluster } from '../../simulation/cluster/simulated-cluster.js';
import { simulatedShape } from '../../simulation/cluster/simulated-config.js';
import type { SimulatedActor } from '../../simulation/hosts/simulated-actor.js';

export interface SimulatedWorldOptions {
  readonly seed: number;
  /** Default: one that trains, and one for each data center that serves. */
  readonly hosts?: Readonly<Record<string, readonly string[]>>;
  readonly supervision?: object;
  readonly serving?: object;
  readonly joining?: object;
  readonly outcomes?: object;
  /** Beside those of the shape. */
  readonly features?: object;
  /** Between two requests of the people of a data center, milliseconds; Infinity: nobody asks. */
  readonly everyMs?: number;
}

const lookMs = 100;

/** A simulated cluster that is ready and has people, for a test that says itself what happens to it. */
export class SimulatedWorld {
  readonly cluster: SimulatedCluster;
  readonly audiences: readonly SimulatedAudience[];

  private constructor(cluster: SimulatedCluster, everyMs: number) {
    this.cluster = cluster;
    this.audiences = ['east', 'west'].map((dataCenter) => {
      const process = this.#outsider(`people of ${dataCenter}`);
      const client = cluster.client(process, dataCenter);
      const audience = new SimulatedAudience({ process, client, users: 20, items: 30, everyMs });
      if (everyMs === Infinity) audience.stop();
      return audience;
    });
  }

  static async start(options: SimulatedWorldOptions): Promise<SimulatedWorld> {
    const { seed, hosts, supervision, serving = {}, joining, everyMs = 200 } = options;
    const { outcomes = {}, features } = options;
    const cluster = await SimulatedCluster.make({
      seed,
      config: parseClusterConfig({
        ...simulatedShape,
        ...{ serving, outcomes, features: { ...simulatedShape.features, ...features } },
        joining: { ...simulatedShape.joining, ...joining },
        supervision: { ...simulatedShape.supervision, ...supervision },
      }),
      hosts: hosts ?? { h1: ['train'], h2: ['east'], h3: ['west'] },
    });
    for (const host of cluster.hosts) host.start();
    const world = new SimulatedWorld(cluster, everyMs);
    await world.until('ready', ({ ready }) => ready);
    // What people are refused with before counts for nothing.
    await world.pass(8_000);
    for (const audience of world.audiences) {
      audience.refusals.clear();
      audience.degraded = 0;
    }
    return world;
  }

  status(): ClusterStatus {
    const members = this.cluster.hosts.flatMap(({ member }) => member ?? []);
    return (members.find((member) => member.leads()) ?? members[0]!).view.status();
  }

  actor(address: string): ActorStatus {
    return this.status().actors.find((actor) => actor.address === address)!;
  }

  process(address: string): SimulatedActor {
    const actors = this.cluster.hosts.flatMap((host) => host.actors);
    return actors.find((actor) => actor.address === address)!;
  }

  /** Of somebody in a data center. */
  client(dataCenter: string): StarlingClient {
    return this.cluster.client(this.#outsider(`somebody in ${dataCenter}`), dataCenter);
  }

  /** Time passes until it is done. */
  run<T>(work: Promise<T>): Promise<T> {
    return this.cluster.time.run(work);
  }

  pass(ms: number): Promise<void> {
    return this.cluster.time.pass(ms);
  }

  async until(what: string, holds: (status: ClusterStatus) => boolean, msMax = 60_000) {
    const { time, hosts } = this.cluster;
    const endMs = time.nowMs + msMax;
    while (!hosts.some(({ member }) => member) || !holds(this.status())) {
      expect(`${what} after ${time.nowMs < endMs ? 0 : msMax} ms`).toBe(`${what} after 0 ms`);
      await this.pass(lookMs);
    }
  }

  operate(verb: OperateVerb, request: object): Promise<unknown> {
    const bus = this.cluster.connect(this.#outsider('operator'), 'train');
    return this.cluster.time.run(operate(bus, verb, request, () => undefined));
  }

  /** What an audit finds wrong that is not right within so long, in words. */
  wrongAfter(ms: number): Promise<string | undefined> {
    const bus = this.cluster.connect(this.#outsider('auditor'), 'train');
    const check = new QuietCheck(
      bus,
      () => this.status(),
      async () => undefined,
    );
    return this.cluster.time.run(check.wrongAfter(ms));
  }

  /** What people were refused with, and answers that were not whole. */
  get troubles() {
    return this.audiences.map(({ degraded, refusals }) => ({ degraded, refused: [...refusals] }));
  }

  get answered(): number {
    return this.audiences.reduce((sum, { answered }) => sum + answered, 0);
  }

  #outsider(name: string) {
    return this.cluster.outsider(name, (error) => {
      throw error;
    });
  }
}
