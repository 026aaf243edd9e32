import { blueprintOf } from '../core/blueprint/blueprint.js';
import { parseClusterConfig } from '../core/config/schema.js';
import type { ExampleBatch } from '../core/features/example-batch.js';
import { concatExamples } from '../core/features/example-batch.js';
import type { Origin } from '../core/features/origin.js';
import { encodeContext, originName } from '../core/features/origin.js';
import { createTransform } from '../core/features/transform.js';
import { loadBackend, type Backend } from '../core/model/backend.js';
import { sigmoid } from '../core/model/calibration.js';
import { calibrationByDecile } from '../core/model/deciles.js';
import {
  calibratedLogit,
  calibrationStep,
  calibrationSums,
  initialCalibration,
} from '../core/model/score-calibration.js';
import { NegativeDraws } from '../core/retrieval/negative-draws.js';
import type { BenchResult } from './bench-result.js';
import { CoreLearner } from './core-learner.js';
import { loadShop, type Shop } from './shop.js';

/**
 * Whether a score is a rate, where most of what is learned was done by people of their own accord and the rest was shown: mean score /
 * rate in each tenth of the scores, before the label was seen, in the second half of the stream. In one process and without a clock.
 *
 * Baseline: nothing says what was shown, and drawn items count for one each; in the same run.
 */
const variants: readonly Variant[] = [
  { name: 'baseline', learns: ['shown', 'organic'], hasOrigin: false, hasWeights: false },
  { name: 'origin', learns: ['shown', 'organic'], hasOrigin: true, hasWeights: false },
  { name: 'origin and weights', learns: ['shown', 'organic'], hasOrigin: true, hasWeights: true },
  {
    ...{ name: 'calibrated', learns: ['shown', 'organic'] },
    ...{ hasOrigin: true, hasWeights: true, isCalibrated: true },
  },
  // What the network does by itself where nothing is mixed.
  { name: 'shown alone', learns: ['shown'], hasOrigin: true, hasWeights: true },
  { name: 'organic alone', learns: ['organic'], hasOrigin: true, hasWeights: true },
];

interface Variant {
  readonly name: string;
  readonly learns: readonly Origin[];
  readonly hasOrigin: boolean;
  readonly hasWeights: boolean;
  readonly isCalibrated?: boolean;
}

const seed = 1;
/** Drawn for each event, shown with each slate, and events for each slate: five rows of their own accord to one that was shown. */
const mix = { negatives: 4, slate: 4, eventsPerSlate: 4 };
const recentEvents = 10_000;
const batchRows = 64;

const config = parseClusterConfig({
  features: {
    user: { entity: 'user', kind: 'id' },
    item: { entity: 'item', kind: 'id' },
    category: { entity: 'item', kind: 'id' },
    brand: { entity: 'item', kind: 'id' },
    band: { entity: 'item', kind: 'vocabulary', values: ['low', 'middle', 'high'] },
  },
  model: { network: 'deepfm', factorDim: 16, hidden: [64] },
  organic: { negatives: mix.negatives },
});

export async function run({ quick }: { quick: boolean }): Promise<BenchResult> {
  const figures: Record<string, number | string> = { baseline: 'neither origin nor weights' };
  const shop = loadShop(quick ? 4_000 : Infinity);
  if (!shop) {
    figures['shop'] = 'skipped: not found; set STARLING_SHOP to the folder that holds it';
    console.log(figures['shop']);
    return { name: 'calibration', figures };
  }
  const backend = await loadBackend('auto');
  for (const variant of variants) {
    const judged = replay(backend, shop, variant);
    for (const [name, scored] of Object.entries(judged)) {
      if (scored.scores.length === 0) continue;
      const ratios = calibrationByDecile(scored).map(({ ratio }) => ratio);
      const within = ratios.filter((ratio) => ratio >= 0.9 && ratio <= 1.1).length;
      const { length } = scored.scores;
      const all = calibrationByDecile(scored).reduce(
        (sum, { weight, meanScore, rate }) => ({
          score: sum.score + weight * meanScore,
          rate: sum.rate + weight * rate,
        }),
        { score: 0, rate: 0 },
      );
      figures[`${variant.name}.${name}.within`] = within;
      figures[`${variant.name}.${name}.all`] = Number((all.score / all.rate).toFixed(3));
      figures[`${variant.name}.${name}.deciles`] = ratios.map((each) => each.toFixed(2)).join(' ');
      console.log(
        `${variant.name}, ${name} (${length} rows): ${(all.score / all.rate).toFixed(3)} in all; ` +
          `by tenth ${ratios.map((each) => each.toFixed(2)).join(' ')}; ${within} within 0.9 … 1.1`,
      );
    }
  }
  return { name: 'calibration', figures };
}

class Judged {
  readonly scores: number[] = [];
  readonly labels: number[] = [];
  readonly weights: number[] = [];

  add(logits: Float32Array, { labels, weights }: Candidates): void {
    logits.forEach((logit, row) => {
      this.scores.push(sigmoid(logit));
      this.labels.push(labels[row]!);
      this.weights.push(weights[row]!);
    });
  }
}

/** One user's items. */
interface Candidates {
  readonly user: string;
  readonly items: readonly string[];
  readonly labels: readonly number[];
  readonly weights: readonly number[];
  readonly origin: Origin;
}

function replay(
  backend: Backend,
  shop: Shop,
  { learns, hasOrigin, hasWeights, isCalibrated = false }: Variant,
) {
  const features = Object.fromEntries(
    Object.entries(config.features).filter(([name]) => hasOrigin || name !== originName),
  );
  const { spec, model, poolings, tables } = blueprintOf({ ...config, features });
  const transform = createTransform(spec);
  const optimizers = tables.map(({ optimizer }) => optimizer);
  const learner = new CoreLearner(backend, {
    ...{ model, poolings, denseEveryEvents: 1, seed, optimizers },
  });
  const examplesOf = ({ user, items, origin }: Candidates): ExampleBatch => {
    const encodedUser = transform.encodeEntity('user', user, {});
    const context = encodeContext(transform, {}, origin);
    return transform.assemble(
      items.map(() => encodedUser),
      items.map((item) => transform.encodeEntity('item', item, shop.items.get(item)!)),
      items.map(() => context),
    );
  };
  const judged = { shown: new Judged(), organic: new Judged() };
  // What is served is calibrated as shown; here the other is judged, too.
  const calibrations = { shown: initialCalibration(1), organic: initialCalibration(1) };
  const waiting: { examples: ExampleBatch; of: Candidates }[] = [];
  let rows = 0;
  const learn = (): void => {
    const examples = waiting.map((each) => each.examples);
    const labels = Float32Array.from(waiting.flatMap(({ of }) => of.labels));
    const weights = Float32Array.from(
      waiting.flatMap(({ of }) => (hasWeights ? of.weights : of.weights.map(() => 1))),
    );
    const logits = learner.learn(
      concatExamples(examples, spec.slots.length, spec.denseWidth),
      labels,
      weights,
    );
    const origins = waiting.flatMap(({ of }) => of.items.map(() => of.origin));
    for (const origin of isCalibrated ? learns : []) {
      const counts = (row: number): boolean => origins[row] === origin;
      const values = calibrations[origin];
      calibrationStep(values, calibrationSums({ logits, labels, weights, counts }, values, [true]));
    }
    waiting.length = 0;
    rows = 0;
  };
  let n = 0;
  for (const candidates of streamOf(shop)) {
    n++;
    if (!learns.includes(candidates.origin)) continue;
    const examples = examplesOf(candidates);
    if (n > shop.views.length / 2)
      judged[candidates.origin].add(
        learner.score(examples).map((z) => calibratedLogit(z, calibrations[candidates.origin], 0)),
        candidates,
      );
    waiting.push({ examples, of: candidates });
    rows += examples.rowCount;
    if (rows >= batchRows) learn();
  }
  const { organic } = judged;
  return {
    shown: judged.shown,
    'organic, as it counts': organic,
    'organic, as drawn': { scores: organic.scores, labels: organic.labels },
  };
}

/** The same for each variant: what people opened, with what is drawn beside it, and between these what was shown. */
function* streamOf({ views, users, items, clickOf }: Shop): Generator<Candidates> {
  const random = new Chance();
  const draws = new NegativeDraws(recentEvents, random);
  const catalog = [...items.keys()];
  const pick = <T>(list: readonly T[]): T => list[Math.floor(random.next() * list.length)]!;
  for (const [i, { user, item }] of views.entries()) {
    draws.note(item);
    const drawn = draws.draw(mix.negatives, item);
    yield {
      ...{ user, origin: 'organic', items: [item, ...drawn.map((each) => each.item)] },
      labels: [1, ...drawn.map(() => 0)],
      weights: [1, ...drawn.map(({ weight }) => weight)],
    };
    if (i % mix.eventsPerSlate !== 0) continue;
    const visitor = pick(users);
    const slate = Array.from({ length: mix.slate }, (_place, place) =>
      place % 2 === 0 ? pick(catalog) : views[Math.floor(random.next() * (i + 1))]!.item,
    );
    yield {
      ...{ user: visitor, origin: 'shown', items: slate },
      labels: slate.map((each) => (random.next() < clickOf(visitor, each) ? 1 : 0)),
      weights: slate.map(() => 1),
    };
  }
}

/** Mulberry32: the same numbers in each run. */
class Chance {
  #state = seed;

  next(): number {
    this.#state = (this.#state + 0x6d2b79f5) | 0;
    let t = Math.imul(this.#state ^ (this.#state >>> 15), 1 | this.#state);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32;
  }
}
