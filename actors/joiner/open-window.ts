import { blueprintOf } from '../../core/blueprint/blueprint.js';
import { samplesWithin } from '../../core/blueprint/message-sizes.js';
import type { FeatureSpec } from '../../core/features/feature-spec.js';
import { joinPartitions } from '../../core/config/join-partitions.js';
import { joinPartitionOf } from '../../core/joining/join-partition.js';
import { keptRulesOf } from '../../core/blueprint/kept-rules.js';
import { joinRulesOf } from '../../core/blueprint/join-rules.js';
import type { JoinOptions } from '../../core/joining/types.js';
import { JoinWindow } from '../../core/joining/join-window.js';
import type { ActorContext } from '../../runtime/actor.js';
import type { JoinStore } from '../../runtime/stores/join-store.js';
import type { PublishedSamples } from './join-outbox.js';
import { JoinOutbox, publishedSamples } from './join-outbox.js';
import { openWindowStore } from './window-store.js';

/** Rows of one message of samples. Too many: a step of training waits for them. Too few: a message costs more than its rows. */
const sampleRowsMax = 512;

export interface OpenedWindow {
  readonly store: JoinStore;
  readonly window: JoinWindow;
  readonly outbox: JoinOutbox;
  /** JOIN sequence that the window knows last. */
  readonly consumed: number;
}

/** The window of a partition as its store has it, wherever that is from (window-store.ts). */
export async function openWindow(
  context: ActorContext,
  partition: number,
  spec: FeatureSpec,
): Promise<OpenedWindow> {
  const published = await publishedSamples(context, partition);
  const store = await openWindowStore(context, partition, spec, published);
  try {
    return await restore(context, partition, spec, store, published);
  } catch (error) {
    await store.close();
    throw error;
  }
}

/** Between what two processors have in hand. See `JoinOptions`. */
const organicWaitMs = 500;

/** A request that is answered late is asked again within its deadline, and clocks of machines differ by seconds. */
const copiesMs = 30_000;

async function restore(
  context: ActorContext,
  partition: number,
  spec: FeatureSpec,
  store: JoinStore,
  published: PublishedSamples,
): Promise<OpenedWindow> {
  const { config } = context;
  const { latenessMs, negativeSamplingRate, memoryOpenMax } = config.joining;
  const options: JoinOptions = {
    ...joinRulesOf(config),
    organicWaitMs: Math.min(organicWaitMs, latenessMs),
    ...{ latenessMs, copiesMs, memoryOpenMax, organic: config.organic.negatives > 0 },
    tells: keptRulesOf(config).wanted,
    negativeRate: negativeSamplingRate,
    partition,
    homeOf: (person) => joinPartitionOf(person, joinPartitions(config)),
    partitions: joinPartitions(config),
    slotCount: spec.slots.length,
    denseCount: spec.denseWidth,
  };
  const window = new JoinWindow(options, store);
  const fitting = samplesWithin(blueprintOf(context.config), context.bus.payloadBytesMax);
  const rowsMax = Math.min(sampleRowsMax, fitting);
  const outbox = new JoinOutbox(context, store, { partition, spec, rowsMax });
  const state = store.load();
  if (state.progress) window.restore({ progress: state.progress, records: state.records });
  await outbox.restore(state, published);
  return { store, window, outbox, consumed: state.consumed['join'] ?? 0 };
}
