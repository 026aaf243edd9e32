import { trains, type DataCenterRole } from '../../core/config/data-centers.js';
import type { Bus } from '../../runtime/bus/bus.js';
import { replay } from '../../runtime/followers/follow.js';
import { streamTable, type StreamKey } from '../../messages/streams.js';
import { Mentions, type Mention } from './mentions.js';

/** A log that still names somebody. */
export interface LogWithPerson {
  readonly stream: string;
  /** Messages that name him. */
  readonly messages: number;
  /** The newest of them. */
  readonly newestAtMs: number;
  /** When the newest is gone by its age; undefined: it goes when the log is trimmed behind snapshots. */
  readonly goneByMs: number | undefined;
}

export interface SearchOptions {
  readonly bus: Bus;
  readonly dataCenters: readonly { readonly name: string; readonly role: DataCenterRole }[];
  /** As everything behind the door knows them. */
  readonly people: readonly string[];
  readonly found?: (stream: string, sequence: number, mention: Mention) => void;
}

/** Streams that have names in them; the others have rows by key, and what is learned. */
const searched = [
  ...(['raw', 'join', 'samples', 'activity', 'activityAt', 'features', 'featuresAt'] as const),
  ...(['deadLetter', 'snapshotsAt'] as const),
] satisfies StreamKey[];

/** Reads all that the logs and snapshots have, message by message. O(all of it). */
export async function searchLogs(options: SearchOptions): Promise<LogWithPerson[]> {
  const mentions = new Mentions(options.people);
  const found: LogWithPerson[] = [];
  for (const [key, stream] of streamsOf(options)) {
    let messages = 0;
    let newestAtMs = 0;
    await replay(options.bus, { stream }, ({ bytes, subject, sequence, atMs }) => {
      // Chunks of snapshots are read as bytes.
      if (key === 'snapshotsAt' && !mentions.isIn(bytes)) return;
      const said = key === 'snapshotsAt' ? [] : mentions.in(bytes, subject);
      if (key !== 'snapshotsAt' && said.length === 0) return;
      messages++;
      newestAtMs = Math.max(newestAtMs, atMs);
      for (const mention of said) options.found?.(stream, sequence, mention);
    });
    if (messages === 0) continue;
    const { ageMsMax = 0 } = await options.bus.streamState(stream);
    const goneByMs = ageMsMax > 0 ? newestAtMs + ageMsMax : undefined;
    found.push({ stream, messages, newestAtMs, goneByMs });
  }
  return found;
}

function streamsOf({ bus, dataCenters }: SearchOptions): [StreamKey, string][] {
  return searched.flatMap((key) => {
    const { place } = streamTable[key];
    // Where one trains and answers there are no copies.
    const those = dataCenters.filter(
      (each) => place === 'each' || (place === 'training' ? trains(each) : each.role === place),
    );
    return those.map(({ name }): [StreamKey, string] => [key, bus.names.streamIn(key, name)]);
  });
}
