import { expect, test } from '@jest/globals';
import { partitionIn, placedRequestId } from './request-ids.js';

test('an id of ours says its partition, and one of somebody else none', () => {
  for (let i = 0; i < 200; i++) {
    const id = placedRequestId(`id.${i}`, i % 7, 7);
    expect(partitionIn(id, 7)).toBe(i % 7);
    // As after another number was configured.
    if (i % 7 > 2) expect(partitionIn(id, 3)).toBeUndefined();
    expect(partitionIn(id.slice(0, -1), 7)).toBeUndefined();
    expect(partitionIn(id.replace('id.', 'di.'), 7)).toBeUndefined();
  }
  for (const foreign of ['', 'r1', 'order.j3', 'a.j1-zzz', '.j1-1'])
    expect(partitionIn(foreign, 7)).toBeUndefined();
  expect(placedRequestId('r1', 0, 1)).toBe('r1');
});
