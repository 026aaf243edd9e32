/** What types of events most likely mean, by how they are called. */
export interface ProposedEvents {
  /** As in the configuration; the most frequent first. */
  readonly events: ReadonlyMap<string, ProposedEvent>;
  readonly outcomes: ReadonlyMap<string, ProposedOutcome>;
  /** What an outcome is worth beside others. */
  readonly score: ReadonlyMap<string, number>;
  /** What files write otherwise: the type by what is written. */
  readonly named: ReadonlyMap<string, string>;
}

export interface ProposedEvent {
  readonly count: number;
  readonly negative?: true;
  readonly value?: 'money';
  readonly undoes?: string;
}

export interface ProposedOutcome {
  readonly from: readonly string[];
  readonly window: string;
  readonly given?: string;
}

const negative =
  /dislike|dismiss|hide|skip|remove|report|block|unlike|thumbs?_?down|not_?interested|abwahl/i;
const undoing = /refund|return|cancel|storno|retoure/i;
/** On the way from looking to buying. */
const stages = [
  {
    names: /view|click|open|visit|detail|impression|play|watch|read|listen|ansicht|klick/i,
    window: '30m',
    worth: 1,
  },
  {
    names: /cart|basket|wish|fav|save|like|share|bookmark|add|warenkorb|merk/i,
    window: '1d',
    worth: 5,
  },
  {
    names: /purchase|order|buy|bought|checkout|transaction|sale|subscri|kauf|bestell/i,
    window: '7d',
    worth: 20,
  },
] as const;
/** What many files call the same: so outcomes and scores are called what everybody calls them. */
const usual = [
  [
    'view',
    /^(page|product|item|detail|content)s?view(ed)?$|^view(ed)?(page|product|item|content|detail)s?$|^view(ed)?$/,
  ],
  ['cart', /^add(ed)?(product|item)?to(cart|basket|bag)$|^(cart|basket)add(ed)?$|^indenwarenkorb$/],
  [
    'purchase',
    /^(purchased|buy|bought|ordered|order(completed?|placed)|checkoutcompleted?|transaction|kauf)$/,
  ],
] as const;
const nameOfType = /^[A-Za-z][\w-]{0,63}$/;
const reserved = 'shown';
/** Each is a head of the network. */
const outcomesMax = 4;

/** @param counts of rows by type. @param values how many of them have a value. */
export function proposeEvents(
  counts: ReadonlyMap<string, number>,
  values: ReadonlyMap<string, number>,
): ProposedEvents {
  const written = [...counts].toSorted((a, b) => b[1] - a[1]);
  const renamed = namesOf(written.map(([type]) => type));
  const types = sumsByName(written, renamed);
  const named = [...types].toSorted((a, b) => b[1] - a[1]);
  const valued = sumsByName([...values], renamed);
  const bought = named.find(
    ([type]) => stageOf(type) === 2 && !undoing.test(type) && !negative.test(type),
  )?.[0];
  const events = new Map(
    named.map(([type, count]) => [type, eventOf(type, count, valued.get(type) ?? 0, bought)]),
  );
  const hoped = [...events]
    .filter(([, event]) => !event.negative && !event.undoes)
    .map(([type]) => type);
  return {
    events,
    ...outcomesOf(hoped),
    named: renamed,
  };
}

/** Of those that are written otherwise: what they are called. What is a usual word already stays. */
function namesOf(written: readonly string[]): ReadonlyMap<string, string> {
  const renamed = new Map<string, string>();
  const taken = new Set(written.filter((type) => nameOfType.test(type) && type !== reserved));
  for (const type of written) {
    const plain = type.toLowerCase().replace(/[^\p{L}\p{N}]/gu, '');
    const known = usual.find(([, pattern]) => pattern.test(plain))?.[0];
    if (known !== undefined && known !== type && !taken.has(known)) {
      renamed.set(type, known);
      taken.add(known);
    } else if (!nameOfType.test(type) || type === reserved) {
      const name = nameLike(type, taken);
      renamed.set(type, name);
      taken.add(name);
    }
  }
  return renamed;
}

/** A name of a type that reads like it. */
function nameLike(type: string, taken: ReadonlySet<string>): string {
  const word = type
    .normalize('NFD')
    .replace(/\p{M}/gu, '')
    .replace(/[^A-Za-z0-9_-]+/g, '_')
    .replace(/^[_-]+|[_-]+$/g, '')
    .slice(0, 50);
  const base =
    /^[A-Za-z]/.test(word) && word !== reserved ? word : `type_${word}`.replace(/_$/, '');
  let name = base;
  for (let n = 2; taken.has(name); n++) name = `${base}_${n}`;
  return name;
}

function sumsByName(
  counts: readonly (readonly [string, number])[],
  renamed: ReadonlyMap<string, string>,
): Map<string, number> {
  const sums = new Map<string, number>();
  for (const [written, count] of counts) {
    const name = renamed.get(written) ?? written;
    sums.set(name, (sums.get(name) ?? 0) + count);
  }
  return sums;
}

function eventOf(
  type: string,
  count: number,
  values: number,
  bought: string | undefined,
): ProposedEvent {
  if (undoing.test(type) && bought !== undefined) return { count, undoes: bought };
  if (negative.test(type)) return { count, negative: true };
  const isMoney = stageOf(type) === 2 && values > 0.5 * count;
  return isMoney ? { count, value: 'money' } : { count };
}

/** The last of the way that its name speaks of: `add_to_cart_click` is no click. */
function stageOf(type: string): number {
  return stages.findLastIndex(({ names }) => names.test(type));
}

function outcomesOf(hoped: readonly string[]): Pick<ProposedEvents, 'outcomes' | 'score'> {
  const ordered = hoped
    .map((type) => ({ type, stage: Math.max(0, stageOf(type)) }))
    .toSorted((a, b) => a.stage - b.stage)
    .slice(0, outcomesMax);
  if (ordered.length < 2) return { outcomes: new Map(), score: new Map() };
  const [first] = ordered;
  const outcomes = ordered.map(({ type, stage }): [string, ProposedOutcome] => {
    // Who buys has looked, whether or not it was told.
    const later = ordered.filter((other) => other.stage > stage).map((other) => other.type);
    const given = stage > first!.stage ? { given: first!.type } : {};
    return [type, { from: [type, ...later], window: stages[stage]!.window, ...given }];
  });
  return {
    outcomes: new Map(outcomes),
    score: new Map(ordered.map(({ type, stage }) => [type, stages[stage]!.worth])),
  };
}
