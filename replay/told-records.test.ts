import { expect, test } from '@jest/globals';
import { featureSpecOf } from '../core/features/feature-spec.js';
import { AttributeReader } from '../messages/attribute-reader.js';
import { toldRecords } from './told-records.js';

const spec = featureSpecOf({
  age: { entity: 'user', kind: 'buckets', boundaries: [18], source: 'age' },
});
const reader = new AttributeReader(spec, { user: {}, item: {} });

test('records of a file lose what says nothing and what can not be read, and that is told', () => {
  const notes: string[] = [];
  const records = [
    { id: 'u1', features: { age: '25', town: 'Kiel' } },
    { id: 'u2', features: { age: 'NaN', town: 'Ulm' } },
    { id: 'u3', features: { age: 'unknown', town: 'Bonn' } },
  ];
  expect(toldRecords(records, 'user', reader, (text) => notes.push(text))).toEqual([
    records[0],
    { id: 'u2', features: { town: 'Ulm' } },
    { id: 'u3', features: { town: 'Bonn' } },
  ]);
  expect(notes).toEqual([
    'users: nothing is declared of town; kept, and not learned from',
    'users: 1 values can\'t be read and are left out: user u3: age: expected a finite number; got "unknown"',
  ]);
});
