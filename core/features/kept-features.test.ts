import { describe, expect, test } from '@jest/globals';
import { type FeatureDeclaration, featureSpecOf } from './feature-spec.js';
import type { KeptFeatures } from './kept-features.js';
import { createTransform } from './transform.js';
import { keyNumbersOf, keyWriterOf } from './values.js';

const none = { method: 'none' } as const;
const rate = { entity: 'user', kind: 'rate', of: 'click', normalisation: none } as const;
const features: Record<string, FeatureDeclaration> = {
  user: { entity: 'user', kind: 'id', source: 'user' },
  item: { entity: 'item', kind: 'id', source: 'item' },
  genres: { entity: 'item', kind: 'ids', pooling: 'mean', valuesMax: 3, source: 'genres' },
  hour: { entity: 'context', kind: 'dense', normalisation: none, source: 'hour' },
  recent: {
    ...{ entity: 'user', kind: 'history', of: 'item', length: 3, pooling: 'mean' },
    with: ['event', 'secondsAgo'],
  },
  recentGenres: {
    ...{ entity: 'user', kind: 'history', of: 'genres', length: 2, pooling: 'mean', with: [] },
  },
  likes: rate,
  likesGenre: { ...rate, by: 'genres' },
  views: { entity: 'item', kind: 'count', normalisation: { method: 'log1p', scale: 0.5 } },
};
const spec = featureSpecOf(features);
const transform = createTransform(spec);
const genres = spec.slots.find(({ name }) => name === 'genres')!;
const genreKeys = (value: string) => keyNumbersOf(keyWriterOf(genres.coding), value, genres);

const history = {
  values: ['7', '8'],
  types: Uint8Array.of(2, 1),
  agesSeconds: Float32Array.of(3, 90),
};
const ofUser: KeptFeatures = {
  likes: 0.25,
  recent: history,
  recentGenres: { ...history, values: ['Drama|Comedy', null] },
  likesGenre: { keys: genreKeys('Drama|Comedy'), values: Float32Array.of(0.5, -0.25), none: 0.125 },
};

const encoded = {
  user: transform.encodeEntity('user', 'u', {}, ofUser),
  item: (told: Record<string, unknown>) => transform.encodeEntity('item', '7', told, { views: 1 }),
  context: transform.encodeEntity('context', '', { hour: 12 }),
};
const rowOf = (told: Record<string, unknown>) =>
  transform.assemble([encoded.user], [encoded.item(told)], [encoded.context]);
const column = (name: string) => spec.dense.find((each) => each.name === name)!.index;

describe('what is kept of an entity', () => {
  test('a history has the rows and the keys of what it is of, and no more than there is room for', () => {
    const [recent, recentGenres, item] = ['recent', 'recentGenres', 'item'].map((name) =>
      spec.slots.find((slot) => slot.name === name)!,
    );
    expect(recent!.rowsOf).toBe(item!.index);
    expect(recentGenres!.valuesMax).toBe(6);
    expect([...encoded.user.counts]).toEqual([2, 2, 1]);
    expect([...encoded.user.fids.slice(0, 4)]).toEqual([7, 0, 8, 0]);
    const odd = { ...history, values: [{ no: 'id' }, '8'] };
    const { counts, fids } = transform.encodeEntity('user', 'u', {}, { recent: odd });
    expect([counts[0], fids[0]]).toEqual([1, 8]);
    const long = { ...history, values: ['1', '2', '3', '4'] };
    expect(transform.encodeEntity('user', 'u', {}, { recent: long }).counts[0]).toBe(3);
  });

  test('an event of a history says what it is asked to say, and no other fid says anything', () => {
    const { marks } = rowOf({ genres: 'Drama' });
    expect([...marks!.eventTypes]).toEqual([2, 1, 0, 0, 0, 0, 0]);
    expect([...marks!.agesSeconds]).toEqual([3, 90, NaN, NaN, NaN, NaN, NaN]);
  });

  test('rows of a request that share a history have its marks in the first', () => {
    const { batch, before } = transform.share({
      ...{ user: encoded.user, context: encoded.context },
      items: [encoded.item({ genres: 'Drama' }), encoded.item({})],
    });
    expect(before).toBe(3);
    expect([...batch.marks!.eventTypes.slice(0, 3)]).toEqual([2, 1, 0]);
    expect([...batch.marks!.agesSeconds.slice(0, 3)]).toEqual([3, 90, NaN]);
    expect(batch.marks!.agesSeconds).toHaveLength(batch.fids.length / 2);
  });

  test('a number is normalised as one that was told, and 0 where nothing is kept', () => {
    const { dense } = rowOf({});
    expect(dense[column('likes')]).toBe(0.25);
    expect(dense[column('views')]).toBeCloseTo(0.5 * Math.log(2), 6);
    expect(dense[column('hour')]).toBe(12);
    const nobody = transform.encodeEntity('user', 'nobody', {});
    const { dense: other } = transform.assemble(
      [nobody],
      [encoded.item({ genres: 'Drama' })],
      [encoded.context],
    );
    expect([other[column('likes')], other[column('likesGenre')]]).toEqual([0, 0]);
  });

  test('a pair takes the mean over the values of the other one', () => {
    const taste = (told: Record<string, unknown>) => rowOf(told).dense[column('likesGenre')];
    expect(taste({ genres: 'Drama' })).toBe(0.5);
    expect(taste({ genres: 'Drama|Comedy' })).toBe(0.125);
    expect(taste({ genres: 'Comedy|Western' })).toBe((-0.25 + 0.125) / 2);
    expect(taste({})).toBe(0.125);
  });

  test('nobody can tell it', () => {
    expect(transform.encodeEntity('item', '7', { views: 5 })).toEqual(
      transform.encodeEntity('item', '7', {}),
    );
    expect(transform.encodeEntity('user', 'u', { recent: ['7'] })).toEqual(
      transform.encodeEntity('user', 'u', {}),
    );
  });

  test('its definition is a part of what examples mean', () => {
    const other = { ...features, likes: { ...rate, last: 10 } };
    expect(featureSpecOf(other).hash).not.toBe(spec.hash);
    expect(spec.dense.map(({ name }) => name)).toEqual(['likes', 'views', 'hour', 'likesGenre']);
  });
});
