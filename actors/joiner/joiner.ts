import path from 'node:path';
import { codeOf, messageOf } from '../../core/base/errors.js';
import { featureSpecOf } from '../../core/features/feature-spec.js';
import { idleWatermarkMs } from '../../core/joining/idle-watermark.js';
import { JoinWindow } from '../../core/joining/join-window.js';
import { Popularity } from '../../core/joining/popularity.js';
import { asMessage } from '../../messages/checks.js';
import { decode, encode, protocolVersion } from '../../messages/codec.js';
import { parseActions, parseImpressions } from '../../messages/events.js';
import { streamName } from '../../messages/streams.js';
import { subject } from '../../messages/subjects.js';
import type { Actor, ActorContext } from '../../runtime/actor.js';
import type { StreamMessage } from '../../runtime/bus.js';
import type { Following } from '../../runtime/followers/follow.js';
import { follow } from '../../runtime/followers/follow.js';
import { ServedEndpoint } from '../../runtime/serve.js';
import { JoinStore } from '../../runtime/stores/join-store.js';
import { deadLetter } from '../shared/dead-letter.js';
import { JoinOutbox } from './join-outbox.js';

/** Event time may differ from the wall clock by this much for the stream to count as live. */
const liveWithinMs = 600_000;
const popularHalfLifeMs = 600_000;
const housekeepingMs = 1_000;
/** Rows observed since the last drain beyond which reading waits: bounds what one transaction holds. */
const undrainedRowsMax = 20_000;

/**
 * Joins impressions with actions in event time. Window, consumed sequence and outbox are committed together; only then
 * are the samples published. So after any crash it reads on behind what it has committed and publishes behind the last
 * number the stream has: every impression becomes exactly one sample, or is counted as dropped.
 */
export function createJoiner(context: ActorContext): Actor {
  const { bus, config, identity, log } = context;
  const { index } = identity;
  const spec = featureSpecOf(config.features);
  const { windowMs, latenessMs, negativeSamplingRate, memoryOpenMax, idleMs } = config.joining;
  const store = JoinStore.open(path.join(context.folder, 'window'));
  const window = new JoinWindow(
    {
      windowMs,
      allowedLatenessMs: latenessMs,
      negativeRate: negativeSamplingRate,
      slotCount: spec.slots.length,
      denseCount: spec.dense.length,
      memoryOpenMax,
    },
    store,
  );
  const popularity = new Popularity(popularHalfLifeMs);
  const outbox = new JoinOutbox(context, store, { specHash: spec.hash, rowsMax: 512 });
  let consumed = 0;
  let undrainedRows = 0;
  let dirty = false;
  let arrivedAtMs = Date.now();
  let flushing: Promise<void> | undefined;
  let stopping = false;
  let following: Following | undefined;
  let endpoint: ServedEndpoint | undefined;
  let timer: NodeJS.Timeout | undefined;

  async function observe(message: StreamMessage): Promise<void> {
    try {
      const value = decode(message.bytes);
      if (asMessage(value, 'join').kind === 'actions') {
        const actions = parseActions(value);
        window.observeActions(actions);
        undrainedRows += actions.requestIds.length;
        actions.items.forEach(
          (item, i) => actions.labels[i] === 1 && popularity.add(item, actions.atMs[i]!),
        );
      } else {
        const impressions = parseImpressions(value, spec.hash);
        window.observeImpressions(impressions);
        undrainedRows += impressions.requestIds.length;
      }
    } catch (error) {
      await deadLetter(context, {
        origin: message.subject,
        content: message.bytes,
        error,
        events: 1,
      });
    }
    consumed = message.sequence;
    arrivedAtMs = Date.now();
    dirty = true;
    flushSoon();
    if (undrainedRows > undrainedRowsMax) await flushing;
  }

  /** One flush at a time; what arrives meanwhile goes with the next, so batches grow with the load. */
  function flushSoon(): void {
    flushing ??= flush()
      .catch((error: unknown) => context.crash(error))
      .finally(() => {
        flushing = undefined;
        if (dirty && !stopping) flushSoon();
      });
  }

  async function flush(): Promise<void> {
    // Let what has arrived in this turn of the event loop come in first.
    await new Promise((resolve) => setImmediate(resolve));
    dirty = false;
    undrainedRows = 0;
    await outbox.commit(window.drain(), { join: consumed });
    await outbox.publish();
  }

  /** On a quiet live stream the clock moves the watermark, so that the last impressions get their negatives. */
  function keepHouse(): void {
    const watermarkMs = idleWatermarkMs({
      nowMs: Date.now(),
      arrivedAtMs,
      eventMsMax: window.eventMsMax,
      allowedLatenessMs: latenessMs,
      idleMs,
      liveWithinMs,
    });
    if (
      watermarkMs !== undefined &&
      watermarkMs > window.watermarkMs &&
      window.counters.open + window.counters.heldActions > 0
    ) {
      window.advance(watermarkMs);
      dirty = true;
      flushSoon();
    }
    if (index === 0) {
      const items = popularity.top(config.serving.popularItems);
      if (items.length > 0) bus.publish(subject.popular, encode({ v: protocolVersion, items }));
    }
  }

  /** End of a stream: no more events will come, so every open impression becomes a negative now. */
  async function close() {
    window.closeAll();
    dirty = true;
    flushSoon();
    await flushing;
    return { v: protocolVersion, ...window.counters };
  }

  return {
    async start() {
      const state = store.load();
      if (state.progress) window.restore({ progress: state.progress, records: state.records });
      consumed = state.consumed.join ?? 0;
      await outbox.restore(state);
      following = await follow(
        bus,
        { stream: streamName.join, filter: subject.join(index), fromSequence: consumed + 1 },
        observe,
        context.crash,
      );
      endpoint = new ServedEndpoint(bus, {
        subject: subject.joinControl(index),
        inFlightMax: 4,
        deadlineMs: 60_000,
        // Checked though it says nothing: an acknowledgement that strayed here must not end the window.
        handle: async (value) => {
          asMessage(value, 'close');
          return close();
        },
      });
      timer = setInterval(keepHouse, housekeepingMs);
      log.info({ consumed, open: window.counters.open }, 'window restored');
    },
    async stop() {
      clearInterval(timer);
      await endpoint?.stop();
      await following?.stop();
      await flushing;
      stopping = true;
      await store
        .close()
        .catch((error: unknown) =>
          log.warn({ code: codeOf(error), err: messageOf(error) }, 'store not closed'),
        );
    },
    stats: () => ({
      ...window.counters,
      consumed,
      outboxPending: outbox.pending,
      batchesPublished: outbox.batchesPublished,
      flushP50Ms: outbox.latency.quantile(0.5),
      flushP99Ms: outbox.latency.quantile(0.99),
      watermarkMs: Number.isFinite(window.watermarkMs) ? window.watermarkMs : null,
    }),
  };
}
