import type { Logger } from 'pino';
import { assert } from '../core/base/assert.js';
import { codeOf, messageOf } from '../core/base/errors.js';
import type { ClusterConfig } from '../core/config/schema.js';
import type { AudienceFigures } from './audience-figures.js';
import { AudienceLedger } from './audience-figures.js';
import { HomeRoutes } from './home-routes.js';
import { seedFor, uniformSequence } from './hashed-noise.js';
import { introduceAll } from './introduction.js';
import { OpenLoop } from './open-loop.js';
import { Taste } from './taste.js';
import { Activity } from './user-activity.js';
import type { AudienceSite } from './visits.js';
import { Visits, recommendDeadlineMs } from './visits.js';

export interface AudienceOptions {
  /** One client per data center that users live in. */
  readonly sites: readonly AudienceSite[];
  /** What they are like, and what of it the cluster is told. */
  readonly config: Pick<ClusterConfig, 'simulation' | 'features'>;
  readonly log: Pick<Logger, 'info' | 'warn'>;
}

export interface Audience {
  figures(): AudienceFigures;
  /** Sends nothing more and resolves when what is in flight has ended, which its deadlines bound. */
  stop(): Promise<void>;
}

/**
 * People who ask for recommendations and click on what they like of what they were really given; nothing else reaches
 * the model, so a rising click rate is the cluster's own doing.
 *
 * An open loop: requests come at their rate whether or not the cluster keeps up, as people do. Only when as many are in
 * flight as come within a deadline, further ones are skipped and counted. Errors are counted, never thrown.
 */
export function startAudience({ sites, config, log }: AudienceOptions): Audience {
  assert(sites.length > 0, 'the audience lives in at least one data center');
  const { simulation } = config;
  const { users, items, requestsPerSecond, seed } = simulation;
  const startMs = performance.now();
  const elapsedMs = (): number => performance.now() - startMs;
  const stopping = new AbortController();
  const { signal } = stopping;
  const ledger = new AudienceLedger();
  // Tastes are the same at each start, but not the course of visits: a second start is not a repetition.
  const draw = uniformSequence(seedFor(seed, Date.now()));
  const taste = new Taste(simulation);
  const routes = new HomeRoutes(sites.length);
  const visits = new Visits({ sites, routes, simulation, taste, ledger, draw, elapsedMs, signal });
  const activity = new Activity(users);
  const loop = new OpenLoop({
    perSecond: requestsPerSecond,
    inFlightMax: Math.max(8, Math.ceil((requestsPerSecond * recommendDeadlineMs) / 1000)),
    run: () => visits.visit(activity.pick(draw())),
    skipped: (count) => (ledger.skipped += count),
  });
  const failed = (error: unknown): void => ledger.failed(codeOf(error));

  let introduced = false;
  const introduction = introduceAll(sites[0]!.client, config, { signal, failed }).then(
    () => {
      introduced = true;
      log.info({ users, items }, 'the audience is introduced');
      if (!signal.aborted) loop.start();
    },
    (error: unknown) => {
      failed(error);
      if (signal.aborted) return;
      const facts = { code: codeOf(error), err: messageOf(error) };
      log.warn(facts, 'the audience can not be introduced');
    },
  );

  return {
    figures: () => ledger.figures(elapsedMs(), { introduced, inFlight: loop.inFlight }),
    async stop() {
      stopping.abort();
      await loop.stop();
      await introduction;
    },
  };
}
