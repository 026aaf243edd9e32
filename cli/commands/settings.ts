import { operate } from '../../client/operate.js';
import { givenSettingKeys, settingKeyOf, settingPath } from '../../core/config/settings.js';
import type { SettingChange, SettingsReply } from '../../messages/settings.js';
import { parseSettingsReply } from '../../messages/settings.js';
import { withAdmin } from '../cluster-access.js';
import type { Arguments, Command } from '../command.js';
import { UsageError, clusterOptions, exitCode, integerOf } from '../command.js';

export const settings: Command = {
  name: 'settings',
  summary: 'shows, or changes, what may change while it runs',
  usage: '[show | set <key> <value> | unset <key>] [options]',
  text: `Settings stand for what the configuration says, from a moment later on, in every data center, until they are unset; restarts keep them. There are ${givenSettingKeys.map((key) => `${key} (${settingPath(key)} of the configuration)`).join(' and ')}. Answers and impressions name the version of the settings that they were made with.`,
  options: [
    {
      name: 'since',
      value: 'VERSION',
      text: 'refuse the change if somebody has changed the key since this version',
    },
    ...clusterOptions,
  ],
  examples: [
    'starling settings',
    `starling settings set score '{"view":1,"purchase":20}'`,
    'starling settings unset score',
  ],
  async run(args, out) {
    const change = changeOf(args);
    const reply = parseSettingsReply(
      await withAdmin(args, (bus) => operate(bus, 'settings', change ? { change } : {}, () => {})),
    );
    if (out.json) out.document(reply);
    else for (const line of linesOf(reply)) out.line(line);
    return exitCode.ok;
  },
};

function changeOf(args: Arguments): SettingChange | undefined {
  const [act = 'show', key, value, ...rest] = args.positionals;
  const since = args.value('since');
  const counts: Readonly<Record<string, number>> = { show: 0, set: 2, unset: 1 };
  const given = [key, value, ...rest].filter((each) => each !== undefined).length;
  if (counts[act] !== given)
    throw new UsageError('settings: expected show, set <key> <value>, or unset <key>.');
  if (act === 'show') return undefined;
  return {
    key: settingKeyOf(key!),
    value: act === 'set' ? jsonOf(value!) : null,
    ...(since === undefined ? {} : { since: integerOf(since, 'since', 0) }),
  };
}

function jsonOf(text: string): unknown {
  try {
    return JSON.parse(text) as unknown;
  } catch {
    throw new UsageError(`settings: expected a value in JSON, such as {"view":1}; got ${text}.`);
  }
}

function linesOf({ version, settings, refused, configured }: SettingsReply): string[] {
  const width = Math.max(...givenSettingKeys.map(({ length }) => length));
  const rows = givenSettingKeys.map((key) => {
    const set = settings[key];
    const why = refused[key] === undefined ? '' : `; not in force: ${refused[key]}`;
    const origin = set === undefined ? `as configured${why}` : 'set';
    return `${key.padEnd(width)}  ${JSON.stringify(set ?? configured[key])}  (${origin})`;
  });
  return [...rows, version === 0 ? 'nothing was set' : `version ${version}`];
}
