import { mix32 } from '../base/hash.js';

/**
 * How likely an item is to be in a batch, learned from the stream itself: of how many steps there are from one time that it comes to the next
 * (Yi et al., 2019, algorithm 2). Items share places by a hash, in several tables, and the rarest of these is believed, as others only make it look
 * more frequent.
 */
export class SamplingFrequency {
  readonly #last: Float64Array;
  readonly #gap: Float64Array;
  /** Gaps that were seen. */
  readonly #count: Float64Array;
  readonly #places: number;
  readonly #tables: number;
  readonly #rate: number;

  /**
   * @param places of each table, a power of two. Too few: rare items share them with frequent ones.
   * @param rate of how much a gap counts beside those before. Too low: what became frequent is thought rare for long. Too high: it is the last gap alone.
   */
  constructor({ places = 1 << 16, tables = 3, rate = 0.05 } = {}) {
    if ((places & (places - 1)) !== 0) throw new RangeError(`${places} is no power of two`);
    this.#places = places;
    this.#tables = tables;
    this.#rate = rate;
    this.#last = new Float64Array(places * tables).fill(-1);
    this.#gap = new Float64Array(places * tables);
    this.#count = new Float64Array(places * tables);
  }

  /** @param items u32, of one batch, each time that it is there. @param step its number, from 0 on, ascending. */
  observe(items: Uint32Array, step: number): void {
    for (let table = 0; table < this.#tables; table++)
      for (let i = 0; i < items.length; i++) {
        const place = this.#placeOf(items[i]!, table);
        const last = this.#last[place]!;
        if (last === step) continue;
        this.#last[place] = step;
        if (last < 0) {
          this.#gap[place] = step + 1;
          continue;
        }
        // The first ones count alike, the very first time being no gap.
        const rate = Math.max(this.#rate, 1 / ++this.#count[place]!);
        this.#gap[place]! += rate * (step - last - this.#gap[place]!);
      }
  }

  /** f32: ln of how likely each is to be in a batch; of one that never was, as if it came with the next. */
  logQ(items: Uint32Array, step: number): Float32Array {
    return Float32Array.from(items, (item) => {
      let gap = 1;
      for (let table = 0; table < this.#tables; table++) {
        const place = this.#placeOf(item, table);
        const known = this.#last[place]! < 0 ? step + 1 : this.#gap[place]!;
        gap = Math.max(gap, known);
      }
      return -Math.log(gap);
    });
  }

  #placeOf(item: number, table: number): number {
    return table * this.#places + (mix32(item ^ mix32(table + 1)) & (this.#places - 1));
  }
}
