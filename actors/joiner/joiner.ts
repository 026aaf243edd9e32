import { rm } from 'node:fs/promises';
import path from 'node:path';
import { codeOf, messageOf } from '../../core/base/errors.js';
import { featureSpecOf } from '../../core/features/feature-spec.js';
import { idleWatermarkMs } from '../../core/joining/idle-watermark.js';
import { JoinWindow } from '../../core/joining/join-window.js';
import { Popularity } from '../../core/retrieval/popularity.js';
import { asMessage } from '../../messages/checks.js';
import { decode, encode } from '../../messages/codec.js';
import type { WindowAdvance } from '../../messages/events.js';
import {
  advanceMessage,
  joinCloseReply,
  parseActions,
  parseAdvance,
  parseImpressions,
} from '../../messages/events.js';
import { popularMessage } from '../../messages/ranking.js';
import type { Actor, ActorContext } from '../../runtime/actor.js';
import type { StreamMessage } from '../../runtime/bus.js';
import type { Following } from '../../runtime/followers/follow.js';
import { follow } from '../../runtime/followers/follow.js';
import { ServedEndpoint } from '../../runtime/serve-endpoint.js';
import type { JoinState } from '../../runtime/stores/join-store.js';
import { JoinStore } from '../../runtime/stores/join-store.js';
import { deadLetter } from '../shared/dead-letter.js';
import { JoinOutbox, publishedSamples } from './join-outbox.js';

/** Event time may differ from the wall clock by this much for the stream to count as live. */
const liveWithinMs = 600_000;
const popularHalfLifeMs = 600_000;
const housekeepingMs = 1_000;
const closePollMs = 5;
/** Rows observed since the last drain beyond which reading waits: bounds what one transaction holds. */
const undrainedRowsMax = 20_000;

/**
 * Joins impressions with actions in event time. Window, consumed sequence and outbox are committed together; only then
 * are the samples published. So after any crash it reads on behind what it has committed and publishes behind the last
 * number the stream has: every impression becomes exactly one sample, or is counted as dropped.
 *
 * What becomes of events follows from their order in JOIN alone; the clock and the end of a stream are records there
 * too. So a joiner without its store, on another host, reads JOIN from the beginning, leaves out the samples that the
 * stream has, and goes on.
 */
export function createJoiner(context: ActorContext): Actor {
  const { bus, config, identity, log } = context;
  const { index } = identity;
  const spec = featureSpecOf(config.features);
  const { windowMs, latenessMs, negativeSamplingRate, memoryOpenMax, idleMs } = config.joining;
  const folder = path.join(context.folder, 'window');
  const joinOptions = {
    windowMs,
    allowedLatenessMs: latenessMs,
    negativeRate: negativeSamplingRate,
    slotCount: spec.slots.length,
    denseCount: spec.dense.length,
    memoryOpenMax,
  };
  let store: JoinStore;
  let window: JoinWindow;
  let outbox: JoinOutbox;
  const popularity = new Popularity(popularHalfLifeMs);
  let consumed = 0;
  let undrainedRows = 0;
  let advancing: Promise<void> | undefined;
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
      const { kind } = asMessage(value, 'join');
      if (kind === 'advance') {
        const { watermarkMs } = parseAdvance(value);
        if (watermarkMs === 'end') window.closeAll();
        else window.advance(watermarkMs);
      } else if (kind === 'actions') {
        arrivedAtMs = Date.now();
        const actions = parseActions(value, spec);
        window.observeActions(actions);
        undrainedRows += actions.requestIds.length;
        actions.items.forEach(
          (item, i) => actions.labels[i] === 1 && popularity.add(item, actions.atMs[i]!),
        );
      } else {
        arrivedAtMs = Date.now();
        const impressions = parseImpressions(value, spec);
        window.observeImpressions(impressions);
        undrainedRows += impressions.requestIds.length;
      }
    } catch (error) {
      await deadLetter(context, {
        origin: message.subject,
        sequence: message.sequence,
        content: message.bytes,
        error,
        events: 1,
      });
    }
    // Here and not when it happens to be drained: the samples follow from the log alone.
    window.advance();
    consumed = message.sequence;
    dirty = true;
    flushSoon();
    if (outbox.endsAt(consumed)) await settled();
    else if (undrainedRows > undrainedRowsMax) await flushing;
  }

  /** Resolves when all that was observed is committed. */
  async function settled(): Promise<void> {
    while (dirty || flushing) {
      flushSoon();
      await flushing;
    }
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
    await outbox.commit(window.drain(), consumed);
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
    const waits = window.counters.open + window.counters.heldActions > 0;
    if (waits && watermarkMs !== undefined && watermarkMs > window.watermarkMs)
      advancing ??= advance({ watermarkMs })
        .catch((error: unknown) =>
          log.warn({ code: codeOf(error), err: messageOf(error) }, 'watermark not moved'),
        )
        .then(() => (advancing = undefined));
    if (index === 0) {
      const items = popularity.top(config.serving.popularItems);
      if (items.length > 0)
        bus.publish(
          bus.names.subject.popular,
          encode(popularMessage({ items, sequence: consumed })),
        );
    }
  }

  /** Resolves with the JOIN sequence of the advance, which takes effect when it is read. */
  function advance(to: WindowAdvance): Promise<number> {
    return bus.append(bus.names.subject.join(index), encode(advanceMessage(to)));
  }

  /** End of a stream: no more events will come, so every open impression becomes a negative now. */
  async function close() {
    const sequence = await advance({ watermarkMs: 'end' });
    while (consumed < sequence && !stopping)
      await new Promise((resolve) => setTimeout(resolve, closePollMs));
    await settled();
    return joinCloseReply({ sequence, ...window.counters });
  }

  /** The store of a window that went on elsewhere is of no use: the log is. */
  async function openWindow(): Promise<JoinState> {
    store = JoinStore.open(folder);
    const published = await publishedSamples(context);
    const { position } = published;
    if (position && position.window !== store.window && store.load().progress) {
      log.warn({ window: store.window }, 'the window went on elsewhere; it is made anew');
      await store.close();
      await rm(folder, { recursive: true });
      store = JoinStore.open(folder);
    }
    window = new JoinWindow(joinOptions, store);
    outbox = new JoinOutbox(context, store, { spec, rowsMax: 512 });
    const state = store.load();
    if (state.progress) window.restore({ progress: state.progress, records: state.records });
    await outbox.restore(state, published);
    return state;
  }

  return {
    async start() {
      const state = await openWindow();
      consumed = state.consumed['join'] ?? 0;
      following = await follow(
        bus,
        {
          stream: bus.names.stream.join,
          filter: bus.names.subject.join(index),
          fromSequence: consumed + 1,
        },
        observe,
        context.crash,
      );
      endpoint = new ServedEndpoint(bus, {
        subject: bus.names.subject.joinControl(index),
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
      // Undefined where the start failed.
      await (store as JoinStore | undefined)
        ?.close()
        .catch((error: unknown) =>
          log.warn({ code: codeOf(error), err: messageOf(error) }, 'store not closed'),
        );
    },
    stats() {
      // Asked for figures from the first moment on.
      if (!following) return {};
      return {
        ...window.counters,
        consumed,
        outboxPending: outbox.pending,
        batchesPublished: outbox.batchesPublished,
        flushP50Ms: outbox.latency.quantile(0.5),
        flushP99Ms: outbox.latency.quantile(0.99),
        watermarkMs: Number.isFinite(window.watermarkMs) ? window.watermarkMs : null,
      };
    },
  };
}
