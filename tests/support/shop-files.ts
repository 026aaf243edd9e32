import { writeFileSync } from 'node:fs';
import path from 'node:path';
import { mix32 } from '../../core/base/hash.js';
import type { SmallShop } from './small-shop.js';

/**
 * The files of a small shop as shops have them: ids with zeros in front, titles with commas, quotes and line breaks, rows that come twice or
 * too late, visitors who log in later or never, products that are gone. And what of it there is, counted as it was written.
 */
export interface ShopFiles {
  readonly files: readonly string[];
  readonly truth: ShopTruth;
}

export interface ShopTruth {
  readonly rows: number;
  readonly events: number;
  readonly repeated: number;
  readonly behind: number;
  readonly unknownItems: number;
  readonly withoutUser: number;
  readonly namedLater: number;
  readonly aliases: number;
  readonly byType: Readonly<Record<string, number>>;
}

interface EventRow {
  readonly id: string;
  readonly atMs: number;
  readonly user: string;
  readonly session: string;
  readonly sku: string;
  readonly type: string;
  readonly value: string;
}

const sinceMs = Date.UTC(2026, 0, 5);
const spanMs = 28 * 86_400_000;
/** What somebody does one after the other, in one session. */
const sessionMax = 12;
const shares = { stranger: 0.08, hidden: 0.25, named: 0.7, retired: 0.001, dismissed: 0.015 };
const everyRepeated = 40;
const everyLate = 33;

export function writeShopFiles(shop: SmallShop, seed: number, folder: string): ShopFiles {
  const chance = chanceOf(seed);
  const { events, aliases } = sessionsOf(shop, chance);
  const rows = arrivalsOf(events);
  const write = (name: string, head: string, lines: readonly (readonly unknown[])[]): string => {
    const file = path.join(folder, name);
    const texts = lines.map((line) => line.map((cell) => field(String(cell))).join());
    writeFileSync(file, [head, ...texts, ''].join('\n'));
    return file;
  };
  const iso = (ms: number): string => new Date(ms).toISOString();
  const files = [
    write(
      'customers.csv',
      'customer_id,country,tier,birth_year',
      shop.customers.map(({ id }, i) => {
        return [id, ['DE', 'AT', 'CH'][i % 3], ['gold', '', 'basic'][i % 3], 1950 + (i % 50)];
      }),
    ),
    write(
      'products.csv',
      'sku,title,category,brand,price,stock,description',
      shop.products.map(({ sku, category, brand, price }, i) => [
        ...[sku, `"${brand}" no. ${i}, blue`, category, i % 17 === 0 ? '' : brand],
        ...[i % 50 === 0 ? '' : price.toFixed(2), i % 90, `light,\n"${i}"\n日本茶`],
      ]),
    ),
    write(
      'events.csv',
      'event_id,timestamp,customer_id,session_id,sku,event,value',
      rows.map(({ id, atMs, user, session, sku, type, value }) => {
        return [id, iso(atMs), user, session, sku, type, value];
      }),
    ),
    write(
      'aliases.csv',
      'session_id,customer_id,logged_in_at',
      aliases.map(({ session, user, atMs }) => [session, user, iso(atMs)]),
    ),
  ];
  return {
    files,
    truth: truthOf(shop, events, rows, new Set(aliases.map(({ session }) => session))),
  };
}

function sessionsOf(shop: SmallShop, chance: () => number) {
  const told = shop.events as readonly {
    readonly user: string;
    readonly item: string;
    readonly type: string;
    readonly value?: number;
  }[];
  const events: EventRow[] = [];
  const aliases: { session: string; user: string; atMs: number }[] = [];
  let who = '';
  let session = '';
  let left = 0;
  /** Events of the session that come before he logs in. */
  let hiddenFor = 0;
  let isNamed = false;
  told.forEach(({ user, item, type, value }, i) => {
    const atMs = sinceMs + Math.floor((i / told.length) * spanMs);
    if (user !== who || left === 0) {
      who = user;
      left = sessionMax;
      session = `s${mix32(i + 1)
        .toString(16)
        .padStart(8, '0')}`;
      const drawn = chance();
      const isHidden = drawn < shares.stranger + shares.hidden;
      isNamed = drawn >= shares.stranger && chance() < shares.named;
      hiddenFor = isHidden ? (isNamed ? 1 + Math.floor(2 * chance()) : Infinity) : 0;
    }
    left--;
    const isKnown = hiddenFor <= 0;
    // Links in old mails lead to what the shop no longer has.
    const isRetired = type === 'view' && chance() < shares.retired;
    const common = { atMs, user: isKnown ? user : '', session };
    const sku = isRetired ? '9900007' : item;
    const id = (): string => `e${String(events.length + 1).padStart(8, '0')}`;
    events.push({
      ...common,
      id: id(),
      sku,
      type,
      value: value === undefined ? '' : value.toFixed(2),
    });
    if (chance() < shares.dismissed) {
      const other = shop.products[Math.floor(chance() * shop.products.length)]!.sku;
      events.push({ ...common, id: id(), sku: other, type: 'dismiss', value: '' });
    }
    if (!isKnown && --hiddenFor === 0 && isNamed) aliases.push({ session, user, atMs: atMs + 500 });
  });
  return { events, aliases };
}

/** The order of the file. */
function arrivalsOf(events: readonly EventRow[]): EventRow[] {
  const places = events.flatMap<readonly [place: number, event: EventRow]>((event, i) => {
    const place = i % everyLate === 5 ? i + 7.5 : i;
    const first = [place, event] as const;
    return i % everyRepeated === 9 ? [first, [place + 3.25, event]] : [first];
  });
  return places.sort(([a], [b]) => a - b).map(([, event]) => event);
}

function truthOf(
  shop: SmallShop,
  events: readonly EventRow[],
  rows: readonly EventRow[],
  named: ReadonlySet<string>,
): ShopTruth {
  const catalog = new Set(shop.products.map(({ sku }) => sku));
  const byType: Record<string, number> = {};
  for (const { type } of events) byType[type] = (byType[type] ?? 0) + 1;
  let newestMs = -Infinity;
  let behind = 0;
  for (const { atMs } of rows) {
    if (atMs < newestMs) behind++;
    newestMs = Math.max(newestMs, atMs);
  }
  const anonymous = events.filter(({ user }) => user === '');
  return {
    ...{ rows: rows.length, events: events.length, repeated: rows.length - events.length, behind },
    unknownItems: events.filter(({ sku }) => !catalog.has(sku)).length,
    withoutUser: anonymous.length,
    namedLater: anonymous.filter(({ session }) => named.has(session)).length,
    ...{ aliases: named.size, byType },
  };
}

const field = (text: string): string =>
  /[",\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;

function chanceOf(seed: number): () => number {
  let count = Math.imul(seed, 0x85ebca6b);
  return () => mix32(++count) / 2 ** 32;
}
