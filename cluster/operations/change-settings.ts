import { isDeepStrictEqual } from 'node:util';
import { StarlingError } from '../../core/base/errors.js';
import type { ClusterConfig } from '../../core/config/schema.js';
import {
  SettingsBook,
  checkSetting,
  settingKeys,
  type SettingRecord,
} from '../../core/config/settings.js';
import { decode, encode } from '../../messages/codec.js';
import type { SettingChange, SettingsReply, SettingsRequest } from '../../messages/settings.js';
import { parseSetting, settingMessage } from '../../messages/settings.js';
import type { Bus } from '../../runtime/bus/bus.js';

export interface SettingsPorts {
  readonly bus: Bus;
  readonly config: ClusterConfig;
  readonly onChanged: (detail: string) => void;
}

/**
 * Shows or changes the settings, by the log in training: who asks twice, as an answer was lost, finds it as he wanted it and writes
 * nothing, and of two who change the same key at once one is refused by the log itself.
 *
 * @throws StarlingError BAD_REQUEST for what the configuration does not know; CONFLICT when somebody else has changed it since.
 */
export async function settingsNow(
  { operation, change }: SettingsRequest,
  { bus, config, onChanged }: SettingsPorts,
): Promise<SettingsReply> {
  const { book, values } = await readSettings(bus, config);
  if (change) {
    const value = change.value === null ? null : checkSetting(config, change.key, change.value);
    const wanted = { key: change.key, value };
    if (!isDeepStrictEqual(values.get(change.key) ?? null, value)) {
      refuseOverwriting(change, book.placeOf(change.key));
      const place = await bus.append(
        bus.names.subject.setting(change.key),
        encode(settingMessage(wanted)),
        {
          messageId: `settings-${operation}`,
          after: { stream: bus.names.stream.settings, sequence: book.placeOf(change.key) },
        },
      );
      book.take(wanted, place);
      onChanged(`${textOf(wanted)}, version ${place}`);
    }
  }
  const { score, serving } = config;
  return { ...book.inForce, configured: { score, exclude: serving.exclude } };
}

async function readSettings(bus: Bus, config: ClusterConfig) {
  const book = new SettingsBook(config);
  const values = new Map<string, unknown>();
  for (const key of settingKeys) {
    const { stream, subject } = bus.names;
    const found = await bus.lastMessage(stream.settings, subject.setting(key));
    if (!found) continue;
    const record = parseSetting(decode(found.bytes));
    book.take(record, found.sequence);
    values.set(key, record.value);
  }
  return { book, values };
}

function refuseOverwriting({ key, since }: SettingChange, place: number): void {
  if (since === undefined || place <= since) return;
  const text = `${key} was changed since version ${since}, with version ${place}; look at it, and change it again.`;
  throw new StarlingError('CONFLICT', text, { key, since, version: place });
}

function textOf({ key, value }: SettingRecord): string {
  return value === null ? `${key}: as configured` : `${key}: ${JSON.stringify(value)}`;
}
