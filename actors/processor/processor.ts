import { StarlingError, codeOf, errorCodes } from '../../core/base/errors.js';
import { nearestOf } from '../../core/config/fields.js';
import { featureSpecOf } from '../../core/features/feature-spec.js';
import { createTransform } from '../../core/features/transform.js';
import { decode, encode } from '../../messages/codec.js';
import type { Actions, Impressions } from '../../messages/events.js';
import {
  actionsMessage,
  impressionsMessage,
  parseActions,
  parseImpressions,
  selectActions,
  selectImpressions,
} from '../../messages/events.js';
import { featureChangeMessage } from '../../messages/features.js';
import type { PublicAction, PublicFeatures, PublicImpression } from '../../messages/public.js';
import { parse, publicEvent } from '../../messages/public.js';
import type { EventType } from '../../messages/subjects.js';
import { eventTypes, lastToken } from '../../messages/subjects.js';
import type { Actor, ActorContext } from '../../runtime/actor.js';
import { appendDurably } from '../../runtime/append-durably.js';
import type { Stoppable, WorkMessage } from '../../runtime/bus.js';
import { deadLetter } from '../shared/dead-letter.js';
import { FeatureSource } from '../shared/feature-source.js';
import { splitByJoiner } from './event-split.js';
import {
  actionsOf,
  changesOf,
  checkAction,
  checkFeatures,
  checkImpression,
  impressionsOf,
} from './public-events.js';

/** After this many deliveries an event that fails for no known reason is set aside. */
const deliveriesMax = 5;
/** So long after a processor died, another one gets its events. Too low: those of one that only paused are handled twice. */
const ackWaitMs = 3_000;

/**
 * Reads the raw events of every data center, checks them, and writes them on: features to FEATURES, impressions and
 * actions to the joiner of their request id. It keeps nothing, so a crash costs a redelivery, and the joiner drops
 * what comes twice. An event that can't be used becomes a dead letter by itself; its neighbours go on.
 */
export function createProcessor(context: ActorContext): Actor {
  const { bus, config } = context;
  const spec = featureSpecOf(config.features);
  const transform = createTransform(spec);
  const source = new FeatureSource(bus, transform);
  const joinerCount = config.actors.joiner;
  const work: Stoppable[] = [];
  const inFlight = new Set<Promise<void>>();
  const counts = {
    messages: 0,
    impressions: 0,
    actions: 0,
    features: 0,
    deadLettered: 0,
    retried: 0,
  };

  function isColumnar(value: unknown, kind: string): boolean {
    return (value as { kind?: unknown } | null)?.kind === kind;
  }

  async function handle(message: WorkMessage): Promise<void> {
    const type = eventTypes.find((each) => each === lastToken(message.subject));
    try {
      counts.messages++;
      const value = decode(message.bytes);
      if (isColumnar(value, 'impressions')) await forwardImpressions(parseImpressions(value, spec));
      else if (isColumnar(value, 'actions'))
        await forwardActions(stampAccepted(parseActions(value, spec), message.atMs));
      else await handlePublic(type, value, message);
      message.ack();
    } catch (error) {
      await settle(message, error);
    }
  }

  async function settle(message: WorkMessage, error: unknown): Promise<void> {
    const transient = errorCodes[codeOf(error)].retryable;
    const defect = codeOf(error) === 'INTERNAL' && message.deliveries >= deliveriesMax;
    if (transient && !defect) {
      counts.retried++;
      message.nak(Math.min(5_000, 100 * 2 ** message.deliveries));
      return;
    }
    counts.deadLettered++;
    await deadLetter(context, {
      ...originOf(message),
      content: message.bytes,
      error,
      events: 1,
    });
    message.ack();
  }

  /** Events by hand: one, or a list. Each is judged by itself. */
  async function handlePublic(
    type: EventType | undefined,
    value: unknown,
    message: WorkMessage,
  ): Promise<void> {
    if (type === undefined) throw unknownType(lastToken(message.subject));
    const list = Array.isArray(value) ? (value as unknown[]) : [value];
    const good: unknown[] = [];
    for (const content of list) {
      try {
        good.push(check(type, content, message.atMs));
      } catch (error) {
        counts.deadLettered++;
        await deadLetter(context, { ...originOf(message), content, error, events: 1 });
      }
    }
    if (good.length === 0) return;
    if (type === 'features') await forwardFeatures(good as PublicFeatures[]);
    else if (type === 'action')
      await forwardActions(actionsOf(good as PublicAction[], message.atMs));
    else
      await forwardImpressions(
        await impressionsOf(good as PublicImpression[], message.atMs, transform, source),
      );
  }

  function check(type: EventType, content: unknown, acceptedAtMs: number): unknown {
    switch (type) {
      case 'impression': {
        const event = parse(publicEvent.impression, content, type, 'BAD_EVENT');
        checkImpression(event, transform, acceptedAtMs);
        return event;
      }
      case 'action': {
        const event = parse(publicEvent.action, content, type, 'BAD_EVENT');
        checkAction(event, acceptedAtMs);
        return event;
      }
      case 'features': {
        const event = parse(publicEvent.features, content, type, 'BAD_EVENT');
        checkFeatures(event, transform);
        return event;
      }
    }
  }

  function stampAccepted(actions: Actions, acceptedAtMs: number): Actions {
    actions.acceptedAtMs.fill(acceptedAtMs);
    return actions;
  }

  async function forwardImpressions(batch: Impressions): Promise<void> {
    counts.impressions += batch.requestIds.length;
    await toJoiners(batch.requestIds, (rows) =>
      impressionsMessage(spec, rows ? selectImpressions(batch, rows) : batch),
    );
  }

  async function forwardActions(batch: Actions): Promise<void> {
    counts.actions += batch.requestIds.length;
    await toJoiners(batch.requestIds, (rows) =>
      actionsMessage(rows ? selectActions(batch, rows) : batch, spec),
    );
  }

  async function toJoiners(
    requestIds: readonly string[],
    message: (rows: number[] | undefined) => unknown,
  ): Promise<void> {
    const split = splitByJoiner(requestIds, joinerCount);
    if (!split) {
      await appendDurably(context, bus.names.subject.join(0), encode(message(undefined)));
      return;
    }
    const sends = [...split.entries()].filter(([, rows]) => rows.length > 0);
    await Promise.all(
      sends.map(([joiner, rows]) =>
        appendDurably(context, bus.names.subject.join(joiner), encode(message(rows))),
      ),
    );
  }

  async function forwardFeatures(events: readonly PublicFeatures[]): Promise<void> {
    counts.features += events.length;
    for (const change of changesOf(events)) {
      await appendDurably(
        context,
        bus.names.subject.features(change.entity),
        encode(featureChangeMessage(change)),
      );
    }
  }

  return {
    async start() {
      source.start();
      for (const { name } of config.dataCenters) {
        const options = {
          stream: bus.names.stream.raw(name),
          durable: 'processor',
          ackWaitMs,
          pendingMax: 128,
        };
        const consumer = await bus.work(options, (message) => {
          const handling = handle(message)
            .catch((error: unknown) => context.crash(error))
            .finally(() => inFlight.delete(handling));
          inFlight.add(handling);
        });
        work.push(consumer);
      }
    },
    async stop() {
      await Promise.all(work.map((each) => each.stop()));
      await Promise.all(inFlight);
      await source.stop();
      await bus.flush();
    },
    stats: () => ({ ...counts, inFlight: inFlight.size }),
  };
}

/** The stream takes whatever is published under `ingest`; here is who can say that it is misspelt. */
function unknownType(type: string): StarlingError {
  const nearest = nearestOf(type, eventTypes);
  const hint = nearest ? `did you mean "${nearest}"?` : `expected one of ${eventTypes.join(', ')}.`;
  return new StarlingError('BAD_EVENT', `there is no event type "${type}"; ${hint}`, {
    field: 'type',
  });
}

function originOf({ subject: origin, sequence }: WorkMessage) {
  return { origin, sequence };
}
