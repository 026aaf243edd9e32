/** What types of events most likely mean, by how they are called. */
export interface ProposedEvents {
  /** As in the configuration; the most frequent first. */
  readonly events: ReadonlyMap<string, ProposedEvent>;
  readonly outcomes: ReadonlyMap<string, ProposedOutcome>;
  /** What an outcome is worth beside others. */
  readonly score: ReadonlyMap<string, number>;
  /** Names that a type of event can't have. */
  readonly unnamed: readonly string[];
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
const nameOfType = /^[A-Za-z][\w-]{0,63}$/;
/** Each is a head of the network. */
const outcomesMax = 4;

/** @param counts of rows by type. @param values how many of them have a value. */
export function proposeEvents(
  counts: ReadonlyMap<string, number>,
  values: ReadonlyMap<string, number>,
): ProposedEvents {
  const types = [...counts].toSorted((a, b) => b[1] - a[1]);
  const named = types.filter(([type]) => nameOfType.test(type) && type !== 'shown');
  const bought = named.find(
    ([type]) => stageOf(type) === 2 && !undoing.test(type) && !negative.test(type),
  )?.[0];
  const events = new Map(
    named.map(([type, count]) => [type, eventOf(type, count, values.get(type) ?? 0, bought)]),
  );
  const hoped = [...events]
    .filter(([, event]) => !event.negative && !event.undoes)
    .map(([type]) => type);
  return {
    events,
    ...outcomesOf(hoped),
    unnamed: types.filter(([type]) => !events.has(type)).map(([type]) => type),
  };
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
