import type { ColumnShape } from '../base/lineage.js';
import { denseLayout, layoutOf } from './dense-parameters.js';
import type { DenseEntry, DenseLayout } from './dense-parameters.js';
import type { InputPart, ModelSpec, ParameterDeclaration } from './network.js';
import { pairedCount, partWidth, sidePlaces } from './networks/inputs.js';
import { scalesSize } from './number-scales.js';
import { seenSpec } from './projection.js';
import { sketchSize } from './quantile-sketch.js';
import { calibrationSize } from './score-calibration.js';

/** What the inputs and the heads of a network are, by name, in their order. */
export interface NetworkShape {
  readonly model: ModelSpec;
  readonly slots: readonly string[];
  readonly columns: readonly ColumnShape[];
  readonly outcomes: readonly string[];
  /** Parameters of a network whose code is not kept; left out: those that its network declares. */
  readonly declared?: readonly ParameterDeclaration[];
}

/** Which of the names of now are what they were then. */
export interface StillThere {
  readonly feature: (name: string) => boolean;
  /** False: all but what is of no hidden layer begins anew. */
  readonly network: boolean;
  /** False: all begins anew. */
  readonly rows: boolean;
}

/** Of a parameter of now: where it was, or what it begins with. */
const begins = -1;
/**
 * An input that comes into a network which has learned weighs nothing at first, so nothing is scored otherwise for its coming: random
 * weights would shake what the others have learned. It is not stuck there: its gradient is the input times that of the units behind it.
 */
const weighsNothing = -2;

/** Numbers of the network, of the calibration behind it, and of the scales behind that. */
export function parametersOf(shape: Pick<NetworkShape, 'model' | 'declared'>): number {
  const { model } = shape;
  return layoutIn(shape).size + calibrationSize(model.heads) + scalesSize(model);
}

function layoutIn({ model, declared }: Pick<NetworkShape, 'model' | 'declared'>): DenseLayout {
  return declared ? layoutOf(declared) : denseLayout(model);
}

/**
 * By number of now, of all three, its place then, or one of the two above. A parameter is found by the name of its entry, of its input and of
 * its head.
 */
export function parameterSources(
  now: NetworkShape,
  then: NetworkShape,
  still: StillThere,
): Int32Array {
  const layout = layoutIn(now);
  const before = layoutIn(then);
  const heads = now.outcomes.map((name) => then.outcomes.indexOf(name));
  const sources = new Int32Array(parametersOf(now)).fill(begins);
  if (!still.rows) return sources;
  const vectors = vectorsThen(now, then, still);
  const inputs = inputsThen(now, then, still);
  for (const entry of layout.entries) {
    const name = nameThen(entry.name, vectors);
    const old = before.entries.find((each) => each.name === name);
    if (!old && isOfVector(entry.name))
      sources.fill(weighsNothing, entry.offset, entry.offset + entry.size);
    if (!old || (!still.network && isOfTower(entry.name)) || !isAsWide(entry, old)) continue;
    const rows = axisThen(
      entry.rows,
      old.rows,
      entry.shape.length === 1 ? 1 : entry.shape[0],
      inputs,
    );
    const columns =
      entry.columns === 'heads'
        ? heads
        : axisThen(entry.columns, partsOf(old.columns), lastOf(entry), inputs);
    fill(sources, entry, old, rows, columns);
  }
  const width = calibrationSize(1);
  if (still.network)
    heads.forEach((head, i) => {
      for (let w = 0; head >= 0 && w < width; w++)
        sources[layout.size + i * width + w] = before.size + head * width + w;
    });
  carryScales(sources, now, then, still);
  return sources;
}
/** @param fresh what those begin with that were not there. */
export function carriedParameters(
  values: Float32Array,
  sources: Int32Array,
  fresh: Float32Array,
): Float32Array {
  return Float32Array.from(sources, (source, i) => {
    if (source === weighsNothing) return 0;
    return source === begins ? fresh[i]! : values[source]!;
  });
}

/** Running means of gradients, of Adam: of what begins there are none. @param values f32 [2 × parameters] of then. */
export function carriedOptimizerState(values: Float32Array, sources: Int32Array): Float32Array {
  const before = values.length / 2;
  const carried = new Float32Array(2 * sources.length);
  sources.forEach((source, i) => {
    if (source < 0) return;
    carried[i] = values[source]!;
    carried[sources.length + i] = values[before + source]!;
  });
  return carried;
}

/** All but the linear part, which is one whatever the network, and what brings inputs and heads to it. */
function isOfTower(name: string): boolean {
  return !/^(bias|((user|item|pair)\.)?linear|head\..*|vector\d+\..*)$/.test(name);
}

/** Units, and axes that are of nothing that comes or goes, are what they were where there are as many. */
function isAsWide(entry: DenseEntry, old: DenseEntry): boolean {
  if ((entry.columns === 'heads') !== (old.columns === 'heads')) return false;
  const rowsIn = ({ shape }: DenseEntry): number => (shape.length === 1 ? 1 : shape[0]);
  return (
    isSameAxis(entry.rows, old.rows, rowsIn(entry) === rowsIn(old)) &&
    (entry.columns === 'heads' ||
      isSameAxis(partsOf(entry.columns), partsOf(old.columns), lastOf(entry) === lastOf(old)))
  );
}

function isSameAxis(
  parts: readonly InputPart[] | undefined,
  before: readonly InputPart[] | undefined,
  isAsLong: boolean,
): boolean {
  if (!parts || !before) return !parts && !before && isAsLong;
  const [units, unitsThen] = [unitsIn(parts), unitsIn(before)];
  return units === undefined || unitsThen === undefined || units === unitsThen;
}

function unitsIn(parts: readonly InputPart[]): number | undefined {
  return parts.flatMap((part) =>
    typeof part === 'object' && 'units' in part ? [part.units] : [],
  )[0];
}

function partsOf(axis: DenseEntry['columns']): readonly InputPart[] | undefined {
  return axis === 'heads' ? undefined : axis;
}

/** By row, or column, of a parameter of now, its place then. Without parts it is of units, which are what they were. */
function axisThen(
  parts: readonly InputPart[] | undefined,
  before: readonly InputPart[] | undefined,
  length: number,
  inputs: Inputs,
): number[] {
  if (!parts) return [...Array(length).keys()];
  const places = parts.flatMap((part) => {
    const at = (before ?? []).findIndex((other) => kindOf(other) === kindOf(part));
    if (at < 0) return Array<number>(inputs.widthNow(part)).fill(weighsNothing);
    const start = before!.slice(0, at).reduce((sum, each) => sum + inputs.widthThen(each), 0);
    return inputs.placesOf(part, before![at]!).map((place) => (place < 0 ? place : start + place));
  });
  if (places.length !== length) throw new RangeError(`${places.length} inputs of ${length}`);
  return places;
}

function kindOf(part: InputPart): string {
  if (typeof part !== 'object') return part;
  if ('side' in part) return `${part.side} ${part.of}`;
  return 'units' in part ? 'units' : 'names';
}

interface Inputs {
  readonly widthNow: (part: InputPart) => number;
  readonly widthThen: (part: InputPart) => number;
  /** By number of a part of now, its place in that part then. */
  readonly placesOf: (part: InputPart, then: InputPart) => readonly number[];
}

function inputsThen(now: NetworkShape, then: NetworkShape, still: StillThere): Inputs {
  const { factorDim } = now.model;
  const slots = now.slots.map((each) => (still.feature(each) ? then.slots.indexOf(each) : -1));
  const slotsBefore = then.model.slotCount;
  const histories = historiesThen(now, then, still);
  const vectors = vectorsThen(now, then, still).map((place) =>
    place < 0 ? place : slotsBefore + place,
  );
  const ofVectors = [...slots, ...vectors];
  return {
    widthNow: (part) => partWidth(part, seenSpec(now.model)),
    widthThen: (part) => partWidth(part, seenSpec(then.model)),
    placesOf: (part, before) => {
      if (typeof part === 'object' && 'side' in part) {
        const isOfVectors = part.of === 'vectors';
        const all = isOfVectors ? ofVectors : plainThen(now, then, still);
        const ofSideThen = sidePlaces(part, seenSpec(then.model));
        const places = sidePlaces(part, seenSpec(now.model)).map((place) => {
          const at = ofSideThen.indexOf(all[place]!);
          return at < 0 ? weighsNothing : at;
        });
        return isOfVectors ? widened(places, factorDim) : places;
      }
      if (typeof part === 'object') return placesInUnits(part, before);
      if (part === 'numbers') return plainThen(now, then, still);
      if (part === 'pairs') return pairsThen(ofVectors, now.model, then.model);
      if (part === 'matches') return histories;
      return widened(part === 'interests' ? histories : ofVectors, factorDim);
    },
  };
}

/** Of units, they are what they were; of what has a name, where that was. */
function placesInUnits(
  part: Exclude<InputPart & object, { readonly side: unknown }>,
  before: InputPart,
): number[] {
  if ('units' in part) return [...Array(part.units).keys()];
  const names = typeof before === 'object' && 'names' in before ? before.names : [];
  return part.names.map((name) => {
    const place = names.indexOf(name);
    return place < 0 ? weighsNothing : place;
  });
}

/** By number of vectors of `width`, its place, where those of the vectors are known. */
function widened(places: readonly number[], width: number): number[] {
  return places.flatMap((place) =>
    Array.from({ length: width }, (_factor, k) => (place < 0 ? weighsNothing : place * width + k)),
  );
}

/** By history of now, its place among those of then. */
function historiesThen(now: NetworkShape, then: NetworkShape, still: StillThere): number[] {
  const before = (then.model.histories ?? []).map(({ name }) => name);
  return (now.model.histories ?? []).map(({ name }) => {
    const place = still.feature(name) ? before.indexOf(name) : -1;
    return place < 0 ? weighsNothing : place;
  });
}

/** @param vectors by vector of now, its place then. */
function pairsThen(vectors: readonly number[], now: ModelSpec, then: ModelSpec): number[] {
  const [nowSeen, thenSeen] = [seenSpec(now), seenSpec(then)];
  const count = pairedCount(thenSeen);
  // The vector of the numbers is the last one, where there is one.
  const ofNumbers = count > thenSeen.slotCount ? count - 1 : -1;
  const all = pairedCount(nowSeen) > nowSeen.slotCount ? [...vectors, ofNumbers] : vectors;
  return all.flatMap((one, i) =>
    all.slice(i + 1).map((other) => {
      const [a, b] = one < other ? [one, other] : [other, one];
      // Those before are a pairs with each lower first, and then it is the next after a.
      return a < 0 ? weighsNothing : a * count - (a * (a + 1)) / 2 + (b - a - 1);
    }),
  );
}

/** Of a column of now, whether it was there and the same. */
function isSame(column: ColumnShape, then: NetworkShape, still: StillThere): boolean {
  const was = then.columns.find(({ name }) => name === column.name);
  return still.feature(column.name) && was?.width === column.width && was.kind === column.kind;
}

function columnsOf({ columns }: NetworkShape, kind: ColumnShape['kind']): ColumnShape[] {
  return columns.filter((column) => column.kind === kind);
}

/** By column of this kind, its place among those of then; −1: it was not there. */
function placesThen(
  kind: 'scaled' | 'vector',
  now: NetworkShape,
  then: NetworkShape,
  still: StillThere,
): number[] {
  const before = columnsOf(then, kind);
  return columnsOf(now, kind).map((column) =>
    isSame(column, then, still) ? before.findIndex(({ name }) => name === column.name) : -1,
  );
}

function vectorsThen(now: NetworkShape, then: NetworkShape, still: StillThere): number[] {
  return placesThen('vector', now, then, still);
}

/** By number that is of no vector, its place among those of then. */
function plainThen(now: NetworkShape, then: NetworkShape, still: StillThere): number[] {
  const starts = new Map<string, number>();
  let width = 0;
  for (const column of then.columns) {
    if (column.kind === 'vector') continue;
    starts.set(column.name, width);
    width += column.width;
  }
  return now.columns.flatMap((column) => {
    if (column.kind === 'vector') return [];
    const start = isSame(column, then, still) ? starts.get(column.name)! : undefined;
    return Array.from({ length: column.width }, (_number, i) =>
      start === undefined ? weighsNothing : start + i,
    );
  });
}

const ofVector = /^vector(\d+)\./;

function isOfVector(name: string): boolean {
  return ofVector.test(name);
}

/** Entries of vectors are named by their number. @param vectors by number of now, that of then. */
function nameThen(name: string, vectors: readonly number[]): string {
  return name.replace(ofVector, (_all, number: string) => `vector${vectors[Number(number)]!}.`);
}

function carryScales(
  sources: Int32Array,
  now: NetworkShape,
  then: NetworkShape,
  still: StillThere,
): void {
  const before = columnsOf(then, 'scaled').length;
  const valuesBefore = valuesOf(then);
  const places = [
    ...placesThen('scaled', now, then, still),
    ...valuesOf(now).map((name) => {
      const place = valuesBefore.indexOf(name);
      return place < 0 ? place : before + place;
    }),
  ];
  const startOf = (shape: NetworkShape): number => parametersOf(shape) - scalesSize(shape.model);
  const [start, startThen] = [startOf(now), startOf(then)];
  places.forEach((place, i) => {
    for (let w = 0; place >= 0 && w < sketchSize; w++)
      sources[start + i * sketchSize + w] = startThen + place * sketchSize + w;
  });
}

function valuesOf({ model, outcomes }: NetworkShape): string[] {
  return outcomes.filter((_name, head) => model.losses?.[head] === 'squared');
}

function lastOf({ shape }: DenseEntry): number {
  return shape.length === 1 ? shape[0] : shape[1];
}

function fill(
  sources: Int32Array,
  entry: DenseEntry,
  old: DenseEntry,
  rows: readonly number[],
  columns: readonly number[],
): void {
  const width = lastOf(entry);
  const widthThen = lastOf(old);
  rows.forEach((row, r) =>
    columns.forEach((column, c) => {
      const at = entry.offset + r * width + c;
      if (column < 0) sources[at] = begins;
      else sources[at] = row < 0 ? row : old.offset + row * widthThen + column;
    }),
  );
}
