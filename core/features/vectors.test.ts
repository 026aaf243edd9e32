import { describe, expect, test } from '@jest/globals';
import { codeOf } from '../base/errors.js';
import { type FeatureDeclaration, featureSpecOf } from './feature-spec.js';
import { createTransform } from './transform.js';
import { listOf, vectorOf } from './vectors.js';

const image = (scale: 'unit' | 'none'): FeatureDeclaration => ({
  ...{ entity: 'item', kind: 'vector', length: 2, scale, source: 'image' },
});
const specOf = (scale: 'unit' | 'none') =>
  featureSpecOf({
    item: { entity: 'item', kind: 'id', source: 'item' },
    user: { entity: 'user', kind: 'id', source: 'user' },
    age: { entity: 'user', kind: 'dense', normalisation: { method: 'none' }, source: 'age' },
    image: image(scale),
    price: { entity: 'item', kind: 'dense', normalisation: { method: 'none' }, source: 'price' },
    mood: { entity: 'context', kind: 'vector', length: 1, scale: 'none', source: 'mood' },
  });

describe('a vector', () => {
  test.each<[string, unknown]>([
    ['a list', [0.5, -2]],
    ['a list of texts', ['0.5', '-2e0']],
    ['JSON in a column', '[0.5, -2]'],
    ['divided by bars', '0.5|-2'],
    ['divided by blanks', ' 0.5  -2 '],
    ['floats', Float32Array.of(0.5, -2)],
    ['doubles', Float64Array.of(0.5, -2)],
  ])('may come as %s', (_name, value) => {
    expect(vectorOf(value, { length: 2 }, 'image')).toEqual(Float32Array.of(0.5, -2));
  });

  test.each(['', ' ', 'NaN', '\\N', null, undefined, NaN])('%p is none', (value) => {
    expect(vectorOf(value, { length: 2 }, 'image')).toBeNull();
  });

  test.each<[unknown, RegExp]>([
    [[1], /^image: expected 2 finite numbers; got 1$/],
    [[1, 2, 3], /got 3$/],
    [[1, NaN], /got NaN at place 2$/],
    [[1, null], /at place 2$/],
    [[true, 1], /at place 1$/],
    [['', 1], /at place 1$/],
    [[1e300, 1], /at place 1$/],
    ['a|b', /at place 1$/],
    [{ x: 1 }, /got /],
    [7, /got 7/],
  ])('%p is none that can be read', (value, text) => {
    const reading = () => vectorOf(value, { length: 2 }, 'image');
    expect(reading).toThrow(text);
    try {
      reading();
    } catch (error) {
      expect(codeOf(error)).toBe('BAD_EVENT');
    }
  });
});

describe('vectors in a row', () => {
  test('have their places beside other numbers, and one that says whether they are missing', () => {
    const spec = specOf('none');
    expect(spec.dense.map(({ name, index, width }) => [name, index, width])).toEqual([
      ...[['age', 0, 2], ['image', 2, 3], ['price', 5, 2], ['mood', 7, 2]], // prettier-ignore
    ]);
    expect(spec.denseWidth).toBe(9);
    const transform = createTransform(spec);
    const rows = transform.assemble(
      [transform.encodeEntity('user', 'u', { age: 7 }), transform.encodeEntity('user', 'u', {})],
      [
        transform.encodeEntity('item', 'a', { image: Float32Array.of(3, 4), price: 9 }),
        transform.encodeEntity('item', 'b', {}),
      ],
      [
        transform.encodeEntity('context', '', { mood: [0.5] }),
        transform.encodeEntity('context', '', {}),
      ],
    );
    expect([...rows.dense]).toEqual([
      ...[7, 0, 3, 4, 0, 9, 0, 0.5, 0],
      ...[0, 1, 0, 0, 1, 0, 1, 0, 1],
    ]);
  });

  test('have length 1, however large they are', () => {
    const transform = createTransform(specOf('unit'));
    const denseOf = (image: unknown) => [...transform.encodeEntity('item', 'a', { image }).dense];
    for (const factor of [1e-30, 1, 1e30]) {
      const [x, y, missing] = denseOf(Float32Array.of(3 * factor, 4 * factor)) as [number, number, number]; // prettier-ignore
      expect([x, y]).toEqual([expect.closeTo(0.6, 5), expect.closeTo(0.8, 5)]);
      expect(missing).toBe(0);
    }
    expect(denseOf(Float32Array.of(0, 0))).toEqual([0, 0, 0, 0, 1]);
  });

  test('of another length than is declared now are missing; what a request says is refused', () => {
    const transform = createTransform(specOf('none'));
    expect([
      ...transform.encodeEntity('item', 'a', { image: Float32Array.of(1, 2, 3) }).dense,
    ]).toEqual([...[0, 0, 1, 0, 1]]);
    expect(() => transform.encodeEntity('context', '', { mood: [1, 2] })).toThrow(
      'mood: expected 1 finite numbers; got 2',
    );
  });

  test('are told apart by their lengths', () => {
    expect(specOf('unit').hash).not.toBe(specOf('none').hash);
  });
});

test('a vector is told to people in the shortest numbers that are it', () => {
  const told = [0.1, -2, 1e-20, 16777217.5, 0.3333333];
  const floats = Float32Array.from(told);
  expect(listOf(floats).slice(0, 3)).toEqual([0.1, -2, 1e-20]);
  expect(Float32Array.from(listOf(floats))).toEqual(floats);
});
