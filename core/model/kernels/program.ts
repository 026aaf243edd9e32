import { assert } from '../../base/assert.js';
import type { BlockNode, Graph, InputName, Node, ParameterNode } from '../graph.js';
import { blockKernels } from './block-kernels.js';
import type { Kernels } from './kernels.js';
import type { LinearMemory, Region } from './linear-memory.js';
import {
  isMatrix,
  nothing,
  roundUp,
  strideOf,
  type GradientPlace,
  type Instruction,
  type Place,
} from './places.js';

/**
 * A graph as calls of kernels on places in memory that were chosen once. A batch goes through it in blocks of rows, forward and
 * backward, while what was computed is still in cache, and gradients of parameters add up over them; so the memory of a
 * network does not depend on the batch, and nothing is allocated for one.
 *
 * A row of a value takes its columns rounded up to four, of one column just one. A value that is only there to stand beside another
 * (`concatColumns`) lies where it will stand, and so does its gradient.
 */
const blockRows = 128;

/** Of each slot, at least; a program for longer examples takes four times what the longest has. */
export const occurrencesMin = 1024;

export interface ParameterPlaces {
  readonly shape: readonly [rows: number, columns: number];
  /** [rows × columns] as they were given. */
  readonly values: number;
  /** Gradients add up here: of a matrix [roundUp(rows, 4) × roundUp(columns, 8)], else one number after the other. */
  readonly gradient: number;
  /** Of the gradient. */
  readonly stride: number;
}

/** The occurrences of a slot in the block of examples that is computed. */
export interface OccurrencePlaces {
  /** u32 [rows + 1]: where those of each example begin. */
  readonly starts: number;
  /** Multiple of four. */
  readonly capacity: number;
  /** How many there are, up to a multiple of four. */
  total: number;
  /** How many examples. */
  examples: number;
}

export interface ProgramOptions {
  readonly withGradients: boolean;
  /** How many occurrences of a slot a block of examples has at most. */
  readonly occurrencesMax: number;
}

export class Program {
  readonly kernels: Kernels;
  readonly memory: LinearMemory;
  readonly graph: Graph;
  readonly hasGradients: boolean;
  /** Of a block, at most. */
  readonly rows = blockRows;
  readonly #parameters: number;
  readonly #live: readonly boolean[];
  readonly #learns: readonly boolean[];
  readonly #occurrencesMax: number;
  readonly #occurrences = new Map<number, OccurrencePlaces>();
  readonly #values = new Map<number, Place>();
  readonly #gradients = new Map<number, Place>();
  /** Values that lie within another one, by that one. */
  readonly #inside = new Map<number, number[]>();
  readonly #written = new Set<number>();
  readonly #parameterPlaces = new Map<number, ParameterPlaces>();
  readonly #packed = new Map<string, number>();
  readonly #scratch: Region;
  readonly #prepare: (() => void)[] = [];
  readonly #forward: Instruction[] = [];
  readonly #backward: Instruction[] = [];

  constructor(
    graph: Graph,
    kernels: Kernels,
    memory: LinearMemory,
    { withGradients, occurrencesMax }: ProgramOptions,
  ) {
    this.graph = graph;
    this.kernels = kernels;
    this.memory = memory;
    this.hasGradients = withGradients;
    this.#occurrencesMax = roundUp(occurrencesMax, 4);
    this.#parameters = memory.allocate(graph.layout.size);
    this.#scratch = memory.region();
    this.#live = liveNodes(graph);
    this.#learns = learningNodes(graph);
    this.#choosePlaces(withGradients);
    const blocks = graph.nodes.filter((node) => this.#isLive(node));
    for (const node of blocks)
      this.#forward.push(this.#counted(node, blockKernels[node.block].forward(node, this)));
    if (!withGradients) return;
    this.#markWritten(graph.logits.id);
    for (const node of blocks.reverse())
      this.#backward.push(this.#counted(node, blockKernels[node.block].backward(node, this)));
  }

  /** Of slots whose rows the network looks at one by one. */
  get slots(): ReadonlyMap<number, OccurrencePlaces> {
    return this.#occurrences;
  }

  occurrences(slot: number): OccurrencePlaces {
    let places = this.#occurrences.get(slot);
    if (!places) {
      const capacity = this.#occurrencesMax;
      const starts = this.memory.allocate(this.rows + 1);
      places = { starts, capacity, total: 0, examples: 0 };
      this.#occurrences.set(slot, places);
    }
    return places;
  }

  /** Takes new parameters. */
  load(parameters: Float32Array): void {
    this.memory.floats.set(parameters, this.#parameters / 4);
    for (const pack of this.#prepare) pack();
  }

  forward(rows: number): void {
    for (const instruction of this.#forward) instruction(rows);
  }

  /** From the gradient of the logits, which is in its place, to those of inputs and parameters. */
  backward(rows: number): void {
    for (const instruction of this.#backward) instruction(rows);
  }

  /** Before the first block of a batch. */
  clearGradients(): void {
    for (const [id, { gradient }] of this.#parameterPlaces) {
      const start = gradient / 4;
      this.memory.floats.fill(0, start, start + gradientFloats(this.#parameter(id)));
    }
  }

  /** f32 [layout.size], those of parameters, · scale, to `out`, which is 0. */
  writeGradients(scale: number, out: number): void {
    for (const [id, { gradient }] of this.#parameterPlaces) {
      const { shape, offset } = this.#parameter(id);
      const [rows, columns] = shape;
      const target = out + 4 * offset;
      if (isMatrix(shape))
        this.kernels.compact(gradient, roundUp(columns, 8), rows, columns, scale, target);
      else this.kernels.compact(gradient, rows * columns, 1, rows * columns, scale, target);
    }
  }

  /** Whether anything looks at it. */
  has(id: number): boolean {
    return this.#live[id]!;
  }

  value(id: number): Place {
    return this.#values.get(id)!;
  }

  /** Where the gradient of a value is when its block goes backward. */
  gradient(id: number): Place {
    return this.#gradients.get(id)!;
  }

  /** Of an operand, where its gradient goes; undefined where nobody learns from it. */
  gradientTo(id: number): GradientPlace | undefined {
    if (!this.#learns[id]) return undefined;
    const accumulate = this.#written.has(id);
    this.#markWritten(id);
    return { ...this.gradient(id), accumulate };
  }

  parameter(id: number): ParameterPlaces {
    let places = this.#parameterPlaces.get(id);
    if (!places) {
      const node = this.#parameter(id);
      const { shape } = node;
      places = {
        shape,
        values: this.#parameters + 4 * node.offset,
        gradient: this.memory.allocate(gradientFloats(node)),
        stride: isMatrix(shape) ? roundUp(shape[1], 8) : shape[1],
      };
      this.#parameterPlaces.set(id, places);
    }
    return places;
  }

  /** A matrix in panels, of itself or of its transpose; packed anew with new parameters. */
  panels(id: number, transposed: boolean): number {
    const [rows, columns] = this.#parameter(id).shape;
    const [k, m] = transposed ? [columns, rows] : [rows, columns];
    return this.#pack(`${id}${transposed ? 'ᵀ' : ''}`, k * roundUp(m, 8), (out) => {
      this.kernels.pack(this.parameter(id).values, k, m, transposed, out);
    });
  }

  /** A bias with zeros up to a multiple of 8. */
  bias(id: number): number {
    const columns = this.#parameter(id).shape[1];
    return this.#pack(`${id}`, roundUp(columns, 8), (out) => {
      this.kernels.packBias(this.parameter(id).values, columns, out);
    });
  }

  /** Where a product of a batch packs its sides. */
  outerScratch(k: number, m: number): number {
    return this.scratch(blockRows * (roundUp(k, 4) + roundUp(m, 8)));
  }

  /** What an instruction leaves there is gone after it. */
  scratch(floats: number): number {
    return this.#scratch.reserve(floats);
  }

  /** Of a block on occurrences, as many rows as there are. */
  #counted({ rows }: BlockNode, instruction: Instruction): Instruction {
    if (rows === 'example' || instruction === nothing) return instruction;
    const of = this.occurrences(rows);
    return () => instruction(of.total);
  }

  #pack(key: string, floats: number, pack: (out: number) => void): number {
    const known = this.#packed.get(key);
    if (known !== undefined) return known;
    const address = this.memory.allocate(floats);
    this.#packed.set(key, address);
    this.#prepare.push(() => pack(address));
    return address;
  }

  #parameter(id: number): ParameterNode {
    const node = this.graph.nodes[id]!;
    assert(node.kind === 'parameter', `node ${id} is no parameter`);
    return node;
  }

  #isLive(node: Node): node is BlockNode {
    return node.kind === 'block' && this.#live[node.id]!;
  }

  /** From the end: what holds others comes before them. */
  #choosePlaces(withGradients: boolean): void {
    const { nodes } = this.graph;
    for (let id = nodes.length - 1; id >= 0; id--) {
      const node = nodes[id]!;
      if (node.kind === 'parameter' || !this.#live[id]) continue;
      if (!this.#values.has(id)) {
        const stride = strideOf(node.columns);
        const rows = node.rows === 'example' ? blockRows : this.occurrences(node.rows).capacity;
        const floats = rows * stride;
        this.#values.set(id, { address: this.memory.allocate(floats), stride });
        if (withGradients)
          this.#gradients.set(id, { address: this.memory.allocate(floats), stride });
      }
      if (node.kind === 'block' && node.block === 'concatColumns') this.#placeWithin(node);
    }
  }

  #placeWithin({ id, operands, columns }: BlockNode): void {
    const [left, right] = operands as [number, number];
    const width = this.#columns(left);
    // Kernels write up to a multiple of four, which must not be somebody else's.
    if (width % 4 !== 0 || strideOf(columns) !== roundUp(columns, 4)) return;
    for (const [operand, at] of [
      [left, 0],
      [right, width],
    ] as const) {
      if (!this.#mayLieIn(operand, id)) continue;
      for (const places of [this.#values, this.#gradients]) {
        const whole = places.get(id);
        if (whole) places.set(operand, { ...whole, address: whole.address + 4 * at });
      }
      this.#inside.set(id, [...(this.#inside.get(id) ?? []), operand]);
    }
  }

  /** Its gradient has to be there at once with that of the whole: whoever else looks at it comes before. */
  #mayLieIn(id: number, whole: number): boolean {
    if (this.#values.has(id) || this.#columns(id) === 1) return false;
    const users = this.graph.nodes.filter(
      (node) => node.kind === 'block' && node.id >= whole && node.operands.includes(id),
    ) as BlockNode[];
    const times = users.flatMap(({ operands }) => operands.filter((each) => each === id)).length;
    return times === 1;
  }

  #columns(id: number): number {
    const node = this.graph.nodes[id]!;
    assert(node.kind !== 'parameter', `node ${id} is a parameter`);
    return node.columns;
  }

  #markWritten(id: number): void {
    this.#written.add(id);
    for (const part of this.#inside.get(id) ?? []) this.#markWritten(part);
  }

  /** Whether a part of a whole lies in it already. */
  liesIn(part: number, whole: number): boolean {
    return this.#inside.get(whole)?.includes(part) ?? false;
  }
}

function gradientFloats({ shape }: ParameterNode): number {
  const [rows, columns] = shape;
  return isMatrix(shape) ? roundUp(rows, 4) * roundUp(columns, 8) : roundUp(rows * columns, 4);
}

/** What the logits are made of. */
function liveNodes({ nodes, logits }: Graph): boolean[] {
  const live = new Array<boolean>(nodes.length).fill(false);
  live[logits.id] = true;
  for (let id = nodes.length - 1; id >= 0; id--) {
    const node = nodes[id]!;
    if (live[id] && node.kind === 'block') for (const operand of readBy(node)) live[operand] = true;
  }
  return live;
}

/** Numbers that nobody learns. */
const given: ReadonlySet<InputName> = new Set([
  ...(['dense', 'projected', 'marks', 'dropout'] as const),
]);

/** What has a gradient that somebody learns from: rows, and all that is made of rows or parameters. */
function learningNodes({ nodes }: Graph): boolean[] {
  const learns: boolean[] = [];
  for (const node of nodes) {
    if (node.kind === 'input') learns.push(!given.has(node.input));
    else if (node.kind === 'parameter') learns.push(true);
    else learns.push(readBy(node).some((id) => learns[id]));
  }
  return learns;
}

/** Of what says only whose occurrences are meant no number is looked at. */
function readBy({ block, operands }: BlockNode): readonly number[] {
  return block === 'repeat' ? operands.slice(0, 1) : operands;
}
