/**
 * How well an order is, of rows that are in it already: made once by falling score, and judged as often as somebody weighs them anew, as a
 * bootstrap does. One pass each, over runs of equal scores.
 */
export interface OrderedRows {
  /** Rows by falling score. */
  readonly order: Uint32Array;
  readonly scores: ArrayLike<number>;
  readonly labels: ArrayLike<number>;
  /** How much each counts, by row. */
  readonly weightOf: (row: number) => number;
}

export interface OrderQuality {
  /**
   * Area under the ROC curve: the chance that what happened is above what did not, ties counting half (Hanley and McNeil, 1982). Weighed: a
   * pair counts as the product of its weights. NaN where one kind is missing.
   */
  readonly auc: number;
  /**
   * Area under the precision-recall curve as average precision, Σ (R_k − R_{k−1})·P_k over the scores at which something may be cut off; no line is
   * drawn between two, as precision is not linear there (Davis and Goadrich, 2006). By chance it is the rate. NaN where nothing happened.
   */
  readonly averagePrecision: number;
}

/** @param start the first place in the order, `end` the one after the last. */
export function orderQuality(
  { order, scores, labels, weightOf }: OrderedRows,
  start = 0,
  end = order.length,
): OrderQuality {
  let [above, below, pairs, precisions] = [0, 0, 0, 0];
  for (let i = start; i < end;) {
    const score = scores[order[i]!]!;
    let [happened, not] = [0, 0];
    for (; i < end && scores[order[i]!]! === score; i++) {
      const row = order[i]!;
      const weight = weightOf(row);
      if (labels[row] === 1) happened += weight;
      else not += weight;
    }
    pairs += not * (above + happened / 2);
    above += happened;
    below += not;
    if (happened > 0) precisions += happened * (above / (above + below));
  }
  return { auc: pairs / (above * below), averagePrecision: precisions / above };
}

/**
 * Normalised discounted cumulative gain of one list, gain 1 for what happened, discount 1 / log₂(1 + rank) (Järvelin and Kekäläinen, 2002). Rows of
 * equal score have the mean of what their places give (McSherry and Najork, 2008), so it does not depend on how they are stored.
 *
 * @param depth places that count; Infinity: all. NaN where nothing happened in the list.
 */
export function listNdcg(
  { order, scores, labels }: Pick<OrderedRows, 'order' | 'scores' | 'labels'>,
  start = 0,
  end = order.length,
  depth = Infinity,
): number {
  let [gain, happened, rank] = [0, 0, 0];
  for (let i = start; i < end;) {
    const score = scores[order[i]!]!;
    let [hits, ties, discounts] = [0, 0, 0];
    for (; i < end && scores[order[i]!]! === score; i++, ties++) {
      if (labels[order[i]!] === 1) hits++;
      if (++rank <= depth) discounts += 1 / Math.log2(1 + rank);
    }
    gain += (hits * discounts) / ties;
    happened += hits;
  }
  return gain / idealGain(happened, depth);
}

/** Of so many hits at the top; 0 / 0 = NaN is what a list without any has. */
export function idealGain(hits: number, depth: number): number {
  let gain = 0;
  for (let rank = 1; rank <= Math.min(hits, depth); rank++) gain += 1 / Math.log2(1 + rank);
  return gain;
}
