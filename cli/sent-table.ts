import type { StarlingClient } from '../client/client.js';
import type { IngestReceipt } from '../client/ingest.js';
import { type EventCounts, countsSince, eventCounts, eventLine } from './event-books.js';

/** Until all that was sent has its place; what waits for a slate longer is told as waiting. */
const settledMsMax = 10_000;
const lookMs = 200;

/** Undefined where nobody can say at the moment: the events go in all the same. */
export async function countsNow(
  client: Pick<StarlingClient, 'status'>,
): Promise<EventCounts | undefined> {
  return client.status().then(eventCounts, () => undefined);
}

/**
 * As `import` prints it: each event that was sent in one place of the first line; in the second what became of all that have come
 * since, which joiners count together, whoever has sent them.
 */
export async function sentTable(
  client: Pick<StarlingClient, 'status'>,
  events: readonly unknown[],
  { accepted, repeated }: Pick<IngestReceipt, 'accepted' | 'repeated'>,
  before: EventCounts | undefined,
): Promise<string[]> {
  const rows = rowsLine(events, repeated);
  if (!before) return [rows];
  const endMs = performance.now() + settledMsMax;
  for (;;) {
    const now = await countsNow(client);
    const since = now && countsSince(now, before);
    const isOver = performance.now() > endMs;
    if (since && (isOver || isSettled(since, accepted)))
      return [
        rows,
        ...eventLine('all events since', since),
        ...missingLine(accepted - countedIn(since)),
      ];
    if (isOver) return [rows];
    await new Promise((resolve) => setTimeout(resolve, lookMs));
  }
}

/** Each once, whatever partitions it went through. */
function countedIn({ actions, passedActions, duplicates }: EventCounts): number {
  return actions - passedActions + duplicates;
}

function isSettled(since: EventCounts, accepted: number): boolean {
  const isOnTheWay = since.passedActions !== since.received || since.heldActions > 0;
  return !isOnTheWay && countedIn(since) >= accepted;
}

function missingLine(missing: number): string[] {
  if (missing <= 0) return [];
  const text =
    'have not come to the joiners yet; what could not be used is in starling dead-letters';
  return [`${missing.toLocaleString('en-US')} ${text}`];
}

/** Of an id that comes twice the first is meant. */
function rowsLine(events: readonly unknown[], repeated: number): string {
  const types = new Map<string, number>();
  const known = new Set<unknown>();
  for (const event of events) {
    const { id, type = 'click' } = event as { readonly id?: unknown; readonly type?: string };
    if (id !== undefined && known.has(id)) continue;
    known.add(id);
    types.set(type, (types.get(type) ?? 0) + 1);
  }
  const parts = [...types, ...(repeated > 0 ? [['repeated', repeated] as const] : [])];
  const said = parts.map(([name, count]) => `${count.toLocaleString('en-US')} ${name}`);
  return `rows of events: ${events.length.toLocaleString('en-US')} = ${said.join(' + ')}`;
}
