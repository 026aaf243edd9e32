import { StarlingError } from '../core/base/errors.js';
import type { GivenSettingKey, SettingRecord, Settings } from '../core/config/settings.js';
import { settingKeyOf } from '../core/config/settings.js';
import { asFields, asMessage, number, text, wrong, type Fields } from './checks.js';
import { protocolVersion } from './codec.js';
import { parseOperation, type Operation } from './operations.js';

/** A record of SETTINGS, under the subject of its key. */
export function settingMessage({ key, value }: SettingRecord) {
  return { v: protocolVersion, key, value };
}

/** Whether the value is one is judged by who uses it, with his configuration. @throws StarlingError BAD_MESSAGE */
export function parseSetting(message: unknown): SettingRecord {
  const what = 'setting';
  const fields = asMessage(message, what);
  return { key: text(fields, 'key', what), value: fields['value'] ?? null };
}

/** What people ask of the settings, over `starling.operate.settings`. */
export interface SettingsRequest extends Operation {
  /** Undefined: to be shown. */
  readonly change?: SettingChange | undefined;
}

export interface SettingChange {
  readonly key: GivenSettingKey;
  /** Null: as the configuration says. */
  readonly value: unknown;
  /** What the writer has seen: who has changed the key since then is not overwritten. */
  readonly since?: number | undefined;
}

/** @throws StarlingError BAD_REQUEST for a key that there is not; BAD_MESSAGE */
export function parseSettingsRequest(value: unknown): SettingsRequest {
  const what = 'settings';
  const fields = asMessage(value, what);
  const operation = parseOperation(value, what);
  if (fields['change'] === undefined) return operation;
  const place = `${what}.change`;
  const change = asFields(fields['change'], place);
  if (change['value'] === undefined) throw wrong(place, 'value', 'a value, or null', undefined);
  return {
    ...operation,
    change: {
      key: settingKeyOf(text(change, 'key', place)),
      value: change['value'],
      since: change['since'] === undefined ? undefined : sinceOf(change, place),
    },
  };
}

/** Of the log in training: what counts from now on, and is in force elsewhere a moment later. */
export interface SettingsReply {
  readonly version: number;
  readonly settings: Settings;
  readonly refused: Readonly<Record<string, string>>;
  /** What the configuration says, by key. */
  readonly configured: Required<Pick<Settings, GivenSettingKey>>;
}

/** @throws StarlingError BAD_MESSAGE */
export function parseSettingsReply(fields: Fields): SettingsReply {
  const what = 'settings reply';
  return {
    version: number(fields, 'version', what),
    settings: asFields(fields['settings'], `${what}.settings`),
    refused: asFields(fields['refused'], `${what}.refused`) as Readonly<Record<string, string>>,
    configured: asFields(fields['configured'], `${what}.configured`) as unknown as Required<
      Pick<Settings, GivenSettingKey>
    >,
  };
}

function sinceOf(fields: Fields, what: string): number {
  const since = number(fields, 'since', what);
  if (Number.isSafeInteger(since) && since >= 0) return since;
  throw new StarlingError('BAD_REQUEST', `since: expected a version of settings, got ${since}.`, {
    field: 'since',
  });
}
