import type { FeatureDeclaration, KeptDeclaration } from '../../features/feature-spec.js';
import { isAggregate, isKept } from '../../features/feature-spec.js';
import type { ConfigChange, Verdict } from './change.js';
import { forgets, kept } from './change.js';
import type { Leaf } from './leaves.js';
import { leavesOf } from './leaves.js';

/**
 * What becomes of a feature whose declaration changes. Rows are found by the key of a value, and the weights of a number belong to its
 * scale: where keys and scale mean what they did, what was learned stays.
 */
export type FeatureRule = (change: {
  readonly name: string;
  readonly before: FeatureDeclaration;
  readonly after: FeatureDeclaration;
}) => Verdict;

const anew = (name: string, why: string): Verdict =>
  forgets(name, `${why}: it begins anew, and all others go on`);

const redefined: FeatureRule = ({ name }) => anew(name, 'what was kept of it is another number');
const rescaled: FeatureRule = ({ name }) => anew(name, 'its weights are of another scale');
const sameRows: FeatureRule = () => kept('its rows stay');

/** An id and a list of ids have the same keys. */
const idKinds: readonly string[] = ['id', 'ids'];

export const featureRules: Readonly<Record<string, FeatureRule>> = {
  'features.*.kind': ({ name, before, after }) =>
    idKinds.includes(before.kind) && idKinds.includes(after.kind)
      ? kept('its rows stay: an id and a list of them have the same keys')
      : anew(name, `what it learned as ${before.kind} says nothing as ${after.kind}`),
  'features.*.entity': ({ name }) => anew(name, 'it is of others'),
  'features.*.source': () =>
    kept('it is read from there, and what it learned stays; call it otherwise if it is another'),
  'features.*.pooling': sameRows,
  'features.*.valuesMax': sameRows,
  'features.*.values': ({ name, before, after }) =>
    isContinued(before, after)
      ? kept('values that were listed keep their rows')
      : anew(name, 'rows go by the place in the list, and the list does not go on as it began'),
  'features.*.other': sameRows,
  'features.*.boundaries': ({ name }) => anew(name, 'its buckets are others'),
  'features.*.normalisation.method': rescaled,
  'features.*.normalisation.scale': rescaled,
  'features.*.normalisation.mean': rescaled,
  'features.*.normalisation.deviation': rescaled,
  'features.*.normalisation.min': rescaled,
  'features.*.normalisation.max': rescaled,
  'features.*.of': ({ name, after }) =>
    after.kind === 'history'
      ? anew(name, 'it is a history of something else')
      : anew(name, 'what was kept of it is another number'),
  'features.*.events': (change) =>
    change.after.kind === 'history'
      ? kept('events that are listed stay; of a type that was in no history, the last hundred')
      : redefined(change),
  'features.*.length': ({ name, after }) =>
    after.kind === 'vector'
      ? anew(name, 'its numbers are others')
      : kept('more are listed as they come'),
  'features.*.scale': rescaled,
  'features.*.with': kept2('what is known of each event is told'),
  'features.*.by': redefined,
  'features.*.window': redefined,
  'features.*.halfLife': redefined,
  'features.*.beside': redefined,
  'features.*.last': redefined,
  'features.*.smoothing': kept2('what was kept stays, and is smoothed otherwise'),
};

function kept2(why: string): FeatureRule {
  return () => kept(why);
}

function isContinued(before: FeatureDeclaration, after: FeatureDeclaration): boolean {
  if (before.kind !== 'vocabulary' || after.kind !== 'vocabulary') return false;
  return before.values.every((value, i) => after.values[i] === value);
}

type Features = Readonly<Record<string, FeatureDeclaration>>;

/** Of those that both have. */
export function featureChanges(before: Features, after: Features): ConfigChange[] {
  const direct = Object.keys(before).flatMap((name) =>
    Object.hasOwn(after, name) ? changesOf(name, before[name]!, after[name]!) : [],
  );
  return [...direct, ...consequences(before, after, direct)];
}

function changesOf(
  name: string,
  before: FeatureDeclaration,
  after: FeatureDeclaration,
): ConfigChange[] {
  const own = `features.${name}`;
  const leaves = (feature: FeatureDeclaration): Map<string, Leaf> =>
    new Map(leavesOf(feature, own, 'features.*').map((leaf) => [leaf.path, leaf]));
  const old = leaves(before);
  const now = leaves(after);
  const differing = [...new Set([...old.keys(), ...now.keys()])].filter((path) => {
    return !isSame(old.get(path)?.value, now.get(path)?.value);
  });
  // What else is declared of another kind is another thing.
  const told = differing.includes(`${own}.kind`) ? [`${own}.kind`] : differing;
  return told.map((path) => {
    const { pattern } = (old.get(path) ?? now.get(path))!;
    const verdict = featureRules[pattern]!({ name, before, after });
    return { path, before: old.get(path)?.value, after: now.get(path)?.value, ...verdict };
  });
}

/** What is made of a feature that begins anew, or is gone, begins anew with it. */
function consequences(
  before: Features,
  after: Features,
  direct: readonly ConfigChange[],
): ConfigChange[] {
  const gone = new Map<string, string>();
  for (const name of Object.keys(before)) if (!Object.hasOwn(after, name)) gone.set(name, name);
  for (const { forgets: name } of direct) if (name !== undefined) gone.set(name, name);
  const found: ConfigChange[] = [];
  for (let known = -1; known !== gone.size;) {
    known = gone.size;
    for (const [name, feature] of Object.entries(after)) {
      if (gone.has(name) || !Object.hasOwn(before, name) || !isKept(feature)) continue;
      const cause = madeOf(feature).find((each) => gone.has(each));
      if (cause === undefined) continue;
      gone.set(name, cause);
      const verdict = anew(name, `it is made of ${cause}, which is another now`);
      found.push({ path: `features.${name}`, before: feature, after: feature, ...verdict });
    }
  }
  return found;
}

function madeOf(feature: KeptDeclaration): string[] {
  const names = isAggregate(feature.kind)
    ? [feature.of, (feature as { by?: string }).by, (feature as { beside?: string }).beside]
    : [feature.of];
  return names.filter((name) => name !== undefined);
}

export function isSame(a: unknown, b: unknown): boolean {
  return JSON.stringify(a) === JSON.stringify(b);
}
