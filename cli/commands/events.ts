import type { Command } from '../command.js';
import { UsageError, clusterOptions } from '../command.js';
import { sendEvents, timezoneOption } from '../send-events.js';

export const events: Command = {
  name: 'events',
  summary: 'sends what people did',
  usage: 'send [JSON | FILE…] [options]',
  text: 'Sends events: one JSON object or a list of them, or files of JSON, of one object per line, or of columns with a header (.csv, .csv.gz); - is standard input. All are checked before the first is sent; a mistake is told with its file, line and field. "Accepted" means that the stream has them for good, at the position that is told; an id that came before counts once, and a key that no event has is ignored and told with the nearest one.',
  options: [timezoneOption, ...clusterOptions],
  examples: [
    'starling events send \'{"type":"purchase","user":"100006","item":"0000048","value":19.9}\'',
    'starling events send monday.csv tuesday.csv --timezone Europe/Berlin',
  ],
  async run(args, out) {
    const [act, ...sources] = args.positionals;
    if (act !== 'send') throw new UsageError('events: expected send [JSON | FILE…].');
    const texts = sources.filter((each) => /^\s*[[{]/.test(each));
    if (texts.length > 0 && sources.length > 1)
      throw new UsageError(
        'events send: expected one JSON text or files, not both; a list holds several events.',
      );
    const files = texts.length > 0 ? [] : sources;
    return sendEvents('event', { text: texts[0], files }, args, out);
  },
};
