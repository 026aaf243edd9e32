import { featureSpecOf } from '../../core/features/feature-spec.js';
import { createTransform } from '../../core/features/transform.js';
import type { Actor, ActorContext } from '../../runtime/actor.js';
import { appendDurably } from '../../runtime/append-durably.js';
import type { WorkMessage } from '../../runtime/bus/work-queues.js';
import type { Stoppable } from '../../runtime/stoppable.js';
import { deadLetters } from '../shared/dead-letter.js';
import { FeatureSource } from '../shared/feature-source.js';
import { EventForwarder } from './event-forwarder.js';
import { RawEvents } from './raw-events.js';

/** So long after a processor died, another one gets its events. Too low: those of one that only paused are handled twice. */
const ackWaitMs = 3_000;
/** Messages in hand, of each data center. Too few: it waits for the stream. Too many: another processor finds nothing to do. */
const pendingMax = 128;

/**
 * Reads the raw events of every data center, checks them, and writes them on: features to FEATURES, impressions and
 * actions to the joiner of their request id. It keeps nothing, so a crash costs a redelivery, and the joiner drops
 * what comes twice. An event that can't be used becomes a dead letter by itself; its neighbours go on.
 */
export function createProcessor(context: ActorContext): Actor<'processor'> {
  const { bus, config, crash, random } = context;
  const spec = featureSpecOf(config.features);
  const transform = createTransform(spec);
  const source = new FeatureSource(bus, transform);
  const forward = new EventForwarder({
    spec,
    joinerCount: config.actors.joiner,
    payloadBytesMax: bus.payloadBytesMax,
    subject: bus.names.subject,
    append: (subject, bytes) => appendDurably(context, subject, bytes),
    tell: (subject, bytes) => bus.publish(subject, bytes),
  });
  const events = new RawEvents({
    spec,
    transform,
    source,
    forward,
    random: () => random.next(),
    bury: ({ subject: origin, sequence }, rejected) =>
      deadLetters(context, { origin, sequence }, rejected),
  });
  const work: Stoppable[] = [];
  const inFlight = new Set<Promise<void>>();

  function receive(message: WorkMessage): void {
    const handling = events
      .handle(message)
      .catch(crash)
      .finally(() => inFlight.delete(handling));
    inFlight.add(handling);
  }

  return {
    async start() {
      source.start();
      for (const { name } of config.dataCenters) {
        const options = { stream: bus.names.stream.raw(name), durable: 'processor' };
        work.push(await bus.work({ ...options, ackWaitMs, pendingMax }, receive));
      }
    },
    async stop() {
      await Promise.all(work.map((each) => each.stop()));
      await Promise.all(inFlight);
      await source.stop();
      await bus.flush();
    },
    stats: () => ({
      ...{ ...events.counts, ...events.times.counts, ...forward.counts },
      unknownKeys: events.strange.count,
      unknownKey: events.strange.warnings[0] ?? '',
      inFlight: inFlight.size,
    }),
  };
}
