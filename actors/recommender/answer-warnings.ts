import type { RecommendRequest } from '../../messages/public.js';

/**
 * What somebody should know of an answer that is none, or less than it will be: an empty or young cluster answers with what
 * it has, since an error would be one on a page of the shop.
 */
export interface AnswerFacts {
  readonly request: Pick<RecommendRequest, 'candidates'>;
  /** Of the catalog, whether they may be offered or not. */
  readonly itemCount: number;
  /** Left over, before what somebody did lately is left out; and as many as were asked about by the filter. */
  readonly candidateCount: number;
  readonly filtered: number;
  readonly answered: number;
  /** Undefined where nobody could score. */
  readonly modelVersion: number | undefined;
  /** Where items are told. */
  readonly itemsSubject: string;
}

export function warningsOf(facts: AnswerFacts): string[] {
  if (facts.answered === 0) return [whyNothing(facts)];
  if (facts.modelVersion === undefined)
    return ['no network could be asked: popular and new items, not ordered for this user'];
  return facts.modelVersion > 0
    ? []
    : ['nothing has been learned yet: popular and new items come first'];
}

function whyNothing({
  request: { candidates },
  itemCount,
  candidateCount,
  filtered,
  itemsSubject,
}: AnswerFacts): string {
  if (itemCount === 0) return `there are no items yet: tell them over ${itemsSubject}`;
  if (candidateCount > 0) return 'all candidates are left out by what the user did lately';
  if (filtered > 0) return `no item fits the filter: it was asked about ${filtered}`;
  return candidates
    ? 'no candidate is an item that may be offered'
    : 'no item may be offered: each is hidden, not available now, or excluded';
}
