import { expect, test } from '@jest/globals';
import { concatExamples } from '../features/example-batch.js';
import { drawsOf, paperLearner } from './paper-learner.testkit.js';

/**
 * A synthetic shop: 12 kinds of things, whose pictures are alike within a kind, and 24 people who like two kinds each. Half
 * of the things are never shown to anybody before they are ranked.
 */
const kinds = 12;
const people = 24;
const length = 16;
const known = 10 * kinds;
const { next, normal } = drawsOf(5);
const centres = Array.from({ length: kinds }, () => Array.from({ length }, normal));
const pictures = Array.from({ length: 2 * known }, (_, item) =>
  Float32Array.from(centres[item % kinds]!, (x) => 3 * (x + 0.5 * normal())),
);
const likes = (user: number, item: number) => {
  const kind = item % kinds;
  return kind === user % kinds || kind === (5 * user + 3) % kinds;
};

const ids = { user: { entity: 'user', kind: 'id' }, item: { entity: 'item', kind: 'id' } } as const;
const picture = { entity: 'item', kind: 'vector', length } as const;

/** Of the first ten of what nobody has seen yet, those that are of the kinds that somebody likes, in the mean. */
async function rightOfTen(network: 'fm' | 'deepfm', withPictures: boolean): Promise<number> {
  const { blueprint, transform, learn, score } = await paperLearner({
    features: withPictures ? { ...ids, picture } : ids,
    organic: { negatives: 0 },
    model: { network, factorDim: 8, hidden: [16] },
  });
  const noContext = transform.encodeEntity('context', '', {});
  const rowOf = (user: number, item: number) => {
    const known = transform.encodeEntity('item', `i${item}`, { picture: pictures[item] });
    return transform.assemble(
      [transform.encodeEntity('user', `u${user}`, {})],
      [known],
      [noContext],
    );
  };
  const rowsOf = (pairs: readonly (readonly [number, number])[]) =>
    concatExamples(
      pairs.map(([user, item]) => rowOf(user, item)),
      blueprint.slotCount,
      blueprint.model.denseCount,
    );
  const draw = (count: number) => Math.floor(count * next());
  for (let n = 0; n < 200; n++) {
    const pairs = Array.from({ length: 32 }, () => [draw(people), draw(known)] as const);
    learn(
      rowsOf(pairs),
      Float32Array.from(pairs, ([user, item]) => Number(likes(user, item))),
    );
  }
  const fresh = pictures.map((_, item) => item).filter((item) => item >= known);
  let right = 0;
  for (let user = 0; user < people; user++) {
    const scores = score(rowsOf(fresh.map((item) => [user, item] as const)));
    const order = fresh.map((item, i) => [item, scores[i]!] as const).sort((a, b) => b[1] - a[1]);
    right += order.slice(0, 10).filter(([item]) => likes(user, item)).length / people;
  }
  return right;
}

test.each(['fm', 'deepfm'] as const)(
  'a new item is ranked by its vector before anybody has seen it, by %s',
  async (network) => {
    expect(await rightOfTen(network, true)).toBeGreaterThan(8);
  },
);

test('without one it is ranked by chance: two of twelve kinds', async () => {
  expect(await rightOfTen('fm', false)).toBeLessThan(4);
});
