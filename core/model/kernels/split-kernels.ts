import { assert } from '../../base/assert.js';
import { denseLayout } from '../dense-parameters.js';
import type { DenseVersion } from '../executor.js';
import type { ModelSpec } from '../network.js';
import { scaleColumns, scalesIn } from '../number-scales.js';
import { splitParts, type SideRows, type SplitScorer } from '../split-scorer.js';
import { sidesOf, type Sides, type TwoSides } from '../two-sides.js';
import { instantiateKernels, type KernelKind } from './kernel-module.js';
import { LinearMemory, type Region } from './linear-memory.js';
import { roundUp, strideOf } from './places.js';
import { blockRows, parameter, SideProgram, type SplitContext } from './side-program.js';

/** Undefined where the network can't be split. */
export function splitByKernels(
  kind: KernelKind,
  model: ModelSpec,
  sides: TwoSides,
): SplitScorer | undefined {
  return splitParts(model) ? new SplitKernels(kind, model, sides) : undefined;
}

class SplitKernels implements SplitScorer {
  readonly #context: SplitContext;
  readonly #sides: Sides;
  readonly #own: SideProgram;
  readonly #items: SideProgram;
  readonly #layers: readonly Layer[];
  readonly #ldl: number;
  readonly #lds: number;
  /** Of items, by place. */
  readonly #layerTable: Table;
  readonly #sumTable: Table;
  #bases: Float32Array = new Float32Array(0);
  readonly #places: Region;
  readonly #pairs: Region;
  readonly #ownLayer: number;
  readonly #pairWeights: number;
  readonly #hidden: number;
  readonly #dots: number;
  #pairLinear: Float32Array = new Float32Array(0);
  #heads: { readonly scale: Float32Array; readonly bias: Float32Array } | undefined;
  #bias = 0;
  #firstBias: Float32Array = new Float32Array(0);
  #scales: Float32Array = new Float32Array(0);
  #loaded: DenseVersion | undefined;

  constructor(kind: KernelKind, model: ModelSpec, sides: TwoSides) {
    const parts = splitParts(model);
    assert(parts !== undefined, `${model.network} can be split`);
    const memory = new LinearMemory();
    const { hidden, heads, factorDim } = model;
    const widths = parts.tower ? [...hidden, heads] : [];
    const [units = 0] = widths;
    const kernels = instantiateKernels(kind, memory.memory);
    const first = hidden.length > 0 ? 'hidden0.kernel' : 'output.kernel';
    const context = { model, parts, layout: denseLayout(model), kernels, memory, units, first };
    this.#context = context;
    this.#sides = sidesOf(model, sides);
    this.#own = new SideProgram(context, this.#sides.own);
    this.#items = new SideProgram(context, this.#sides.item);
    this.#layers = widths.slice(1).map((width, i): Layer => {
      const isOutput = i === widths.length - 2;
      const name = isOutput ? 'output' : `hidden${i + 1}`;
      const inputs = widths[i]!;
      return {
        ...{ name, inputs, width, isOutput, stride: strideOf(width) },
        ...{
          values: memory.allocate(inputs * width + 8),
          bias: memory.allocate(roundUp(width, 8)),
        },
        ...{ panels: memory.allocate(inputs * roundUp(width, 8)) },
        ...{ output: memory.allocate(blockRows * roundUp(width, 8)) },
      };
    });
    this.#ldl = roundUp(Math.max(units, 1), 8);
    this.#lds = roundUp(factorDim, 4);
    this.#layerTable = new Table(memory, units > 0 ? this.#ldl : 0);
    this.#sumTable = new Table(memory, parts.interactions ? this.#lds : 0);
    this.#places = memory.region();
    this.#pairs = memory.region();
    this.#ownLayer = memory.allocate(this.#ldl);
    this.#pairWeights = memory.allocate(sides.pairs * this.#ldl);
    this.#hidden = memory.allocate(blockRows * this.#ldl);
    this.#dots = memory.allocate(blockRows);
  }

  load(parameters: DenseVersion): boolean {
    const { version, values } = parameters;
    if (this.#loaded?.version === version && this.#loaded.values === values) return false;
    const { layout, memory, kernels, units, first, model } = this.#context;
    const { plain } = this.#sides.pair;
    const of = (name: string): Float32Array => parameter(layout, values, name);
    this.#loaded = parameters;
    this.#scales = scalesIn(values.subarray(layout.size), model);
    this.#own.load(values, this.#scales);
    this.#items.load(values, this.#scales);
    this.#bias = of('bias')[0]!;
    this.#firstBias = of('hidden0.bias');
    const linear = of('linear');
    this.#pairLinear = Float32Array.from(plain, (column) => linear[column.plain]!);
    const all = of(first);
    const { slotCount, factorDim, vectors = [] } = model;
    const plainFrom = (slotCount + vectors.length) * factorDim;
    if (units > 0)
      plain.forEach((column, i) => {
        const row = (plainFrom + column.plain) * units;
        memory.floats.set(all.subarray(row, row + units), this.#pairWeights / 4 + i * this.#ldl);
      });
    this.#heads = model.heads > 1 ? { scale: of('head.scale'), bias: of('head.bias') } : undefined;
    for (const { name, inputs, width, values: at, bias, panels } of this.#layers) {
      memory.floats.set(of(`${name}.kernel`), at / 4);
      memory.floats.set(of(`${name}.bias`), bias / 4);
      kernels.pack(at, inputs, width, false, panels);
    }
    return true;
  }

  derive(places: Uint32Array, items: SideRows): void {
    const most = places.reduce((max, place) => Math.max(max, place), -1) + 1;
    this.#layerTable.reserve(most);
    this.#sumTable.reserve(most);
    if (most > this.#bases.length) {
      const larger = new Float32Array(Math.max(most, 2 * this.#bases.length));
      larger.set(this.#bases);
      this.#bases = larger;
    }
    for (let first = 0; first < places.length; first += blockRows) {
      const count = Math.min(blockRows, places.length - first);
      const { layer, sums, base } = this.#items.derive(items, first, count);
      for (let row = 0; row < count; row++) {
        const place = places[first + row]!;
        this.#layerTable.take(place, layer, row);
        this.#sumTable.take(place, sums, row);
        this.#bases[place] = base[row]!;
      }
    }
  }

  score(own: SideRows, places: Uint32Array, pairs: Float32Array): Float32Array {
    const { memory, model } = this.#context;
    const { heads } = model;
    const pairCount = this.#sides.pair.denseCount;
    assert(pairs.length === places.length * pairCount, 'columns of pairs for each candidate');
    const sum = this.#begin(own);
    const seen = this.#scaled(pairs, places.length, pairCount);
    const placesAt = this.#places.reserve(places.length);
    const pairsAt = this.#pairs.reserve(Math.max(1, seen.length));
    memory.words.set(places, placesAt / 4);
    memory.floats.set(seen, pairsAt / 4);
    const logits = new Float32Array(places.length * heads);
    for (let first = 0; first < places.length; first += blockRows) {
      const count = Math.min(blockRows, places.length - first);
      const block = { placesAt: placesAt + 4 * first, pairsAt: pairsAt + 4 * first * pairCount };
      this.#block(block, count);
      this.#write(logits, { first, count, sum, places, seen });
    }
    return logits;
  }

  /** The own side, as the tables are added to it. @returns what is of no item. */
  #begin(own: SideRows): { readonly base: number; readonly sums: number } {
    const { memory, units } = this.#context;
    const { layer, sums, base } = this.#own.derive(own, 0, 1);
    const to = this.#ownLayer / 4;
    const { floats } = memory;
    for (let j = 0; j < this.#ldl; j++)
      floats[to + j] = j < units ? floats[layer / 4 + j]! + (this.#firstBias[j] ?? 0) : 0;
    return { base: base[0]! + this.#bias, sums };
  }

  #scaled(pairs: Float32Array, rowCount: number, denseCount: number): Float32Array {
    const { scaled } = this.#sides.pair;
    if (scaled.length === 0) return pairs;
    const seen = pairs.slice();
    scaleColumns(seen, { rowCount, denseCount, scaled }, this.#scales);
    return seen;
  }

  /** The tower of some candidates, to where `#write` looks for it. */
  #block({ placesAt, pairsAt }: { placesAt: number; pairsAt: number }, count: number): void {
    const { kernels, units } = this.#context;
    if (units === 0) return;
    const pairCount = this.#sides.pair.denseCount;
    kernels.gatherLayer(
      ...([this.#layerTable.address, this.#ldl, placesAt, count, units] as const),
      ...([this.#ownLayer, pairsAt, pairCount, this.#pairWeights, this.#ldl] as const),
      ...([this.#layers.length > 0, this.#hidden, this.#ldl] as const),
    );
    let [x, ldx] = [this.#hidden, this.#ldl];
    for (const { inputs, width, values, panels, bias, isOutput, stride, output } of this.#layers) {
      if (width === 1)
        kernels.dot(x, ldx, values, count, inputs, isOutput ? 0 : bias, !isOutput, false, output); // prettier-ignore
      else
        kernels.product(
          ...([x, ldx, panels, roundUp(count, 4), inputs, width] as const),
          ...([isOutput ? 0 : bias, !isOutput, false, output, stride] as const),
        );
      [x, ldx] = [output, stride];
    }
  }

  #write(
    logits: Float32Array,
    {
      first,
      count,
      sum,
      places,
      seen,
    }: {
      readonly first: number;
      readonly count: number;
      readonly sum: { readonly base: number; readonly sums: number };
      readonly places: Uint32Array;
      readonly seen: Float32Array;
    },
  ): void {
    const { memory, kernels, parts, units, model } = this.#context;
    const { heads, factorDim } = model;
    const pairCount = this.#pairLinear.length;
    const placesAt = this.#places.reserve(1) + 4 * first;
    if (parts.interactions)
      kernels.gatherDot(
        ...([this.#sumTable.address, this.#lds, placesAt, count, factorDim] as const),
        ...([sum.sums, this.#dots] as const),
      );
    const last = this.#layers.at(-1);
    const tower = (last ? last.output : this.#hidden) / 4;
    const stride = last ? last.stride : this.#ldl;
    const { floats } = memory;
    for (let row = 0; row < count; row++) {
      const i = first + row;
      let shared = sum.base + this.#bases[places[i]!]!;
      if (parts.interactions) shared += floats[this.#dots / 4 + row]!;
      for (let p = 0; p < pairCount; p++) shared += seen[i * pairCount + p]! * this.#pairLinear[p]!;
      for (let head = 0; head < heads; head++) {
        const own = this.#heads
          ? shared * this.#heads.scale[head]! + this.#heads.bias[head]!
          : shared;
        logits[i * heads + head] = units > 0 ? own + floats[tower + row * stride + head]! : own;
      }
    }
  }
}

/** A layer behind the first. */
interface Layer {
  readonly name: string;
  readonly inputs: number;
  readonly width: number;
  readonly isOutput: boolean;
  readonly stride: number;
  readonly values: number;
  readonly bias: number;
  readonly panels: number;
  readonly output: number;
}

/** Rows by place. It moves as it grows, and what it was stays behind: together they are no larger than it is. */
class Table {
  address = 0;
  readonly #memory: LinearMemory;
  readonly #stride: number;
  #rows = 0;

  constructor(memory: LinearMemory, stride: number) {
    this.#memory = memory;
    this.#stride = stride;
  }

  reserve(rows: number): void {
    if (rows <= this.#rows || this.#stride === 0) return;
    const larger = Math.max(rows, 2 * this.#rows, 1024);
    const address = this.#memory.allocate(larger * this.#stride);
    const from = this.address / 4;
    this.#memory.floats.copyWithin(address / 4, from, from + this.#rows * this.#stride);
    this.address = address;
    this.#rows = larger;
  }

  take(place: number, source: number, row: number): void {
    const { floats } = this.#memory;
    const stride = this.#stride;
    const from = source / 4 + row * stride;
    floats.copyWithin(this.address / 4 + place * stride, from, from + stride);
  }
}
