import type { Graph } from '../graph.js';

/** Where the rows of a value lie; the stride is in floats. */
export interface Place {
  readonly address: number;
  readonly stride: number;
}

/** A gradient that is to be written, or added to if something was written before. */
export interface GradientPlace extends Place {
  readonly accumulate: boolean;
}

/** On rows of the block; a multiple of four. */
export type Instruction = (rows: number) => void;

export const nothing: Instruction = () => undefined;

export function roundUp(count: number, multiple: number): number {
  return Math.ceil(count / multiple) * multiple;
}

export function strideOf(columns: number): number {
  return columns === 1 ? 1 : roundUp(columns, 4);
}

export function isMatrix([rows, columns]: readonly [number, number]): boolean {
  return rows > 1 && columns > 1;
}

export function columnsOf({ nodes }: Graph, id: number): number {
  const node = nodes[id]!;
  return node.kind === 'parameter' ? node.shape[1] : node.columns;
}

export function together(...instructions: readonly Instruction[]): Instruction {
  const own = instructions.filter((each) => each !== nothing);
  if (own.length === 0) return nothing;
  if (own.length === 1) return own[0]!;
  return (n) => {
    for (const instruction of own) instruction(n);
  };
}
