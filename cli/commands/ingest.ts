import { nearestOf } from '../../core/config/fields.js';
import type { EventType } from '../../messages/subjects.js';
import { eventTypes } from '../../messages/subjects.js';
import type { Command } from '../command.js';
import { UsageError, clusterOptions, expectPositionals } from '../command.js';
import { sendEvents, timezoneOption } from '../send-events.js';

export const ingest: Command = {
  name: 'ingest',
  summary: 'send events, impressions, items or users',
  usage: 'event|impression|shown|alias|merge|items|users [JSON | --file FILE]',
  text: 'Sends events, from the argument, from a file or from standard input, as one JSON object, a list of them, or one per line. A file may also be text with a header and any separator; gzip and zstd are found by content, whatever it is called: for items and users, their ids and attributes by column; for others, the fields of the event by column, and context features in the remaining columns of events and impressions.\nAll events are checked before the first is sent; a mistake is told with its line and field. "Accepted" means that the stream has them for good.',
  options: [
    {
      name: 'file',
      value: 'FILE',
      text: 'JSON, one object per line, or text with a header; - for standard input',
    },
    timezoneOption,
    ...clusterOptions,
  ],
  examples: [
    'starling ingest features \'{"entity":"item","id":"1","features":{"year":1995}}\'',
    'starling ingest features --file items.csv.gz',
    'starling ingest event \'{"type":"click","user":"42","item":"7"}\'',
    'starling ingest event --file clicks.ndjson',
    'starling ingest items \'{"item":"7","title":"A lamp","price":49}\'',
  ],
  async run(args, out) {
    expectPositionals(
      args,
      ['the kind (event, impression, shown, alias, merge, items or users)', 'JSON'],
      1,
    );
    const type = eventTypeOf(args.positionals[0]!);
    const text = args.positionals[1];
    const file = args.value('file');
    if (text !== undefined && file !== undefined) {
      throw new UsageError('give the events as an argument or with --file, not both.');
    }
    return sendEvents(type, { text, files: file === undefined ? [] : [file] }, args, out);
  },
};

function eventTypeOf(name: string): EventType {
  if (name === 'erase')
    throw new UsageError('people are erased by operators: starling users erase <user>.');
  const type = eventTypes.find((each) => each === name);
  if (type) return type;
  const nearest = nearestOf(name, eventTypes);
  const hint = nearest ? `did you mean "${nearest}"?` : `expected ${eventTypes.join(', ')}.`;
  throw new UsageError(`there is no event type "${name}"; ${hint}`);
}
