import { expect, test } from '@jest/globals';
import {
  featureChangeMessage,
  featuresReply,
  featuresRequest,
  parseFeatureChange,
  parseFeaturesReply,
  parseFeaturesRequest,
  noneKept,
} from './features.js';

const change = { entity: 'item' as const, ids: ['7', '8'], features: [{ year: 1999 }, {}] };
const request = { users: ['u'], items: ['7', '8'] };

test('a change replaces; one that patches or erases is refused until stores can do that', () => {
  const message = featureChangeMessage(change);
  expect(parseFeatureChange(message)).toEqual(change);
  for (const other of [
    { mode: 'patch' },
    { erased: Uint8Array.of(0, 1) },
    { entity: 'shop' },
    { features: [{}] },
    { features: [{}, 'x'] },
    { atMs: new Float64Array(3) },
  ])
    expect(() => parseFeatureChange({ ...message, ...other })).toThrow(/features|entity/);
});

test('a reply is in the order asked for, and says which changes are in it', () => {
  expect(parseFeaturesRequest(featuresRequest(request))).toEqual(request);
  const reply = {
    ...{ sequence: 12, users: [null], items: [{ year: 1999 }, null] },
    ...{ kept: noneKept, lately: [['7']] },
  };
  expect(parseFeaturesReply(featuresReply(reply), request)).toEqual(reply);
  for (const wrong of [{ users: [] }, { items: [null] }, { sequence: -1 }])
    expect(() => parseFeaturesReply({ ...featuresReply(reply), ...wrong }, request)).toThrow(
      /features reply/,
    );
});
