import type { Role } from '../field-names.js';
import { type AttributeRole, attributeRoleOf } from './attribute-roles.js';
import { type ProposedEvents, proposeEvents } from './event-types.js';
import type { FileFacts } from './file-facts.js';

/** A configuration that fits files, and why it is as it is. */
export interface Proposal {
  readonly files: readonly FileFacts[];
  readonly events: ProposedEvents;
  readonly features: readonly ProposedFeature[];
  readonly attributes: Readonly<Record<'item' | 'user', readonly ProposedAttribute[]>>;
  /** Of ratings: from what on something is liked. */
  readonly threshold?: number;
  /** Times of some file name no zone. */
  readonly isZoneless: boolean;
  readonly currencies: readonly string[];
}

export interface ProposedFeature {
  readonly name: string;
  /** As it stands in the configuration. */
  readonly declaration: Readonly<Record<string, unknown>>;
  readonly why?: string;
}

export interface ProposedAttribute {
  readonly name: string;
  readonly type: string;
  readonly why: string;
}

interface Judged {
  readonly entity: 'item' | 'user' | 'context';
  readonly column: string;
  readonly role: AttributeRole;
}

const entityOf = { items: 'item', users: 'user', events: 'context' } as const;
/** What histories are of, besides items themselves: what tells most of a taste. */
const tasteful =
  /categ|brand|genre|artist|author|maker|topic|type|colou?r|marke|kategorie|style|label|publisher|shop|seller/i;
const priced = /price|preis|cost|prix|precio|amount/i;
const tastesMax = 3;

export function propose(files: readonly FileFacts[]): Proposal {
  const judged = files.flatMap(judgedOf);
  const seen = new Set<string>();
  // Of several files of items the first that has a column is believed.
  const unique = judged.filter(({ entity, column }) => {
    const isNew = !seen.has(`${entity} ${column}`);
    seen.add(`${entity} ${column}`);
    return isNew;
  });
  const events = eventsOf(files);
  const threshold = thresholdOf(files);
  const told = unique.filter(({ role }) => role.kind !== 'attribute');
  const names = namesOf(told);
  return {
    ...{ files, events },
    features: [
      ...idFeatures,
      ...told.map((each) => featureOf(each, names)),
      ...keptOf(told, names, events),
    ],
    attributes: { item: attributesOf(unique, 'item'), user: attributesOf(unique, 'user') },
    ...(threshold === undefined ? {} : { threshold }),
    isZoneless: files.some(isZoneless),
    currencies: currenciesOf(files),
  };
}

const idFeatures: readonly ProposedFeature[] = [
  {
    name: 'user',
    declaration: { entity: 'user', kind: 'id' },
    why: 'Everybody and everything has a row of its own, for what is learned of just them. Ids are text: zeros in front stay.',
  },
  { name: 'item', declaration: { entity: 'item', kind: 'id' } },
];

function judgedOf({ mapping, columns }: FileFacts): Judged[] {
  const { role, fields } = mapping;
  if (role === 'aliases') return [];
  const taken = new Set(fields.values());
  const free = [...columns.values()].filter(({ column }) => !taken.has(column));
  const entity = entityOf[role];
  const all = free.map((facts) => ({
    ...{ entity, column: facts.column.replace(/^(attributes|features|context)\./, '') },
    role: attributeRoleOf(facts),
  }));
  // No attribute may be called so; see messages/attribute-reader.ts.
  const told = all.filter(({ column }) => column !== '__proto__');
  // Of the moment only what has few values is worth a guess: the rest may be of the item, or a time.
  return entity === 'context' ? told.filter(({ role: { kind } }) => kind === 'vocabulary') : told;
}

const featureName = /^[A-Za-z][A-Za-z0-9_-]{0,63}$/;

/** A feature is called as its column, unless that is no name or another's. */
function namesOf(judged: readonly Judged[]): ReadonlyMap<Judged, string> {
  const taken = new Set(['user', 'item', 'origin']);
  return new Map(
    judged.map((each) => {
      const plain = each.column.normalize('NFD').replace(/[^A-Za-z0-9_-]+/g, '');
      const base = featureName.test(plain) ? plain : `${each.entity}Column`;
      let name = base;
      for (let n = 2; taken.has(name); n++)
        name = n === 2 ? `${each.entity}_${base}`.slice(0, 60) : `${base}${n}`;
      taken.add(name);
      return [each, name] as const;
    }),
  );
}

function featureOf(judged: Judged, names: ReadonlyMap<Judged, string>): ProposedFeature {
  const { entity, column, role } = judged;
  const name = names.get(judged)!;
  const { why, ...coding } = role;
  const more = role.kind === 'ids' ? { pooling: 'mean', valuesMax: 8 } : {};
  const source = name === column ? {} : { source: column };
  return { name, declaration: { entity, ...source, ...coding, ...more }, why };
}

/** What somebody did lately, and how often: without it a model knows people by their own row alone. */
function keptOf(
  told: readonly Judged[],
  names: ReadonlyMap<Judged, string>,
  { events }: ProposedEvents,
): ProposedFeature[] {
  const items = told.filter(({ entity }) => entity === 'item');
  const tastes = items
    .filter(({ column, role }) => role.kind !== 'buckets' && tasteful.test(column))
    .slice(0, tastesMax);
  const prices = items
    .filter(({ column, role }) => role.kind === 'buckets' && priced.test(column))
    .slice(0, 1);
  const others = items.filter(({ role }) => role.kind === 'id' || role.kind === 'ids').slice(0, 1);
  const chosen = [...(tastes.length > 0 ? tastes : others), ...prices].map((each) =>
    names.get(each)!,
  );
  const hoped = [...events]
    .filter(([, event]) => !event.negative && !event.undoes)
    .map(([type]) => type);
  const about = hoped.length > 0 ? { events: hoped } : {};
  const history = (of: string, i: number): ProposedFeature => ({
    name: `recent${capital(of)}`,
    declaration: { entity: 'user', kind: 'history', of, ...about, length: 30 },
    ...(i === 0
      ? {
          why: 'What somebody did last, kept by the cluster itself: a taste is known after a few events, also of those who are new.',
        }
      : {}),
  });
  const counted = chosen.slice(0, tastes.length > 0 ? Math.min(2, tastes.length) : 0);
  const count = (by: string, i: number): ProposedFeature => ({
    name: `often${capital(by)}`,
    declaration: { entity: 'user', kind: 'count', ...about, by },
    ...(i === 0 ? { why: 'How often somebody had to do with such items.' } : {}),
  });
  return [
    ...['item', ...chosen].map(history),
    ...counted.map(count),
    {
      name: 'popularity',
      declaration: { entity: 'item', kind: 'count', ...about },
      why: 'How often anybody had to do with the item.',
    },
  ].filter(({ name }) => ![...names.values()].includes(name));
}

const capital = (name: string): string => name.charAt(0).toUpperCase() + name.slice(1);

function attributesOf(judged: readonly Judged[], entity: 'item' | 'user'): ProposedAttribute[] {
  return judged.flatMap(({ entity: of, column: name, role }) =>
    of === entity && role.kind === 'attribute' ? [{ name, type: role.type, why: role.why }] : [],
  );
}

const ofRole = (files: readonly FileFacts[], role: Role): FileFacts[] =>
  files.filter(({ mapping }) => mapping.role === role);

function eventsOf(files: readonly FileFacts[]): ProposedEvents {
  const counts = new Map<string, number>();
  const values = new Map<string, number>();
  const add = (to: Map<string, number>, from: ReadonlyMap<string, number>): void => {
    for (const [key, n] of from) to.set(key, (to.get(key) ?? 0) + n);
  };
  for (const { mapping, columns, valuesByType } of ofRole(files, 'events')) {
    const type = columns.get(mapping.fields.get('type') ?? '');
    if (type) add(counts, type.values);
    add(values, valuesByType);
  }
  return proposeEvents(counts, values);
}

/** Four of five, whatever the scale. */
const likedShare = 0.75;

function thresholdOf(files: readonly FileFacts[]): number | undefined {
  const ratings = ofRole(files, 'events').flatMap(
    ({ mapping, columns }) => columns.get(mapping.fields.get('rating') ?? '')?.someNumbers ?? [],
  );
  if (ratings.length === 0) return undefined;
  const low = Math.min(...ratings.slice(0, 1));
  const high = ratings.reduce((max, each) => Math.max(max, each), low);
  return Math.round(2 * (low + likedShare * (high - low))) / 2;
}

function isZoneless({ file, mapping }: FileFacts): boolean {
  const at = file.columns.indexOf(mapping.fields.get('timestamp') ?? '');
  return file.sample.some((row) => {
    const cell = row[at];
    return typeof cell === 'string' && /^\d{4}-\d\d-\d\d([T ][\d:.,]+)?$/.test(cell.trim());
  });
}

function currenciesOf(files: readonly FileFacts[]): string[] {
  const counts = ofRole(files, 'events').flatMap(({ mapping, columns }) => [
    ...(columns.get(mapping.fields.get('currency') ?? '')?.values ?? []),
  ]);
  const known = counts.filter(([currency]) => /^[A-Z]{3}$/.test(currency));
  return known.toSorted((a, b) => b[1] - a[1]).map(([currency]) => currency);
}
