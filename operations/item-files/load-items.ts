import { StarlingError } from '../../core/base/errors.js';
import type { RawFeatures } from '../../core/features/raw-features.js';
import type { ItemPrints } from '../../core/retrieval/item-prints.js';
import type { AttributeReader } from '../../messages/attribute-reader.js';
import type { ItemInput } from '../../client/ingest.js';

/** What a file says of one item, by name; null: that there is none. */
export interface ItemRow {
  readonly id: string;
  readonly attributes: RawFeatures;
}

export const itemFileModes = ['patch', 'replace'] as const;
/** `replace`: what the file lacks is offered to nobody until it is in one again. */
export type ItemFileMode = (typeof itemFileModes)[number];

export interface ItemLoad {
  /** All rows from the beginning, the same each time: they are read once to compare, and once to send. */
  readonly rows: () => AsyncIterable<readonly ItemRow[]>;
  /** What the cluster knows of its items now; is changed to what it will know. */
  readonly present: ItemPrints;
  readonly reader: Pick<AttributeReader, 'read'>;
  readonly mode: ItemFileMode;
  /** Of the items that are there, the largest share that may be absent from the file. */
  readonly absentMax: number;
  /** Resolves when the cluster has them for good. */
  readonly send: (items: readonly ItemInput[]) => Promise<unknown>;
  readonly nowMs: number;
  /** Compares and counts, and sends nothing. */
  readonly dryRun?: boolean | undefined;
}

export interface ItemLoadResult {
  readonly rows: number;
  readonly added: number;
  readonly changed: number;
  readonly unchanged: number;
  /** Items that the file lacks, and that it or another one had. */
  readonly hidden: number;
  /** Of `changed`, those that an earlier file lacked. */
  readonly broughtBack: number;
  /** Values that can't be read; each costs itself alone. */
  readonly unreadable: number;
  readonly unreadableExample: string;
}

/** Sent at once. */
const sentMax = 500;

/**
 * Brings the items of a cluster to what a file says. Only rows that say something new are sent, so that the nightly file of a million
 * items costs what changed; what the file lacks is told last, after all of it has been read, and not if that is
 * too much: a file that was cut off must not empty a shop.
 *
 * An item that is absent is marked with the time, beside `hidden`: so what was hidden by hand stays so when the file has it again.
 *
 * @throws StarlingError ITEMS_ABSENT where more than `absentMax` would go; nothing has been sent then.
 */
export async function loadItems(load: ItemLoad): Promise<ItemLoadResult> {
  const { present, mode, absentMax, send, rows, dryRun = false, nowMs } = load;
  const before = mode === 'replace' ? offeredCount(present) : 0;
  const found = await compare(load);
  const absent = mode === 'replace' ? absentFrom(found.seen, present) : [];
  if (absent.length > absentMax * before) throw tooManyAbsent(absent, before, absentMax);
  const { news, back, counts } = found;
  const result = { ...counts, hidden: absent.length, broughtBack: back.size };
  if (dryRun) return result;
  let row = 0;
  await inParts(send, async (add) => {
    for await (const batch of rows())
      for (const { id, attributes } of batch) {
        if (!isMarked(news, row++)) continue;
        const read = load.reader.read('item', attributes).attributes;
        await add({ item: id, attributes: back.has(id) ? { ...read, ...notAbsent } : read });
      }
  });
  const absentSince = new Date(nowMs).toISOString();
  await inParts(send, async (add) => {
    for (const item of absent) {
      present.patch(item, { absentSince });
      await add({ item, attributes: { absentSince } });
    }
  });
  return result;
}

const absentName = 'absentSince';
const notAbsent = { [absentName]: null };

function offeredCount(present: ItemPrints): number {
  let count = 0;
  for (const id of present.ids()) if (!present.knows(id, absentName)) count++;
  return count;
}

async function compare({ rows, present, reader }: ItemLoad) {
  const seen = new Set<string>();
  const back = new Set<string>();
  const counts = { rows: 0, added: 0, changed: 0, unchanged: 0, unreadable: 0 };
  let unreadableExample = '';
  let news = new Uint8Array(1024);
  for await (const batch of rows())
    for (const { id, attributes } of batch) {
      const read = reader.read('item', attributes);
      if (read.unreadable.length > 0) {
        counts.unreadable += read.unreadable.length;
        unreadableExample = `item ${id}: ${read.unreadable[0]}`;
      }
      seen.add(id);
      const isBack = present.knows(id, absentName);
      if (isBack) back.add(id);
      const outcome = present.patch(
        id,
        isBack ? { ...read.attributes, ...notAbsent } : read.attributes,
      );
      counts[outcome]++;
      if (outcome !== 'unchanged') news = marked(news, counts.rows);
      counts.rows++;
    }
  return { counts: { ...counts, unreadableExample }, seen, back, news };
}

function absentFrom(seen: ReadonlySet<string>, present: ItemPrints): string[] {
  const absent: string[] = [];
  for (const id of present.ids())
    if (!seen.has(id) && !present.knows(id, absentName)) absent.push(id);
  return absent;
}

async function inParts(
  send: ItemLoad['send'],
  run: (add: (item: ItemInput) => Promise<void>) => Promise<void>,
): Promise<void> {
  let part: ItemInput[] = [];
  await run(async (item) => {
    part.push(item);
    if (part.length < sentMax) return;
    await send(part);
    part = [];
  });
  if (part.length > 0) await send(part);
}

/** A bit for each row. */
function marked(bits: Uint8Array<ArrayBuffer>, row: number): Uint8Array<ArrayBuffer> {
  let room = bits;
  if (row >> 3 >= bits.length) {
    room = new Uint8Array(2 * bits.length);
    room.set(bits);
    return marked(room, row);
  }
  room[row >> 3]! |= 1 << (row & 7);
  return room;
}

function isMarked(bits: Uint8Array, row: number): boolean {
  return row >> 3 < bits.length && (bits[row >> 3]! & (1 << (row & 7))) !== 0;
}

function tooManyAbsent(absent: readonly string[], of: number, absentMax: number): StarlingError {
  const percent = (share: number) => `${Math.round(1000 * share) / 10} %`;
  const text = `the file lacks ${absent.length} of ${of} items (${percent(absent.length / of)}), and at most ${percent(absentMax)} may go, such as ${absent.slice(0, 3).join(', ')}; nothing was sent.`;
  return new StarlingError('ITEMS_ABSENT', text, { absent: absent.length, of, absentMax });
}
