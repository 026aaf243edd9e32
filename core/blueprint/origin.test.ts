import { describe, expect, test } from '@jest/globals';
import { parseClusterConfig } from '../config/schema.js';
import { featureSpecOf } from '../features/feature-spec.js';
import { encodeContext, hasOrigin, originDeclaration, toldContext } from '../features/origin.js';
import { createTransform } from '../features/transform.js';

const features = {
  user: { entity: 'user', kind: 'id' },
  item: { entity: 'item', kind: 'id' },
  hour: { entity: 'context', kind: 'id' },
};
const specWith = (more: Readonly<Record<string, unknown>>) =>
  featureSpecOf(parseClusterConfig({ features, ...more }).features);
const none = { organic: { negatives: 0 } };

describe('the origin of an example', () => {
  test('is a feature where events of their own accord are learned, and nowhere else', () => {
    expect(hasOrigin(specWith({}))).toBe(true);
    expect(hasOrigin(specWith(none))).toBe(false);
    expect(specWith(none).slots.map(({ name }) => name)).toEqual(['user', 'item', 'hour']);
  });

  test('tells the two apart', () => {
    const transform = createTransform(specWith({}));
    const [shown, organic] = (['shown', 'organic'] as const).map((origin) =>
      encodeContext(transform, { hour: 3 }, origin),
    );
    expect(shown!.counts).toEqual(organic!.counts);
    expect(shown!.fids).not.toEqual(organic!.fids);
  });

  test('is not told: it is unknown to whoever tries, and so it is where there is none', () => {
    for (const more of [{}, none]) {
      const transform = createTransform(specWith(more));
      expect(() => encodeContext(transform, { origin: 'organic' }, 'shown')).toThrow(
        '"origin" is not a declared context feature; declared: hour',
      );
      expect(toldContext(transform.spec)).toEqual(['hour']);
    }
  });

  test('a configuration that was parsed says the same when it is parsed again', () => {
    const once = parseClusterConfig({ features });
    expect(parseClusterConfig(JSON.parse(JSON.stringify(once)))).toEqual(once);
    expect(once.features['origin']).toEqual(originDeclaration);
  });

  test('another feature may not have its name or its place, but where there is none', () => {
    const origin = { entity: 'user', kind: 'id' };
    const from = { entity: 'context', kind: 'id', source: 'origin' };
    for (const more of [{ origin }, { from }]) {
      const declared = { features: { ...features, ...more } };
      expect(() => parseClusterConfig(declared)).toThrow('expected another name than origin');
      expect(hasOrigin(specWith({ ...declared, ...none }))).toBe(false);
    }
  });
});
