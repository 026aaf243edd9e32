import { spawnSync } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';

/** A shop whose customers' tastes are known: what they opened of their own accord, in time order, and how they click on what is shown. */
export interface Shop {
  readonly views: readonly { user: string; item: string; atMs: number }[];
  readonly users: readonly string[];
  readonly items: ReadonlyMap<string, Readonly<Record<string, string>>>;
  /** The probability of a click on what is shown. */
  readonly clickOf: (user: string, item: string) => number;
}

interface Product {
  readonly category: string;
  readonly brand: string;
  /** Third of the prices of its category. */
  readonly band: number;
}

const bands = ['low', 'middle', 'high'];
/** As log odds: of anything, of a favourite category, and for each band of price away from the own one. */
const taste = { base: -2.2, favourite: 1.5, band: 0.9 };

/** In STARLING_SHOP, or made by the generator beside the repository; undefined where neither is there. */
export function loadShop(eventsMax: number): Shop | undefined {
  const told = process.env['STARLING_SHOP'];
  if (told !== undefined) return shopIn(told, eventsMax);
  const repository = resolve(dirname(fileURLToPath(import.meta.url)), '../..');
  const generator = join(repository, '../shared/cases/own-data/make-shop.mjs');
  if (!existsSync(generator)) return undefined;
  const folder = mkdtempSync(join(tmpdir(), 'starling-shop-'));
  try {
    const { status } = spawnSync(process.execPath, [generator, folder], { stdio: 'ignore' });
    return status === 0 ? shopIn(folder, eventsMax) : undefined;
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

function shopIn(folder: string, eventsMax: number): Shop {
  const products = productsIn(join(folder, 'products.csv'));
  const truth = JSON.parse(readFileSync(join(folder, 'truth.json'), 'utf8')) as {
    customers: Record<string, { favourites: string[]; band: string }>;
  };
  const [, ...lines] = readFileSync(join(folder, 'events.csv'), 'utf8').trimEnd().split('\n');
  const views = [...new Set(lines)]
    .map((line) => line.split(','))
    .filter(([, , user, , item, type]) => type === 'view' && user !== '' && products.has(item!))
    .map(([, time, user, , item]) => ({ user: user!, item: item!, atMs: Date.parse(time!) }))
    .sort((a, b) => a.atMs - b.atMs)
    .slice(0, eventsMax);
  return {
    views,
    users: Object.keys(truth.customers),
    items: new Map(
      [...products].map(([id, { category, brand, band }]) => [
        id,
        { category, brand, band: bands[band]! },
      ]),
    ),
    clickOf(user, item) {
      const { favourites, band } = truth.customers[user]!;
      const product = products.get(item)!;
      const liked = favourites.includes(product.category) ? taste.favourite : 0;
      const away = Math.abs(bands.indexOf(band) - product.band);
      return 1 / (1 + Math.exp(-(taste.base + liked - taste.band * away)));
    },
  };
}

function productsIn(file: string): ReadonlyMap<string, Product> {
  const rows = csvRows(readFileSync(file, 'utf8')).slice(1);
  const prices = new Map<string, number[]>();
  for (const [, , category = '', , price = ''] of rows) {
    if (price === '') continue;
    prices.set(category, [...(prices.get(category) ?? []), Number(price)]);
  }
  for (const list of prices.values()) list.sort((a, b) => a - b);
  return new Map(
    rows.map(([id = '', , category = '', brand = '', price = '']) => {
      const list = prices.get(category) ?? [];
      const below = list.filter((each) => each < Number(price)).length;
      const band = price === '' ? 1 : Math.min(2, Math.floor((3 * below) / list.length));
      return [id, { category, brand, band }];
    }),
  );
}

/** Fields may stand in quotes, with commas and line breaks in them. */
function csvRows(text: string): string[][] {
  const field = /("(?:[^"]|"")*"|[^",\n]*)(,|\r?\n|$)/gy;
  const rows: string[][] = [];
  let row: string[] = [];
  for (let match = field.exec(text); match && match[0] !== ''; match = field.exec(text)) {
    const [, value = '', end] = match;
    row.push(value.startsWith('"') ? value.slice(1, -1).replaceAll('""', '"') : value);
    if (end === ',') continue;
    rows.push(row);
    row = [];
  }
  return rows;
}
