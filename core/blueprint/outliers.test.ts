import { describe, expect, test } from '@jest/globals';
import type { ClusterConfigInput } from '../config/schema.js';
import { concatExamples } from '../features/example-batch.js';
import { sigmoid } from '../model/calibration.js';
import { auc } from '../model/metrics.js';
import { drawsOf, paperLearner } from './paper-learner.testkit.js';

/**
 * Events with a number that explains most of the label; two of them carry a placeholder that nobody clicks, as a shop writes for
 * "price on request". They must cost the others nothing, wherever they are and however large.
 */
const eventCount = 6_000;
const batchRows = 32;
const base = {
  features: {
    user: { entity: 'user', kind: 'id' },
    item: { entity: 'item', kind: 'id' },
  },
  organic: { negatives: 0 },
  model: { network: 'deepfm', factorDim: 4, hidden: [8] },
} as const;

interface Wild {
  readonly at: number;
  readonly price: number;
}

interface Quality {
  readonly auc: number;
  readonly logloss: number;
}

const price = { entity: 'context', kind: 'dense' } as const;
const buckets = {
  ...({ entity: 'context', kind: 'buckets' } as const),
  boundaries: [-0.6, -0.2, 0.2, 0.6],
};

async function qualityOf(
  wild: Wild | undefined,
  config: Partial<ClusterConfigInput>,
  isValue = false,
): Promise<Quality> {
  const { blueprint, transform, learn, score } = await paperLearner({ ...base, ...config } as ClusterConfigInput); // prettier-ignore
  const { heads, denseCount } = blueprint.model;
  const { next } = drawsOf(7);
  const [logits, clicks]: number[][] = [[], []];
  for (let start = 0; start < eventCount; start += batchRows) {
    const rows = Array.from({ length: batchRows }, (_, i) => {
      const plain = 2 * next() - 1;
      const click = next() < sigmoid(2.2 * plain) ? 1 : 0;
      const [user, item] = [`u${Math.floor(300 * next())}`, `i${Math.floor(100 * next())}`];
      const isWild = wild !== undefined && (start + i === wild.at || start + i === wild.at + 1);
      return { plain, click, user, item, isWild };
    });
    const examples = concatExamples(
      rows.map(({ plain, user, item, isWild }) =>
        transform.assemble(
          [transform.encodeEntity('user', user, {})],
          [transform.encodeEntity('item', item, {})],
          [transform.encodeEntity('context', '', { price: isWild && !isValue ? wild!.price : plain })], // prettier-ignore
        ),
      ),
      blueprint.slotCount,
      denseCount,
    );
    const scores = score(examples);
    rows.forEach(({ isWild, click }, row) => {
      if (isWild) return;
      logits!.push(scores[row * heads]!);
      clicks!.push(click);
    });
    const labels = rows.flatMap(({ click, plain, isWild }) => {
      if (!isValue) return [isWild ? 0 : click];
      return [click, isWild ? wild!.price : click === 1 ? 20 + 15 * plain : 0];
    });
    learn(examples, Float32Array.from(labels));
  }
  const logloss =
    logits!.reduce((sum, z, i) => sum + Math.log1p(Math.exp(clicks![i] === 1 ? -z : z)), 0) /
    logits!.length;
  return { auc: auc(Float32Array.from(logits!), Float32Array.from(clicks!)), logloss };
}

function expectAlike(quality: Quality, plain: Quality): void {
  expect(Math.abs(quality.auc - plain.auc)).toBeLessThan(0.005);
  expect(Math.abs(quality.logloss - plain.logloss)).toBeLessThan(0.003);
}

const wilds: Wild[] = [
  { at: 0, price: 999_999_999 },
  { at: 1500, price: 999_999_999 },
  { at: 1500, price: 9_999 },
  { at: 1500, price: -1e300 },
  { at: 4800, price: 1_000_000 },
];

describe.each<[string, Partial<ClusterConfigInput>, boolean]>([
  ['a number', { features: { ...base.features, price } }, false],
  ['a bucketed number', { features: { ...base.features, price: buckets } }, false],
  [
    'a value that is predicted',
    {
      features: { ...base.features, price },
      outcomes: { click: {}, spent: { from: ['click'], predict: 'value' } },
    },
    true,
  ],
])('two wild ones among six thousand of %s', (_name, config, isValue) => {
  let plain: Quality | undefined;
  test.each(wilds)('cost the others nothing: %j', async (wild) => {
    plain ??= await qualityOf(undefined, config, isValue);
    expect(plain.auc).toBeGreaterThan(0.75);
    expectAlike(await qualityOf(wild, config, isValue), plain);
  });
});
