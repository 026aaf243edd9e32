import { isDeepStrictEqual } from 'node:util';
import { StarlingError } from '../../core/base/errors.js';
import { mainModel } from '../../core/base/model-identity.js';
import { SettingsBook, type ServingModels } from '../../core/config/settings.js';
import type { ClusterConfig } from '../../core/config/schema.js';
import { decode, encode } from '../../messages/codec.js';
import { parseSetting, settingMessage } from '../../messages/settings.js';
import type { Bus } from '../../runtime/bus/bus.js';

type Log = Pick<Bus, 'names' | 'append' | 'lastMessage'>;

const key = 'model';
const servesMain: ServingModels = { live: mainModel };

/** Which models answer, by the log in training; and the place of what says so, 0 where nothing does. */
export async function servingNow(
  bus: Pick<Log, 'names' | 'lastMessage'>,
  config: ClusterConfig,
): Promise<{ readonly serving: ServingModels; readonly place: number }> {
  const { stream, subject } = bus.names;
  const found = await bus.lastMessage(stream.settings, subject.setting(key));
  if (!found) return { serving: servesMain, place: 0 };
  const book = new SettingsBook(config);
  book.take(parseSetting(decode(found.bytes)), found.sequence);
  return { serving: book.inForce.settings.model ?? servesMain, place: found.sequence };
}

/**
 * Another choice from now on; every data center follows once the live one has come up to it there. What is so already is not written.
 *
 * @param operation who asks twice, as an answer was lost, writes it once.
 * @throws StarlingError CONFLICT where somebody else has chosen meanwhile.
 */
export async function chooseServing(
  bus: Log,
  config: ClusterConfig,
  {
    operation,
    change,
  }: { readonly operation: string; readonly change: (now: ServingModels) => ServingModels },
): Promise<ServingModels> {
  const { serving, place } = await servingNow(bus, config);
  const next = defined(change(serving));
  if (isDeepStrictEqual(next, defined(serving))) return serving;
  const value = next.live === mainModel && Object.keys(next).length === 1 ? null : next;
  await bus.append(bus.names.subject.setting(key), encode(settingMessage({ key, value })), {
    messageId: `models-${operation}`,
    after: { stream: bus.names.stream.settings, sequence: place },
  });
  return next;
}

/** @throws StarlingError BAD_REQUEST where it is live already. */
export function promoted(
  { live, canary }: ServingModels,
  model: string,
  through: number,
): ServingModels {
  if (live === model)
    throw new StarlingError('BAD_REQUEST', `"${model}" answers already.`, { field: 'name' });
  // The one that was tried is the one that is chosen.
  return {
    live: model,
    before: live,
    through,
    canary: canary?.model === model ? undefined : canary,
  };
}

/** The one before answers again. @throws StarlingError BAD_REQUEST where there was none. */
export function rolledBack({ live, before }: ServingModels): ServingModels {
  if (before !== undefined) return { live: before, before: live };
  throw new StarlingError('BAD_REQUEST', `nothing answered before "${live}".`, {});
}

/** @throws StarlingError BAD_REQUEST for the model that is live. */
export function withCanary(serving: ServingModels, model: string, share: number): ServingModels {
  if (share === 0) return { ...serving, canary: undefined };
  if (serving.live === model)
    throw new StarlingError('BAD_REQUEST', `"${model}" answers everybody already.`, {
      field: 'name',
    });
  return { ...serving, canary: { model, share } };
}

/** Whether people are to be answered by it. */
export function answers({ live, canary }: ServingModels, model: string): boolean {
  return live === model || canary?.model === model;
}

function defined({ live, before, through, canary }: ServingModels): ServingModels {
  return {
    live,
    ...(before === undefined ? {} : { before }),
    ...(through === undefined ? {} : { through }),
    ...(canary === undefined ? {} : { canary }),
  };
}
