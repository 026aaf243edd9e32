import { ingestAs } from '../client/ingest-as.js';
import type { EventType } from '../messages/subjects.js';
import { UnknownKeys } from '../messages/unknown-keys.js';
import { withClient } from './cluster-access.js';
import type { Arguments, OptionHelp, Output } from './command.js';
import { UsageError, exitCode } from './command.js';
import { readEventFile, readEventText, readStdin } from './event-input.js';
import { countsNow, sentTable } from './sent-table.js';
import { zoneOf } from './timezone.js';

/** Where events stand: as a text, in files, of which `-` is standard input, or in neither: then there too. */
export interface EventSources {
  readonly text: string | undefined;
  readonly files: readonly string[];
}

export const timezoneOption: OptionHelp = {
  name: 'timezone',
  value: 'ZONE',
  text: 'of times that name none, such as Europe/Berlin (default UTC)',
};

/** Checks all of them, then sends them, then tells what became of them. */
export async function sendEvents(
  type: EventType,
  sources: EventSources,
  args: Arguments,
  out: Output,
): Promise<number> {
  const strange = new UnknownKeys();
  const options = {
    timezone: zoneOf(args.value('timezone')),
    note: (line: string) => out.note(line),
  };
  const read = async (file: string): Promise<unknown[]> =>
    file === '-'
      ? readEventText(type, await readStdin(), 'standard input', strange, options)
      : readEventFile(type, file, strange, options);
  const events: unknown[] = [];
  if (sources.text !== undefined)
    events.push(...readEventText(type, sources.text, 'the argument', strange, options));
  for (const file of filesOf(sources)) for (const event of await read(file)) events.push(event);
  // Of one event there is nothing to be counted.
  const isTable = (type === 'event' || type === 'action') && events.length > 1;
  const { receipt, table } = await withClient(args, async (client) => {
    const before = isTable ? await countsNow(client) : undefined;
    const told = await ingestAs(client, type, events);
    return { receipt: told, table: isTable ? await sentTable(client, events, told, before) : [] };
  });
  const { warnings } = strange;
  if (out.json) out.document({ ...receipt, ...(isTable ? { table } : {}), warnings });
  else for (const line of [receiptLine(receipt), ...table]) out.line(line);
  for (const warning of warnings) out.note(warning);
  return exitCode.ok;
}

function filesOf({ text, files }: EventSources): readonly string[] {
  if (text !== undefined || files.length > 0) return files;
  if (!process.stdin.isTTY) return ['-'];
  throw new UsageError('give the events as an argument, in files, or on standard input.');
}

/** `2 events accepted, 1 of them repeated, at east:91264`. */
function receiptLine({
  accepted,
  repeated,
  position,
}: Awaited<ReturnType<typeof ingestAs>>): string {
  const again = repeated === 0 ? '' : `, ${repeated} of them repeated: they count once`;
  const place = position === undefined ? '' : `, up to ${position}`;
  return `${accepted} ${accepted === 1 ? 'event' : 'events'} accepted${again}${place}`;
}
