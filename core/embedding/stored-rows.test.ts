import { expect, test } from '@jest/globals';
import { createOptimizer } from './optimizers/create-optimizer.js';
import { StoredRows } from './stored-rows.js';

function stored(): StoredRows {
  const optimizer = createOptimizer({ kind: 'sgd', learningRate: 0.1 });
  const initializer = { kind: 'uniform', minimum: -1, maximum: 1, zeroPrefix: 1 } as const;
  const rows = new StoredRows({
    slot: 2,
    dim: 3,
    seed: 11,
    initializer,
    optimizer,
    initialRows: 0,
  });
  rows.findOrInsert(Uint32Array.of(1, 5, 2, 5, 3, 5), 0, 3, 1, 'row');
  return rows;
}

test('verify notices a row whose key the index has lost', () => {
  const rows = stored();
  rows.verify();
  rows.index.remove(2, 5);
  expect(() => rows.verify()).toThrow('as many keys as rows');
});

test('verify notices a key that leads to the row of another', () => {
  const rows = stored();
  const lost = rows.index.remove(2, 5);
  rows.index.insert(9, 9, lost);
  expect(() => rows.verify()).toThrow('found by its key');
});
