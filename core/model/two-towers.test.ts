import { beforeAll, describe, expect, test } from '@jest/globals';
import { loadBackend, type Backend } from './backend.js';
import { denseLayout } from './dense-parameters.js';
import { numbersOf } from './random-rows.js';
import type { ModelSpec } from './network.js';
import { createScorer } from './scorer.js';
import { twoTowersOf } from './two-towers.js';

const spec: ModelSpec = {
  ...{ network: 'two-tower', slotCount: 4, factorDim: 3, denseCount: 6, hidden: [5], heads: 1 },
  vectors: [{ at: 2, width: 3 }],
  sides: {
    slots: ['user', 'item', 'item', 'context'],
    columns: ['user', 'item', 'item', 'item', 'item', 'pair'],
  },
};
const width = spec.slotCount * (1 + spec.factorDim);

let backend: Backend;
beforeAll(async () => (backend = await loadBackend('kernels')));

describe('two towers', () => {
  const items = 6;
  const parameters = { version: 1, values: numbersOf(denseLayout(spec).size, 3) };
  const pooled = numbersOf(items * width, 4);
  const dense = numbersOf(items * spec.denseCount, 5);
  // All are asked for by the first one's user, who has nothing to do with any of them before.
  for (let row = 0; row < items; row++) {
    for (const slot of [0, 3])
      for (let f = 0; f < 4; f++) pooled[row * width + 4 * slot + f] = pooled[4 * slot + f]!;
    dense[row * 6] = dense[0]!;
    dense[row * 6 + 5] = 0.5;
  }
  const batch = { rowCount: items, pooled, dense };

  test('score what their vectors say, but for what is the user’s alone', () => {
    const logits = createScorer(backend, spec).score(batch, parameters);
    const towers = twoTowersOf(backend, spec);
    const [ofItems, ofUsers] = [towers.items(batch, parameters), towers.users(batch, parameters)];
    const k = spec.factorDim + 1;
    const said = Array.from({ length: items }, (_unused, row) =>
      ofItems
        .subarray(row * k, row * k + k)
        .reduce((sum, value, f) => sum + value * ofUsers[f]!, 0),
    );
    const spread = said.map((score) => Math.abs(score - said[0]!));
    expect(Math.max(...spread)).toBeGreaterThan(0.1);
    said.forEach((score, i) => expect(logits[i]! - logits[0]!).toBeCloseTo(score - said[0]!, 5));
  });

  test('an item has the same vector whoever asks for it', () => {
    const towers = twoTowersOf(backend, spec);
    const other = pooled.slice();
    for (let row = 0; row < items; row++)
      for (const slot of [0, 3]) other.fill(0, row * width + 4 * slot, row * width + 4 * slot + 4);
    const wanted = towers.items(batch, parameters);
    expect(towers.items({ ...batch, pooled: other }, parameters)).toEqual(wanted);
    const users = towers.users(batch, parameters);
    for (let row = 0; row < items; row++) expect(users[row * 4 + 3]).toBe(1);
    towers.dispose();
  });

  test('there are none of another network', () => {
    expect(() => twoTowersOf(backend, { ...spec, network: 'deepfm' })).toThrow('deepfm has no');
  });
});
