import { versionOf } from '../../core/blueprint/lineage.js';
import { joinRulesOf } from '../../core/blueprint/join-rules.js';
import { keptRulesOf } from '../../core/blueprint/kept-rules.js';
import { isDeepStrictEqual } from 'node:util';
import type { ClusterConfig } from '../../core/config/schema.js';
import { parseClusterConfig } from '../../core/config/schema.js';
import type { RulesInForce, RulesRecord } from '../../core/joining/window-rules.js';
import { asMessage } from '../../messages/checks.js';
import { decode, encode } from '../../messages/codec.js';
import { configContentKey, decodeConfigContent } from '../../messages/config-versions.js';
import { parseRules, rulesMessage } from '../../messages/join-rules.js';
import { appendDurably } from '../../runtime/append-durably.js';
import type { ActorContext } from '../../runtime/actor.js';
import { replayWhile } from '../../runtime/followers/follow.js';
import { retried } from '../../runtime/retry-read.js';
import { configVersionsNow } from '../shared/current-configuration.js';

/** Between what two processors have in hand. See `WindowRules`. */
const organicWaitMs = 500;

/** What a configuration says of windows. */
export function rulesIn(config: ClusterConfig): RulesInForce {
  const { latenessMs, negativeSamplingRate } = config.joining;
  return {
    version: versionOf(config),
    rules: {
      ...joinRulesOf(config),
      ...{ latenessMs, organicWaitMs: Math.min(organicWaitMs, latenessMs) },
      negativeRate: negativeSamplingRate,
      organic: config.organic.negatives > 0,
      tells: keptRulesOf(config).wanted,
    },
  };
}

/**
 * The rules by which JOIN was read from its beginning, for a window that begins there: what the first record of rules names as those
 * before it. Where there is none they have never changed, so they are those of the first configuration; or they had, where JOIN has lost its
 * beginning, and are most likely those of now.
 */
export async function firstRules(context: ActorContext, partition: number): Promise<RulesInForce> {
  const own = rulesIn(context.config);
  if (own.version === 1) return own;
  const { bus } = context;
  const { firstSequence } = await retried(bus, () => bus.streamState(bus.names.stream.join));
  const found = await firstRecord(context, partition, firstSequence);
  if (found) return found.before;
  const first = firstSequence > 1 ? undefined : await firstConfig(context);
  return first ? rulesIn(first) : own;
}

async function firstRecord(
  { bus }: ActorContext,
  partition: number,
  fromSequence: number,
): Promise<RulesRecord | undefined> {
  const { stream, subject } = bus.names;
  let found: RulesRecord | undefined;
  const options = { stream: stream.join, filter: subject.join(partition) };
  await replayWhile(bus, { ...options, fromSequence }, ({ bytes }) => {
    found = rulesIfAny(bytes);
    return found === undefined;
  });
  return found;
}

function rulesIfAny(bytes: Uint8Array): RulesRecord | undefined {
  try {
    const value = decode(bytes);
    return asMessage(value, 'join')['kind'] === 'rules' ? parseRules(value) : undefined;
  } catch {
    // What can't be read is buried where the window comes to it.
    return undefined;
  }
}

/** Undefined where it is not listed any more. */
async function firstConfig({ bus }: ActorContext): Promise<ClusterConfig | undefined> {
  const listed = (await configVersionsNow(bus)).find(({ version }) => version === 1);
  if (!listed) return undefined;
  const entry = await retried(bus, () =>
    bus.bucketEntry(bus.names.bucket, configContentKey(listed.hash)),
  );
  return entry && parseClusterConfig(decodeConfigContent(entry.bytes));
}

/** Writes into JOIN that the rules of the configuration of this process are in force, if they are newer and other ones. */
export async function declareRules(
  context: ActorContext,
  partition: number,
  before: RulesInForce,
): Promise<void> {
  const own = rulesIn(context.config);
  if (own.version <= before.version || isDeepStrictEqual(own.rules, before.rules)) return;
  const { subject } = context.bus.names;
  await appendDurably(context, subject.join(partition), encode(rulesMessage({ ...own, before })), {
    messageId: `rules.${partition}.${own.version}`,
  });
  context.log.info({ partition, version: own.version }, 'other rules for the window');
}
