import { blueprintOf } from '../../core/blueprint/blueprint.js';
import { samplesWithin } from '../../core/blueprint/message-sizes.js';
import { featureSpecOf, type FeatureSpec } from '../../core/features/feature-spec.js';
import { joinPartitions } from '../../core/config/join-partitions.js';
import { joinPartitionOf } from '../../core/joining/join-partition.js';
import type { JoinOptions } from '../../core/joining/types.js';
import { JoinWindow } from '../../core/joining/join-window.js';
import type { RulesInForce } from '../../core/joining/window-rules.js';
import type { ActorContext } from '../../runtime/actor.js';
import type { JoinStore } from '../../runtime/stores/join-store.js';
import type { PublishedSamples } from './join-outbox.js';
import { JoinOutbox, publishedSamples } from './join-outbox.js';
import { firstRules, rulesIn } from './rules-in-force.js';
import { openWindowStore } from './window-store.js';

/** Rows of one message of samples. Too many: a step of training waits for them. Too few: a message costs more than its rows. */
const sampleRowsMax = 1_024;

export interface OpenedWindow {
  readonly store: JoinStore;
  readonly outbox: JoinOutbox;
  /** JOIN sequence that the window knew last when it was opened. */
  readonly consumed: number;
  /** Another one from the record of JOIN on that changes its rules. */
  window: JoinWindow;
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

/** What is committed goes on by the rules that are in force now; all that was observed is. */
export function changeRules(context: ActorContext, partition: number, opened: OpenedWindow): void {
  const spec = featureSpecOf(context.config.features, context.config.lineage);
  const { rules } = opened.window;
  const { progress, records } = opened.store.load();
  // It could not be committed, and the joiner is about to end.
  if (!progress) return;
  const window = windowOf(context, partition, spec, opened.store, rules);
  window.restore({ progress, records });
  opened.window = window;
}

/** A request that is answered late is asked again within its deadline, and clocks of machines differ by seconds. */
export const copiesMs = 30_000;

function windowOf(
  { config }: ActorContext,
  partition: number,
  spec: FeatureSpec,
  store: JoinStore,
  { version, rules }: RulesInForce,
): JoinWindow {
  const options: JoinOptions = {
    ...rules,
    ...{ version, partition, copiesMs },
    memoryOpenMax: config.joining.memoryOpenMax,
    homeOf: (person) => joinPartitionOf(person, joinPartitions(config)),
    partitions: joinPartitions(config),
    slotCount: spec.slots.length,
    denseCount: spec.denseWidth,
  };
  return new JoinWindow(options, store);
}

async function restore(
  context: ActorContext,
  partition: number,
  spec: FeatureSpec,
  store: JoinStore,
  published: PublishedSamples,
): Promise<OpenedWindow> {
  const state = store.load();
  const inForce = state.progress
    ? (state.progress.rules ?? rulesIn(context.config))
    : await firstRules(context, partition);
  const window = windowOf(context, partition, spec, store, inForce);
  const fitting = samplesWithin(blueprintOf(context.config), context.bus.payloadBytesMax);
  const rowsMax = Math.min(sampleRowsMax, fitting);
  const outbox = new JoinOutbox(context, store, { partition, spec, rowsMax });
  if (state.progress) window.restore({ progress: state.progress, records: state.records });
  await outbox.restore(state, published);
  return { store, window, outbox, consumed: state.consumed['join'] ?? 0 };
}
