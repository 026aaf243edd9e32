import type { Recommendation } from '../../client/replies.js';
import { withClient } from '../cluster-access.js';
import type { Command } from '../command.js';
import {
  UsageError,
  clusterOptions,
  exitCode,
  expectPositionals,
  userMeant,
  integerOf,
  listOf,
  objectOf,
} from '../command.js';

export const recommend: Command = {
  name: 'recommend',
  summary: 'the best items for a user',
  usage: '--user ID | --visitor ID [options]',
  text: 'Asks for the k best items for a user. The answer is logged as impressions, under the request id that it prints: events that name it are what the model learns from.',
  options: [
    { name: 'user', value: 'ID', text: 'whom to recommend to' },
    {
      name: 'visitor',
      value: 'ID',
      text: 'who is not known by name; with --user, that he is that user',
    },
    { name: 'k', value: 'N', text: 'how many items (default 10)' },
    { name: 'context', value: 'JSON', text: 'context features, such as {"hour":20}' },
    { name: 'candidates', value: 'IDS', text: 'choose among these only: a,b,c' },
    { name: 'exclude', value: 'IDS', text: 'leave these out: a,b,c' },
    {
      name: 'exclude-events',
      value: 'TYPES',
      text: 'leave out what they did lately: view,purchase (default: see serving.exclude; none: nothing)',
    },
    { name: 'within', value: 'TIME', text: 'how long ago that was, such as 30d' },
    { name: 'attributes', value: 'NAMES', text: 'say these of each item too: title,url' },
    {
      name: 'filter',
      value: 'CEL',
      text: 'which items may be offered: \'item.price <= 50 && "Tea" in item.tags\'; or values by attribute, {"genres":"Comedy"}',
    },
    {
      name: 'log',
      value: 'WHAT',
      text: 'true (default), shown: an item counts once `ingest shown` names it, or false: nothing is logged',
    },
    { name: 'request-id', value: 'ID', text: 'name of the request (default: drawn)' },
    ...clusterOptions,
  ],
  examples: [
    'starling recommend --user 42 --k 5',
    'starling recommend --user 42 --exclude 1,2 --json',
  ],
  async run(args, out) {
    expectPositionals(args, [], 0, userMeant);
    const user = args.value('user');
    const visitor = args.value('visitor');
    if (user === undefined && visitor === undefined)
      throw new UsageError('recommend needs --user or --visitor.');
    const optional = <T>(name: string, read: (text: string, name: string) => T) => {
      const text = args.value(name);
      return text === undefined ? undefined : read(text, name);
    };
    const request = {
      ...{ user, visitor, log: optional('log', logOf) },
      k: optional('k', (text, name) => integerOf(text, name, 1)),
      context: optional('context', objectOf),
      candidates: optional('candidates', listOf),
      exclude: {
        items: optional('exclude', listOf),
        events: optional('exclude-events', (text) => (text === 'none' ? [] : listOf(text))),
        within: args.value('within'),
      },
      attributes: optional('attributes', listOf),
      filter: optional('filter', filterOf),
      requestId: args.value('request-id'),
    };
    const answer = await withClient(args, (client) => client.recommend(request));
    if (out.json) out.document(answer);
    else for (const line of linesOf(answer)) out.line(line);
    return exitCode.ok;
  },
};

function filterOf(text: string): string | Record<string, string> {
  return text.trimStart().startsWith('{')
    ? (objectOf(text, 'filter') as Record<string, string>)
    : text;
}

function logOf(text: string): boolean | 'shown' {
  if (text === 'shown') return text;
  if (text === 'true' || text === 'false') return text === 'true';
  throw new UsageError(`--log: expected true, shown or false; got ${text}.`);
}

function textOf(value: unknown): string {
  return typeof value === 'string' ? value : JSON.stringify(value);
}

function linesOf({
  items,
  requestId,
  modelVersion,
  dataCenter,
  degraded,
  warnings,
}: Recommendation): string[] {
  const width = Math.max(4, ...items.map(({ item }) => item.length));
  const rows = items.map(({ item, score, attributes = {} }, i) => {
    const told = Object.entries(attributes).map(([name, value]) => `  ${name}: ${textOf(value)}`);
    return `${String(i + 1).padStart(3)}  ${item.padEnd(width)}  ${score.toFixed(4)}${told.join('')}`;
  });
  const note = degraded ? ', degraded: some rows were not in reach' : '';
  const request = requestId === '' ? 'not logged' : `request ${requestId}`;
  const origin = `${request}, answered in ${dataCenter} with dense version ${modelVersion}${note}`;
  const told = warnings.map((warning) => `warning: ${warning}`);
  return [...(rows.length > 0 ? rows : ['no items']), origin, ...told];
}
