import { randomUUID } from 'node:crypto';
import type { Logger } from 'pino';
import { assert } from '../core/base/assert.js';
import { StarlingError, codeOf, messageOf } from '../core/base/errors.js';
import type { ClusterConfig } from '../core/config/schema.js';
import { encode } from '../messages/codec.js';
import type { Entity } from '../messages/subjects.js';
import type { Bus } from '../runtime/bus.js';
import { call } from '../runtime/idempotent-call.js';
import type { RetryPolicy } from '../runtime/retry.js';
import { retry } from '../runtime/retry.js';
import { Activity, homeOf } from './user-activity.js';
import type { AudienceFigures } from './audience-figures.js';
import { AudienceLedger } from './audience-figures.js';
import { itemTraits, userTraits } from './demography.js';
import { HomeRoutes } from './home-routes.js';
import { seedFor, uniformSequence } from './hashed-noise.js';
import { Taste } from './taste.js';

export type { AudienceFigures } from './audience-figures.js';

export interface AudienceOptions {
  /** One connection per data center that users live in. */
  readonly buses: readonly { readonly dataCenter: string; readonly bus: Bus }[];
  readonly config: ClusterConfig;
  readonly log: Pick<Logger, 'info' | 'warn'>;
}

export interface Audience {
  figures(): AudienceFigures;
  /** Sends nothing more and resolves when what is in flight has ended, which its deadlines bound. */
  stop(): Promise<void>;
}

/** A request that takes longer has lost its user. */
const recommendDeadlineMs = 2_000;
/** Clicks are worth waiting for: a slate without them would count as disliked when its window ends. */
const actionDeadlineMs = 10_000;
const tellPolicy: RetryPolicy = { baseMs: 50, capMs: 1_000 };
/** Of one try. Too high: a server that died takes most of the deadline. */
const tellMsMax = 5_000;
const featuresPerMessage = 250;
/** Probabilities computed per second for the oracle; above it only some of the requests are measured. */
const referenceItemsPerSecondMax = 2_000_000;
/** Requests that came due while the process was held up are skipped beyond this many milliseconds of them. */
const catchUpMsMax = 1_000;

/**
 * People who ask for recommendations and click on what they like of what they were really given; nothing else reaches
 * the model, so a rising click rate is the cluster's own doing.
 *
 * An open loop: requests come at their rate whether or not the cluster keeps up, as people do. Only when as many are in
 * flight as come within a deadline, further ones are skipped and counted. Errors are counted, never thrown.
 */
export function startAudience({ buses, config, log }: AudienceOptions): Audience {
  assert(buses.length > 0, 'the audience lives in at least one data center');
  const { simulation } = config;
  const taste = new Taste(simulation);
  const activity = new Activity(simulation.users);
  // Tastes are the same at each start, but not the course of visits: a second start is not a repetition.
  const draw = uniformSequence(seedFor(simulation.seed, Date.now()));
  const ledger = new AudienceLedger();
  const routes = new HomeRoutes(buses.length);
  const inFlight = new Set<Promise<void>>();
  const inFlightMax = Math.max(
    8,
    Math.ceil((simulation.requestsPerSecond * recommendDeadlineMs) / 1000),
  );
  const referenceEvery = Math.ceil(
    (simulation.items * simulation.requestsPerSecond) / referenceItemsPerSecondMax,
  );
  const startMs = performance.now();
  const stopping = new AbortController();
  let introduced = false;
  let answered = 0;
  let pacing: NodeJS.Timeout | undefined;

  const elapsedMs = (): number => performance.now() - startMs;

  async function introduce(): Promise<void> {
    for (const entity of ['user', 'item'] as const) {
      const told = featuresOf(entity, config);
      for (let start = 0; start < told.length; start += featuresPerMessage) {
        const bytes = encode(told.slice(start, start + featuresPerMessage));
        // The cluster may still be starting, hence no deadline: without features there is nothing to do.
        const { bus } = buses[0]!;
        await append(bus.names.subject.ingest('features'), bytes, {
          bus,
          deadlineMs: Infinity,
        });
      }
    }
    introduced = true;
    log.info({ users: simulation.users, items: simulation.items }, 'the audience is introduced');
  }

  /** Appends until acknowledged, the deadline or the end; a message id makes the copies one. */
  async function append(
    name: string,
    bytes: Uint8Array,
    { bus, deadlineMs }: { readonly bus: Bus; readonly deadlineMs: number },
  ): Promise<void> {
    const messageId = randomUUID();
    await retry(
      { ...tellPolicy, deadlineMs },
      ({ leftMs }) =>
        bus.append(name, bytes, { messageId, timeoutMs: Math.min(tellMsMax, leftMs) }),
      { failed: (error) => ledger.failed(codeOf(error)), signal: stopping.signal },
    );
  }

  async function visit(): Promise<void> {
    const user = activity.pick(draw());
    const { index, rerouted } = routes.route(user, performance.now());
    const { bus } = buses[index]!;
    const home = buses[homeOf(user, buses.length)]!.dataCenter;
    const sentMs = performance.now();
    const requestId = randomUUID();
    try {
      const request = { user: userId(user), k: simulation.slateSize, requestId, from: home };
      const reply = slateOf(
        await call(bus, bus.names.subject.recommend, request, { deadlineMs: recommendDeadlineMs }),
      );
      routes.answered(index);
      if (rerouted || (reply.dataCenter ?? home) !== home) ledger.rerouted++;
      const latencyMs = performance.now() - sentMs;
      const actions = react(user, reply.items).map((action) => ({ requestId, ...action }));
      const measured = answered++ % referenceEvery === 0;
      ledger.served(
        {
          impressions: actions.length,
          clicks: actions.filter((action) => action.label === 1).length,
          latencyMs,
          degraded: reply.degraded,
          reference: measured ? taste.referenceRates(user, Date.now()) : undefined,
        },
        elapsedMs(),
      );
      if (actions.length === 0) return;
      await append(bus.names.subject.ingest('action'), encode(actions), {
        bus,
        deadlineMs: actionDeadlineMs,
      });
    } catch (error) {
      routes.failed(index, error, performance.now());
      ledger.failed(codeOf(error));
    }
  }

  /** What the user clicks, and what not: told at once, so that learning need not wait for the window. */
  function react(user: number, items: readonly string[]): { item: string; label: 0 | 1 }[] {
    const nowMs = Date.now();
    return items.map((id) => {
      const item = itemIndex(id, simulation.items);
      // A film that someone else added to the catalogue is unknown to these users; they pass.
      const probability = item === undefined ? 0 : taste.clickProbability(user, item, nowMs);
      return { item: id, label: draw() < probability ? 1 : 0 };
    });
  }

  function pace(): void {
    const beganMs = performance.now();
    const catchUpMax = Math.ceil((simulation.requestsPerSecond * catchUpMsMax) / 1000);
    let settled = 0;
    const tick = (): void => {
      const due = Math.floor(((performance.now() - beganMs) * simulation.requestsPerSecond) / 1000);
      const held = Math.max(0, due - settled - catchUpMax);
      ledger.skipped += held;
      settled += held;
      for (; settled < due; settled++) {
        if (inFlight.size >= inFlightMax) ledger.skipped++;
        else track(visit());
      }
    };
    pacing = setInterval(tick, Math.min(100, Math.max(5, 500 / simulation.requestsPerSecond)));
  }

  function track(work: Promise<void>): void {
    const tracked = work.finally(() => inFlight.delete(tracked));
    inFlight.add(tracked);
  }

  const introduction = introduce().then(
    () => {
      if (!stopping.signal.aborted) pace();
    },
    (error: unknown) => {
      ledger.failed(codeOf(error));
      if (!stopping.signal.aborted)
        log.warn(
          { code: codeOf(error), err: messageOf(error) },
          'the audience can not be introduced',
        );
    },
  );

  return {
    figures: () => ledger.figures(elapsedMs(), { introduced, inFlight: inFlight.size }),
    async stop() {
      stopping.abort();
      clearInterval(pacing);
      await introduction;
      await Promise.all(inFlight);
    },
  };
}

/** Users are u1, u2, … and items i1, i2, …; the first user is the most active. */
export function userId(index: number): string {
  return `u${index + 1}`;
}

export function itemId(index: number): string {
  return `i${index + 1}`;
}

function itemIndex(id: string, count: number): number | undefined {
  const index = /^i[1-9]\d{0,14}$/.test(id) ? Number(id.slice(1)) - 1 : count;
  return index < count ? index : undefined;
}

/** Public feature events of all users or items, with the traits that the configuration declares: others are refused. */
function featuresOf(entity: Entity, config: ClusterConfig) {
  const { users, items, seed } = config.simulation;
  const declared = Object.values(config.features).filter((feature) => feature.entity === entity);
  const sources = new Set<string>(declared.map((feature) => feature.source));
  return Array.from({ length: entity === 'user' ? users : items }, (_unused, index) => {
    const traits = entity === 'user' ? userTraits(seed, index) : itemTraits(seed, index);
    const features = Object.fromEntries(
      Object.entries(traits).filter(([name]) => sources.has(name)),
    );
    return { entity, id: entity === 'user' ? userId(index) : itemId(index), features };
  });
}

interface Slate {
  readonly items: string[];
  readonly degraded: boolean;
  readonly dataCenter: string | undefined;
}

function slateOf(reply: unknown): Slate {
  const { items, degraded, dataCenter } = (reply ?? {}) as Record<string, unknown>;
  const ids = Array.isArray(items)
    ? items.map((each) => (each as { item?: unknown } | null)?.item)
    : [undefined];
  if (!ids.every((id) => typeof id === 'string')) {
    throw new StarlingError('BAD_MESSAGE', 'recommend reply: expected items, each with its id.');
  }
  return {
    items: ids,
    degraded: degraded === true,
    dataCenter: typeof dataCenter === 'string' ? dataCenter : undefined,
  };
}
