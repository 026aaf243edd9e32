import { expect, test } from '@jest/globals';
import type { ActorStatus } from '../messages/actor-status.js';
import { attributeLines } from './attribute-lines.js';
import { judgedAttributes } from './doctor-attributes.js';

const processor = (stats: ActorStatus<'processor'>['stats']): ActorStatus => ({
  ...{ address: 'train.processor.0', kind: 'processor', dataCenter: 'train', host: 'here' },
  ...{ pid: 1, state: 'ready', epoch: 1, restarts: 0, partitions: [], sinceMs: 0, stats },
});

test('a status names what nothing is declared of, and an example of what could not be read', () => {
  expect(attributeLines({ actors: [processor({ unreadable: 0, unknownAttributes: '' })] })).toEqual(
    [],
  );
  const unreadableExample = 'item "7": price: expected a number; got "cheap"';
  const actors = [
    processor({ unreadable: 2, unreadableExample, unknownAttributes: 'item.url, item.sku' }),
    processor({ unreadable: 1, unreadableExample: '', unknownAttributes: 'item.url' }),
  ];
  expect(attributeLines({ actors })).toEqual([
    'attributes: kept, though nothing is declared of item.url, item.sku',
    `attributes: 3 values could not be read and are left out; ${unreadableExample}`,
  ]);
});

test('the doctor warns of them', () => {
  expect(judgedAttributes({ actors: [processor({})] })).toMatchObject({ level: 'ok' });
  const found = judgedAttributes({ actors: [processor({ unknownAttributes: 'item.url' })] });
  expect(found).toMatchObject({
    level: 'warn',
    detail: 'kept, though nothing is declared of item.url',
    remedy: expect.stringContaining('Declare them in attributes'),
  });
});

test('both name items that a patch made of nearly nothing', () => {
  const store = (thinItems: number, thinItemsExample: string): ActorStatus => ({
    ...{ address: 'east.feature-store.0', kind: 'feature-store', dataCenter: 'east', host: 'here' },
    ...{ pid: 1, state: 'ready', epoch: 1, restarts: 0, partitions: [], sinceMs: 0 },
    stats: { thinItems, thinItemsExample },
  });
  const actors = [store(1, 'item "7": price'), store(2, 'item "8": price'), store(0, '')];
  const told =
    '2 items have next to nothing but what a patch said, which is offered all the same; item "8": price';
  expect(attributeLines({ actors })).toEqual([`attributes: ${told}`]);
  expect(judgedAttributes({ actors })).toMatchObject({ level: 'warn', detail: told });
});
