import type { EventInput } from '../../client/ingest.js';
import { mix32 } from '../../core/base/hash.js';

/**
 * A shop whose customers' tastes are known: each has two favourite categories, and one brand in each that he likes most. What
 * he opens, puts into the cart and buys follows from that and from how good a product is. The same in each run.
 */
export interface SmallShop {
  readonly products: readonly Product[];
  readonly customers: readonly Customer[];
  /** In order, without what tells them apart but their ids. */
  readonly events: readonly EventInput[];
}

export interface Product {
  readonly sku: string;
  readonly category: string;
  readonly brand: string;
  readonly price: number;
  readonly quality: number;
}

export interface Customer {
  readonly id: string;
  readonly favourites: readonly string[];
  readonly loved: readonly string[];
}

const categories = ['Tea', 'Coffee', 'Lamps', 'Shoes', 'Books, comics', '日本茶'];
const brandsEach = 3;
const pageSize = 8;
/** Of the pages that somebody opens. */
const favouritePages = 0.7;
/** On the scale of log-odds. */
const taste = { usual: -2.6, favourite: 1.5, brand: 1.1, quality: 0.6 };

export function smallShop({
  seed = 1,
  customers = 150,
  products = 240,
  events = 9_000,
}): SmallShop {
  const chance = new Chance(seed);
  const all = Array.from({ length: products }, (_unused, i) => productOf(i, chance));
  const people = Array.from({ length: customers }, (_unused, i) => customerOf(i, chance));
  const told: EventInput[] = [];
  while (told.length < events) visit(chance.of(people), all, chance, told);
  return { products: all, customers: people, events: told.slice(0, events) };
}

/** How likely somebody opens a product that is put before him. */
export function clickOf({ favourites, loved }: Customer, product: Product): number {
  const odds =
    taste.usual +
    (favourites.includes(product.category) ? taste.favourite : 0) +
    (loved.includes(product.brand) ? taste.brand : 0) +
    taste.quality * product.quality;
  return 1 / (1 + Math.exp(-odds));
}

/** How likely somebody opens it at all, beside other products: it must come before him first. */
export function viewOf(customer: Customer, product: Product): number {
  const ofAny = (1 - favouritePages) / categories.length;
  const isLiked = customer.favourites.includes(product.category);
  return (ofAny + (isLiked ? favouritePages / 2 : 0)) * clickOf(customer, product);
}

/** Products to be put into order for somebody, half of them of his favourites. */
export function tenFor(customer: Customer, { products }: SmallShop, seed: number): Product[] {
  const chance = new Chance(seed);
  const ten = new Set<Product>();
  while (ten.size < 10) {
    const product = chance.of(products);
    const isLiked = customer.favourites.includes(product.category);
    if (isLiked === ten.size < 5) ten.add(product);
  }
  return [...ten];
}

function productOf(i: number, chance: Chance): Product {
  const category = chance.of(categories);
  return {
    sku: `${i * 7 + 13}`.padStart(7, '0'),
    category,
    brand: `${category} ${chance.below(brandsEach)}`,
    price: 5 + chance.below(95),
    quality: 2 * (chance.next() + chance.next() - 1),
  };
}

function customerOf(i: number, chance: Chance): Customer {
  const first = chance.below(categories.length);
  const second = (first + 1 + chance.below(categories.length - 1)) % categories.length;
  const favourites = [categories[first]!, categories[second]!];
  const loved = favourites.map((category) => `${category} ${chance.below(brandsEach)}`);
  return { id: `${100_001 + i}`, favourites, loved };
}

function visit(
  customer: Customer,
  products: readonly Product[],
  chance: Chance,
  told: EventInput[],
): void {
  const isFavourite = chance.next() < favouritePages;
  const category = isFavourite ? chance.of(customer.favourites) : chance.of(categories);
  const shelf = products.filter((product) => product.category === category);
  const page = new Set(Array.from({ length: pageSize }, () => chance.of(shelf)));
  const tell = (type: string, { sku: item }: Product, value?: number): void => {
    const who = { user: customer.id, item, id: `e${told.length}` };
    told.push({ type, ...who, ...(value === undefined ? {} : { value }) });
  };
  for (const product of page) {
    const liked = clickOf(customer, product);
    if (chance.next() > liked) continue;
    tell('view', product);
    if (chance.next() > 0.6 * liked) continue;
    tell('cart', product);
    if (chance.next() < 0.6) tell('purchase', product, product.price);
  }
}

class Chance {
  #count: number;

  constructor(seed: number) {
    this.#count = Math.imul(seed, 0x9e3779b1);
  }

  /** In [0, 1). */
  next(): number {
    return mix32(++this.#count) / 2 ** 32;
  }

  below(count: number): number {
    return Math.floor(this.next() * count);
  }

  of<T>(list: readonly T[]): T {
    return list[this.below(list.length)]!;
  }
}
