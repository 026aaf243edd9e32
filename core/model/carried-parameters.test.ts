import { beforeAll, describe, expect, test } from '@jest/globals';
import type { ColumnShape } from '../base/lineage.js';
import { createAdamState } from './adam.js';
import { loadBackend, type Backend } from './backend.js';
import {
  carriedOptimizerState,
  carriedParameters,
  parameterSources,
  parametersOf,
  type NetworkShape,
  type StillThere,
} from './carried-parameters.js';
import { denseLayout, initialDense } from './dense-parameters.js';
import { historiesIn } from './histories-in.js';
import { networkNames, rowWidth, type ModelSpec, type SideName } from './network.js';
import { numbersIn } from './numbers-in.js';
import { sketchSize } from './quantile-sketch.js';
import type { GatherPlan } from './row-gather.js';
import { createScorer } from './scorer.js';
import { calibrationSize, initialCalibration } from './score-calibration.js';

const factorDim = 3;

const ofItems = new Set(['item', 'genres', 'brand', 'price', 'stock', 'text', 'image', 'seen']);
const sideOf = (name: string): SideName => (ofItems.has(name) ? 'item' : 'user');

function shapeOf(
  slots: readonly string[],
  columns: readonly string[],
  change: Partial<ModelSpec> = {},
  outcomes: readonly string[] = ['view', 'buy'],
): NetworkShape {
  const model: ModelSpec = {
    ...{ network: 'deepfm', factorDim, hidden: [5, 4] },
    ...{ slotCount: slots.length, denseCount: columns.length, heads: outcomes.length },
    sides: { slots: slots.map(sideOf), columns: columns.map(sideOf) },
    ...change,
  };
  return { model, slots, columns: columns.map((name) => ({ name, width: 1 })), outcomes };
}

const all: StillThere = { feature: () => true, network: true, rows: true };

/** Values that no two positions share. */
const wave = (length: number, phase: number): Float32Array =>
  Float32Array.from({ length }, (_, i) => Math.sin(1.7 * i + phase) * 0.9);

const sizeOf = ({ model, outcomes }: NetworkShape): number =>
  denseLayout(model).size + calibrationSize(outcomes.length);

function freshOf({ model, outcomes }: NetworkShape): Float32Array {
  return Float32Array.from([...initialDense(model, 1), ...initialCalibration(outcomes.length)]);
}

function carry(now: NetworkShape, then: NetworkShape, values: Float32Array, still = all) {
  return carriedParameters(values, parameterSources(now, then, still), freshOf(now));
}

/** Rows and numbers of one example, by the name of their feature; 0 where there is none. */
function batchOf({ slots, columns }: NetworkShape, known: Readonly<Record<string, number>>) {
  const width = 1 + factorDim;
  const row = (name: string): Float32Array =>
    name in known ? wave(width, known[name]!) : new Float32Array(width);
  return {
    rowCount: 1,
    pooled: Float32Array.from(slots.flatMap((name) => [...row(name)])),
    dense: Float32Array.from(columns, ({ name }) => known[name] ?? 0),
  };
}

const slots = ['user', 'genres', 'item'];
const columns = ['age', 'price'];
const known = { user: 1, genres: 2, item: 3, age: 0.7, price: -0.4 };

describe.each(networkNames)('%s that has learned', (network) => {
  let backend: Backend;
  beforeAll(async () => (backend = await loadBackend('cpu')));

  const score = (shape: NetworkShape, values: Float32Array): number[] => {
    const batch = batchOf(shape, known);
    expect(batch.pooled).toHaveLength(shape.model.slotCount * rowWidth(shape.model));
    return [...createScorer(backend, shape.model).score(batch, { version: 1, values })];
  };

  test.each([[[5, 4]], [[6]], [[]]])('scores as before, hidden %j', (hidden) => {
    const then = shapeOf(slots, columns, { network, hidden });
    const values = wave(sizeOf(then), 0.3);
    const wanted = score(then, values);
    // In another order, and among others that nothing is known of.
    for (const now of [
      shapeOf(['item', 'user', 'genres'], ['price', 'age'], { network, hidden }),
      shapeOf(['brand', 'user', 'x', 'genres', 'item'], ['age', 'n', 'price'], { network, hidden }),
      shapeOf(slots, ['price', 'age', 'first', 'second'], { network, hidden }),
    ]) {
      const found = score(now, carry(now, then, values));
      found.forEach((logit, head) => expect(logit).toBeCloseTo(wanted[head]!, 5));
    }
  });

  test('scores as one whose inputs that are gone are silent', () => {
    const then = shapeOf(slots, columns, { network });
    const now = shapeOf(['user', 'item'], ['price'], { network });
    const values = wave(sizeOf(then), 0.3);
    const batch = batchOf(then, { user: known.user, item: known.item, price: known.price });
    const wanted = createScorer(backend, then.model).score(batch, { version: 1, values });
    score(now, carry(now, then, values)).forEach((logit, head) =>
      expect(logit).toBeCloseTo(wanted[head]!, 5),
    );
  });

  test('weighs an input of its name that began anew with nothing', () => {
    const then = shapeOf(slots, columns, { network });
    const values = wave(sizeOf(then), 0.3);
    const still = { ...all, feature: (name: string) => name !== 'age' };
    const batch = batchOf(then, { ...known, age: 0 });
    const wanted = createScorer(backend, then.model).score(batch, { version: 1, values });
    score(then, carry(then, then, values, still)).forEach((logit, head) =>
      expect(logit).toBeCloseTo(wanted[head]!, 5),
    );
  });
});

describe('parameters of before', () => {
  const then = shapeOf(slots, columns);
  const values = wave(sizeOf(then), 0.3);

  test('are all there, each once, where nothing changes', () => {
    expect([...carry(then, then, values)]).toEqual([...values]);
  });

  test('of a head go with its outcome, with its calibration', () => {
    const now = shapeOf(slots, columns, {}, ['buy', 'cart', 'view']);
    const found = carry(now, then, values);
    const { size } = denseLayout(now.model);
    const before = denseLayout(then.model).size;
    const width = calibrationSize(1);
    const [buy, cart, view] = [0, 1, 2].map((head) => [
      ...found.subarray(size + head * width, size + (head + 1) * width),
    ]);
    expect(view).toEqual([...values.subarray(before, before + width)]);
    expect(buy).toEqual([...values.subarray(before + width, before + 2 * width)]);
    expect(cart).toEqual([...initialCalibration(1)]);
  });

  test('of the tower begin anew with another one, and those of numbers go on', () => {
    const now = shapeOf(slots, columns, { hidden: [8] });
    const found = carry(now, then, values, { ...all, network: false });
    const fresh = freshOf(now);
    const { entries } = denseLayout(now.model);
    const part = (of: Float32Array, name: string, shape = now): number[] => {
      const entry = denseLayout(shape.model).entries.find((each) => each.name === name)!;
      return [...of.subarray(entry.offset, entry.offset + entry.size)];
    };
    expect(entries.map(({ name }) => name)).toContain('hidden0.kernel');
    for (const name of ['hidden0.kernel', 'hidden0.bias', 'output.kernel'])
      expect(part(found, name)).toEqual(part(fresh, name));
    for (const name of ['bias', 'linear', 'head.scale'])
      expect(part(found, name)).toEqual(part(values, name, then));
  });

  test('all begin anew with rows of another width', () => {
    const now = shapeOf(slots, columns, { factorDim: 2 });
    const found = carry(now, then, values, { ...all, network: false, rows: false });
    expect([...found]).toEqual([...freshOf(now)]);
  });

  test('have the state of their optimizer with them, and what begins has none', () => {
    const now = shapeOf(['user', 'genres', 'item'], ['age', 'new']);
    const sources = parameterSources(now, then, all);
    const adam = createAdamState(sizeOf(then));
    adam.m.set(wave(adam.m.length, 1));
    adam.v.set(wave(adam.v.length, 2));
    const found = carriedOptimizerState(Float32Array.from([...adam.m, ...adam.v]), sources);
    expect(found).toHaveLength(2 * sizeOf(now));
    sources.forEach((source, i) => {
      expect(found[i]).toBe(source < 0 ? 0 : adam.m[source]);
      expect(found[sources.length + i]).toBe(source < 0 ? 0 : adam.v[source]);
    });
    expect(sources.some((source) => source < 0)).toBe(true);
  });
});

describe.each(['din', 'transformer'] as const)('%s with histories that has learned', (network) => {
  const histories = {
    recent: { name: 'recent', of: 'item', length: 9, with: ['event', 'secondsAgo'] },
    bought: { name: 'bought', of: 'item', length: 9, with: ['event'] },
    later: { name: 'later', of: 'item', length: 9, with: ['secondsAgo'] },
  } as const;
  const shape = (of: readonly string[], events: readonly string[]): NetworkShape => {
    const own = of.flatMap((name) => (name in histories ? [histories[name as 'recent']] : []));
    return shapeOf(of, [], { network, hidden: [5], ...historiesIn(own, of, events) });
  };
  const values: Readonly<Record<string, readonly number[]>> = {
    ...{ item: [3], user: [7], recent: [1, 3, 2], bought: [4], later: [5, 3] },
  };
  const types: Readonly<Record<string, readonly string[]>> = {
    ...{ recent: ['view', 'buy', 'view'], bought: ['buy'] },
  };
  let backend: Backend;
  beforeAll(async () => (backend = await loadBackend('cpu')));

  /** One example whose values are rows of a wave. */
  const score = (
    { model, slots: of }: NetworkShape,
    events: readonly string[],
    learned: Float32Array,
  ) => {
    const offsets = new Uint32Array(of.length + 1);
    of.forEach((name, slot) => (offsets[slot + 1] = offsets[slot]! + values[name]!.length));
    const inverse = Uint32Array.from(of.flatMap((name) => values[name]!));
    const eventTypes = Uint8Array.from(
      of.flatMap((name) => values[name]!.map((_, i) => events.indexOf(types[name]?.[i] ?? '') + 1)),
    );
    const agesSeconds = Float32Array.from(inverse, (value) => 50 * value);
    const dense = new Float32Array(0);
    const fids = new Uint32Array(2 * inverse.length);
    const marks = { eventTypes, agesSeconds };
    const batch = { rowCount: 1, slotCount: of.length, denseCount: 0, offsets, fids, dense, marks };
    const plan = { inverse, uniqueCount: 8 } as GatherPlan;
    const rows = wave(8 * (1 + factorDim), 5);
    const poolings = of.map(() => 'mean' as const);
    const pooling = { plan, batch, dim: 1 + factorDim, poolings };
    const scorer = createScorer(backend, model);
    return [
      ...scorer.scoreRows({ rowCount: 1, rows, pooling, dense }, { version: 1, values: learned }),
    ];
  };

  test('scores as before in another order, of types that are numbered otherwise', () => {
    const then = shape(['bought', 'item', 'recent', 'user'], ['view', 'buy']);
    const learned = wave(sizeOf(then), 0.3);
    const wanted = score(then, ['view', 'buy'], learned);
    const events = ['cart', 'buy', 'view'];
    const now = shape(['user', 'recent', 'item', 'bought'], events);
    const found = score(now, events, carry(now, then, learned));
    found.forEach((logit, head) => expect(logit).toBeCloseTo(wanted[head]!, 5));
  });

  test('is told of a history that comes by its mean alone, until it has learned of it', () => {
    const then = shape(['item', 'recent', 'user'], ['view', 'buy']);
    const now = shape(['item', 'later', 'recent', 'user'], ['view', 'buy']);
    const sources = parameterSources(now, then, all);
    const carried = carry(now, then, wave(sizeOf(then), 0.3));
    const { entries } = denseLayout(now.model);
    const of = (name: string) => entries.find((entry) => entry.name === name)!;
    const { offset } = of('match.kernel');
    expect([...carried.subarray(offset, offset + 2)]).toEqual([0, 0]);
    expect(carried[offset + 2]).not.toBe(0);
    const query = of('history.recent.query');
    const own = sources.subarray(query.offset, query.offset + query.size);
    expect(own.every((source, i) => source === own[0]! + i && source >= 0)).toBe(true);
    const hidden = of('hidden0.kernel');
    const interests = (4 + 0) * factorDim * 5;
    const ofLater = carried.subarray(
      hidden.offset + interests,
      hidden.offset + interests + 5 * factorDim,
    );
    expect([...ofLater]).toEqual([...new Float32Array(5 * factorDim)]);
  });
});

/** With vectors and numbers that are scaled, and an outcome that is a value. */
describe.each(networkNames)('%s with vectors that has learned', (network) => {
  const text = { name: 'text', width: 4, kind: 'vector' } as const;
  const image = { name: 'image', width: 3, kind: 'vector' } as const;
  const price = { name: 'price', width: 2, kind: 'scaled' } as const;
  const stock = { name: 'stock', width: 2, kind: 'scaled' } as const;
  const seen: ColumnShape = { name: 'seen', width: 1 };
  const shape = (...columnsOf: readonly ColumnShape[]): NetworkShape => {
    const outcomes = ['view', 'spent'];
    const model: ModelSpec = {
      ...{ network, factorDim, hidden: [5], slotCount: slots.length, heads: outcomes.length },
      ...numbersIn(columnsOf),
      sides: {
        slots: slots.map(sideOf),
        columns: columnsOf.flatMap(({ name, width }) => Array<SideName>(width).fill(sideOf(name))),
      },
      losses: ['cross-entropy', 'squared'],
    };
    return { model, slots, columns: columnsOf, outcomes };
  };
  const numbers: Readonly<Record<string, readonly number[]>> = {
    ...{ text: [0.5, -0.2, 0.1, 0], image: [0.3, 0.4, 0] },
    ...{ price: [0.2, 0], stock: [0, 1], seen: [0.7] },
  };
  let backend: Backend;
  beforeAll(async () => (backend = await loadBackend('cpu')));
  const score = ({ model, columns: of }: NetworkShape, values: Float32Array): number[] => {
    const batch = {
      ...{ rowCount: 1, pooled: batchOf({ ...shape(), model, slots, columns: [] }, known).pooled },
      dense: Float32Array.from(of.flatMap(({ name }) => numbers[name]!)),
    };
    return [...createScorer(backend, model).score(batch, { version: 1, values })];
  };

  test('scores as before in another order, with others that came, and without what weighed nothing', () => {
    const then = shape(price, text, seen, image);
    const values = wave(parametersOf(then), 0.2);
    const wanted = score(then, values);
    for (const now of [
      shape(image, seen, text, price),
      shape({ ...stock, name: 'first' }, image, text, { ...text, name: 'more' }, price, seen),
    ]) {
      const fresh = new Float32Array(parametersOf(now));
      const carried = carriedParameters(values, parameterSources(now, then, all), fresh);
      const shown = now.columns.map(({ name, width }) => [name, Array<number>(width).fill(0.25)]);
      Object.assign(
        numbers,
        Object.fromEntries(shown.filter(([name]) => !(String(name) in numbers))),
      );
      score(now, carried).forEach((logit, head) => expect(logit).toBeCloseTo(wanted[head]!, 5));
      // The sketch of the value lies behind those of all numbers.
      expect(carried.subarray(-sketchSize)).toEqual(values.subarray(-sketchSize));
    }
  });

  test('begins anew with a vector of another length', () => {
    const then = shape(text);
    const now = shape({ ...text, width: 5 });
    const sources = parameterSources(now, then, all);
    const kernel = denseLayout(now.model).entries.find(({ name }) => name === 'vector0.kernel')!;
    expect(new Set(sources.subarray(kernel.offset, kernel.offset + kernel.size)).size).toBe(1);
    expect(sources[kernel.offset]).toBeLessThan(0);
  });
});
