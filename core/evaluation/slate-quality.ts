import { idealGain } from './ordering.js';

/** One answer, and what the user chose of all items afterwards. Items are numbers from 0 on. */
export interface JudgedSlate {
  /** As they were answered, best first, of the whole catalog: recall of a slate that was chosen among sampled items says something else (Krichene and Rendle, 2020). */
  readonly items: ArrayLike<number>;
  /** What was chosen, each once. */
  readonly chosen: ReadonlySet<number>;
}

export interface SlateQuality {
  /** Slates with something chosen. */
  readonly slates: number;
  /** Share of what was chosen that is among the first k; the mean over slates. */
  readonly recall: number;
  /** DCG of the first k over that of the best order of all that was chosen (Järvelin and Kekäläinen, 2002), gain 1; the mean over slates. */
  readonly ndcg: number;
  /** Share of the catalog that is among the first k of some slate; of all slates. */
  readonly coverage: number;
  /** Mean of −log₂ p(item) over the first k of all slates, p its share of what is chosen (Vargas and Castells, 2011), bits: higher is less known. */
  readonly novelty: number;
}

export interface SlateOptions {
  readonly slates: readonly JudgedSlate[];
  /** Places that count; slates are at least as long, or all there is. */
  readonly k: number;
  /** Items there are. */
  readonly catalogSize: number;
  /** How often each item was chosen by anybody, by its number; what nobody chose counts as once, so that it is finite. */
  readonly popularity: ArrayLike<number>;
}

export interface SlateFigures {
  readonly recall: number;
  readonly ndcg: number;
}

/** NaN where nothing was chosen. */
export function judgeSlate({ items, chosen }: JudgedSlate, k: number): SlateFigures {
  let [hits, gain] = [0, 0];
  for (let i = 0; i < Math.min(k, items.length); i++) {
    if (!chosen.has(items[i]!)) continue;
    hits++;
    gain += 1 / Math.log2(2 + i);
  }
  return { recall: hits / chosen.size, ndcg: gain / idealGain(chosen.size, k) };
}

export function slateQuality({ slates, k, catalogSize, popularity }: SlateOptions): SlateQuality {
  let total = 0;
  for (let item = 0; item < popularity.length; item++) total += Math.max(1, popularity[item]!);
  const seen = new Set<number>();
  let [judged, recall, ndcg, bits, places] = [0, 0, 0, 0, 0];
  for (const slate of slates) {
    for (let i = 0; i < Math.min(k, slate.items.length); i++, places++) {
      const item = slate.items[i]!;
      seen.add(item);
      bits -= Math.log2(Math.max(1, popularity[item] ?? 0) / total);
    }
    if (slate.chosen.size === 0) continue;
    const figures = judgeSlate(slate, k);
    judged++;
    recall += figures.recall;
    ndcg += figures.ndcg;
  }
  return {
    ...{ slates: judged, recall: recall / judged, ndcg: ndcg / judged },
    ...{ coverage: seen.size / catalogSize, novelty: bits / places },
  };
}
