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

test('a change replaces, or patches, or takes away', () => {
  const message = featureChangeMessage(change);
  expect(parseFeatureChange(message)).toEqual({ ...change, mode: 'replace' });
  const patch = { ...change, mode: 'patch' as const, erased: [false, true] };
  expect(parseFeatureChange(featureChangeMessage(patch))).toEqual(patch);
  for (const other of [
    { mode: 'append' },
    { erased: Uint8Array.of(0, 1, 1) },
    { entity: 'shop' },
    { features: [{}] },
    { features: [{}, 'x'] },
    { atMs: new Float64Array(3) },
  ])
    expect(() => parseFeatureChange({ ...message, ...other })).toThrow(/features|entity/);
});

test('a reply is in the order asked for, and says which changes are in it', () => {
  expect(parseFeaturesRequest(featuresRequest(request))).toEqual(request);
  const named = { ...request, attributes: ['title'] };
  expect(parseFeaturesRequest(featuresRequest(named))).toEqual(named);
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
