import { blueprintOf } from '../../core/blueprint/blueprint.js';
import { samplesWithin } from '../../core/blueprint/message-sizes.js';
import type { FeatureSpec } from '../../core/features/feature-spec.js';
import { joinPartitionOf } from '../../core/joining/join-partition.js';
import { keptRulesOf } from '../../core/blueprint/kept-rules.js';
import { joinRulesOf, outcomeNames } from '../../core/blueprint/join-rules.js';
import type { JoinOptions, JoinProgress } from '../../core/joining/types.js';
import { JoinWindow } from '../../core/joining/join-window.js';
import type { ActorContext } from '../../runtime/actor.js';
import type { JoinStore } from '../../runtime/stores/join-store.js';
import type { PublishedSamples } from './join-outbox.js';
import { JoinOutbox, publishedSamples } from './join-outbox.js';

/** Rows of one message of samples. Too many: a step of training waits for them. Too few: a message costs more than its rows. */
const sampleRowsMax = 512;

export interface OpenedWindow {
  readonly store: JoinStore;
  readonly window: JoinWindow;
  readonly outbox: JoinOutbox;
  /** JOIN sequence that the window knows last. */
  readonly consumed: number;
}

/** The window as the store has it; where it went on elsewhere the store is of no use, and the log makes it anew. */
export async function openWindow(context: ActorContext, spec: FeatureSpec): Promise<OpenedWindow> {
  const published = await publishedSamples(context);
  const store = await openStore(context, published.position?.window);
  try {
    return await restore(context, spec, store, published);
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
  spec: FeatureSpec,
  store: JoinStore,
  published: PublishedSamples,
): Promise<OpenedWindow> {
  const { config, identity } = context;
  const { latenessMs, negativeSamplingRate, memoryOpenMax } = config.joining;
  const options: JoinOptions = {
    ...joinRulesOf(config),
    organicWaitMs: Math.min(organicWaitMs, latenessMs),
    ...{ latenessMs, copiesMs, memoryOpenMax, organic: config.organic.negatives > 0 },
    tells: keptRulesOf(config).wanted,
    negativeRate: negativeSamplingRate,
    partition: identity.index,
    homeOf: (person) => joinPartitionOf(person, config.actors.joiner),
    slotCount: spec.slots.length,
    denseCount: spec.dense.length,
  };
  const window = new JoinWindow(options, store);
  const fitting = samplesWithin(blueprintOf(context.config), context.bus.payloadBytesMax);
  const rowsMax = Math.min(sampleRowsMax, fitting);
  const outbox = new JoinOutbox(context, store, { spec, rowsMax });
  const state = store.load();
  if (state.progress) window.restore({ progress: state.progress, records: state.records });
  await outbox.restore(state, published);
  return { store, window, outbox, consumed: state.consumed['join'] ?? 0 };
}

/** @param newest the store that published last, wherever it is; undefined: nobody has. */
async function openStore(
  { config, log, stores }: ActorContext,
  newest: string | undefined,
): Promise<JoinStore> {
  const store = stores.joinStore();
  const { progress } = store.load();
  if (!progress) return store;
  const why = whyAnew(progress, outcomeNames(config), newest, store.window);
  if (why === undefined) return store;
  log.warn({ window: store.window }, `${why}; it is made anew`);
  await store.close();
  return stores.newJoinStore();
}

function whyAnew(
  { lanes, outcomes }: Partial<JoinProgress>,
  names: readonly string[],
  newest: string | undefined,
  own: string,
): string | undefined {
  if (!lanes || !outcomes) return 'the window is of an earlier release';
  if (outcomes.join() !== names.join()) return 'other outcomes are predicted than the window knows';
  return newest === undefined || newest === own ? undefined : 'the window went on elsewhere';
}
