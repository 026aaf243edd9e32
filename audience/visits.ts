import type { StarlingClient } from '../client/client.js';
import { codeOf } from '../core/base/errors.js';
import type { ClusterConfig } from '../core/config/schema.js';
import type { AudienceLedger } from './audience-figures.js';
import type { HomeRoutes } from './home-routes.js';
import { itemIndex, userId } from './public-ids.js';
import type { Taste } from './taste.js';
import { homeOf } from './user-activity.js';

/** Where users live, and how they reach the cluster from there. */
export interface AudienceSite {
  readonly dataCenter: string;
  readonly client: Pick<StarlingClient, 'recommend' | 'ingestActions' | 'ingestFeatures'>;
}

export interface VisitOptions {
  readonly sites: readonly AudienceSite[];
  readonly routes: HomeRoutes;
  readonly simulation: ClusterConfig['simulation'];
  readonly taste: Taste;
  readonly ledger: AudienceLedger;
  /** In [0, 1). */
  readonly draw: () => number;
  /** Milliseconds since the start of the audience. */
  readonly elapsedMs: () => number;
  /** Ends the telling of what was clicked. */
  readonly signal: AbortSignal;
}

/** A request that takes longer has lost its user. */
export const recommendDeadlineMs = 2_000;
/** Clicks are worth waiting for: a slate without them would count as disliked when its window ends. */
const actionDeadlineMs = 10_000;
/** Probabilities computed per second for the oracle; above it only some of the requests are measured. */
const referenceItemsPerSecondMax = 2_000_000;

/** One user asks at home, looks at what comes, and tells at once what was clicked. Errors are counted, never thrown. */
export class Visits {
  readonly #options: VisitOptions;
  readonly #referenceEvery: number;
  #answered = 0;

  constructor(options: VisitOptions) {
    this.#options = options;
    const { items, requestsPerSecond } = options.simulation;
    this.#referenceEvery = Math.ceil((items * requestsPerSecond) / referenceItemsPerSecondMax);
  }

  async visit(user: number): Promise<void> {
    const { sites, routes, ledger, signal } = this.#options;
    const { index, rerouted } = routes.route(user, performance.now());
    const { client } = sites[index]!;
    const home = sites[homeOf(user, sites.length)]!.dataCenter;
    const sentMs = performance.now();
    try {
      const reply = await client.recommend(
        { user: userId(user), k: this.#options.simulation.slateSize, from: home },
        { deadlineMs: recommendDeadlineMs },
      );
      routes.answered(index);
      if (rerouted || reply.dataCenter !== home) ledger.rerouted++;
      const latencyMs = performance.now() - sentMs;
      const actions = reply.items.map(({ item }) => ({
        requestId: reply.requestId,
        item,
        label: this.#likes(user, item) ? (1 as const) : (0 as const),
      }));
      const clicks = actions.filter(({ label }) => label === 1).length;
      this.#serve(user, {
        impressions: actions.length,
        clicks,
        latencyMs,
        degraded: reply.degraded,
      });
      // Without an id it was not logged.
      if (actions.length === 0 || reply.requestId === '') return;
      await client.ingestActions(actions, {
        deadlineMs: actionDeadlineMs,
        signal,
        failed: (error) => ledger.failed(codeOf(error)),
      });
    } catch (error) {
      routes.failed(index, error, performance.now());
      ledger.failed(codeOf(error));
    }
  }

  /** A film that someone else added to the catalogue is unknown to these users; they pass. */
  #likes(user: number, item: string): boolean {
    const { simulation, taste, draw } = this.#options;
    const index = itemIndex(item, simulation.items);
    const probability = index === undefined ? 0 : taste.clickProbability(user, index, Date.now());
    return draw() < probability;
  }

  #serve(user: number, served: Omit<Parameters<AudienceLedger['served']>[0], 'reference'>): void {
    const { taste, ledger, elapsedMs } = this.#options;
    const measured = this.#answered++ % this.#referenceEvery === 0;
    const reference = measured ? taste.referenceRates(user, Date.now()) : undefined;
    ledger.served({ ...served, reference }, elapsedMs());
  }
}
