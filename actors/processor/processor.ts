import { joinPartitions } from '../../core/config/join-partitions.js';
import { featureSpecOf } from '../../core/features/feature-spec.js';
import { Catalog } from '../../core/retrieval/catalog.js';
import { CatalogDraws, NegativeDraws } from '../../core/retrieval/negative-draws.js';
import { parseFeaturesNotice } from '../../messages/features.js';
import { decode } from '../../messages/codec.js';
import { parsePopular } from '../../messages/ranking.js';
import { AttributeReader } from '../../messages/attribute-reader.js';
import { createTransform } from '../../core/features/transform.js';
import type { Actor, ActorContext } from '../../runtime/actor.js';
import { appendDurably } from '../../runtime/append-durably.js';
import type { Stoppable } from '../../runtime/stoppable.js';
import { requireCurrent } from '../shared/current-configuration.js';
import { deadLetters } from '../shared/dead-letter.js';
import { CatalogTarget } from '../shared/catalog-target.js';
import { FeatureSource } from '../shared/feature-source.js';
import { followFeatures } from '../shared/follow-features.js';
import { CheckedAttributes } from './checked-attributes.js';
import { EventForwarder } from './event-forwarder.js';
import { EventActions } from './event-actions.js';
import { InHand } from './in-hand.js';
import { RawEvents } from './raw-events.js';

/** So long after a processor died, another one gets its events. Too low: those of one that only paused are handled twice. */
const ackWaitMs = 3_000;
/** Messages in hand, of each data center. Too few: it waits for the stream. Too many: another processor finds nothing to do. */
const pendingMax = 128;
/** Worked on at once. Too few: it waits for features and streams. Too many: it hears of nothing while it begins them all. */
const handledMax = 32;

/** Events that negatives are drawn from. Too few: the same items again and again. Too many: what was popular long ago. */
const drawnOfMax = 10_000;

/**
 * Reads the raw events of every data center, checks them, and writes them on: features to FEATURES, impressions and
 * events to the joiner of their person. It keeps nothing, so a crash costs a redelivery, and the joiner drops
 * what comes twice. An event that can't be used becomes a dead letter by itself; its neighbours go on.
 */
export function createProcessor(context: ActorContext): Actor<'processor'> {
  const { bus, clock, config, crash, random } = context;
  const spec = featureSpecOf(config.features, config.lineage);
  const transform = createTransform(spec);
  const source = new FeatureSource(bus, transform, context.identity.dataCenter);
  const forward = new EventForwarder({
    spec,
    partitions: joinPartitions(config),
    payloadBytesMax: bus.payloadBytesMax,
    subject: bus.names.subject,
    nowMs: () => clock.nowMs(),
    append: (subject, bytes) => appendDurably(context, subject, bytes),
    tell: (subject, bytes) => bus.publish(subject, bytes),
  });
  const draws = new NegativeDraws(drawnOfMax, random);
  const catalog = config.organic.from === 'catalog' ? followCatalog(context) : undefined;
  const drawing = catalog ? new CatalogDraws(catalog.items, random) : draws;
  const actions = new EventActions({ config, transform, source, draws: drawing });
  const attributes = new CheckedAttributes(new AttributeReader(spec, config.attributes));
  const events = new RawEvents({
    ...{ actions, attributes },
    spec,
    transform,
    source,
    forward,
    random: () => random.next(),
    bury: async ({ subject: origin, sequence }, rejected) => {
      for (const { error } of rejected) await requireCurrent(context, error);
      await deadLetters(context, { origin, sequence }, rejected);
    },
  });
  const work: Stoppable[] = [];
  const heard: Stoppable[] = [];
  const hand = new InHand(handledMax, (message) => events.handle(message).catch(crash));

  return {
    async start() {
      source.start();
      await catalog?.follower.start();
      const { popular, featuresChanged } = bus.names.subject;
      heard.push(
        bus.subscribe(popular, (bytes) => hearPopular(bytes, draws)),
        bus.subscribe(featuresChanged('user'), (bytes) => hearErasures(bytes, forward)),
      );
      for (const { name } of config.dataCenters) {
        const options = { stream: bus.names.stream.raw(name), durable: 'processor' };
        work.push(
          await bus.work({ ...options, ackWaitMs, pendingMax }, (message) => hand.take(message)),
        );
      }
    },
    async stop() {
      await Promise.all(work.map((each) => each.stop()));
      await hand.close();
      await Promise.all([source.stop(), catalog?.follower.stop()]);
      await Promise.all(heard.map((each) => each.stop()));
      await bus.flush();
    },
    stats: () => ({
      ...{ ...events.counts, ...events.times.counts, ...forward.counts, ...actions.ignored.counts },
      ...attributes.counts,
      unknownKeys: events.strange.count,
      unknownKey: events.strange.warnings[0] ?? '',
      inFlight: hand.size,
    }),
  };
}

/** All items that it was told of. */
function followCatalog(context: ActorContext) {
  const items = new Catalog({});
  return { items, follower: followFeatures(context, new CatalogTarget(items), ['item']) };
}

/** Others have worked on them. A notice may be lost; then it is heard when aliases are forgotten anyway. */
function hearErasures(bytes: Uint8Array, forward: EventForwarder): void {
  try {
    const { ids, isErasure } = parseFeaturesNotice(decode(bytes));
    if (isErasure) forward.forgetAliases(ids);
  } catch {
    // Processors write these, and what keeps features counts those that can't be read.
  }
}

function hearPopular(bytes: Uint8Array, draws: NegativeDraws): void {
  try {
    draws.seed(parsePopular(decode(bytes)).items);
  } catch {
    // The joiner writes these every second; what cannot be read seeds nothing.
  }
}
