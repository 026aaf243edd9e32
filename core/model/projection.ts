import type { Blocks } from './blocks.js';
import type {
  InputSides,
  ModelSpec,
  Network,
  NetworkInputs,
  ParameterDeclaration,
  Parameters,
} from './network.js';

/**
 * Vectors from outside become rows like those of slots: [w, v₁ … v_k] = x·[linear | kernel]. A network sees one slot more for each, so
 * that pairwise products and the perceptron take it with whoever looks at it, and an item that nobody has seen yet
 * is near those whose vectors are near (content cold start).
 *
 * The last number of a vector says that the others are missing, so there is a row for that too. Linear weights start at 0, as those of rows
 * do; the kernel at Glorot's scale: the projection of a vector of length 1 is about as long as a row at its start.
 */
export function withProjections(network: Network): Network {
  return {
    parameters: (spec) =>
      spec.vectors
        ? [...network.parameters(seenSpec(spec)), ...declared(spec)]
        : network.parameters(spec),
    forward: (blocks, inputs, parameters, spec) =>
      spec.vectors
        ? network.forward(blocks, project(blocks, inputs, parameters), parameters, seenSpec(spec))
        : network.forward(blocks, inputs, parameters, spec),
  };
}

/** Dense features that are no vectors. */
export function plainDenseCount({ denseCount, vectors = [] }: ModelSpec): number {
  return vectors.reduce((count, { width }) => count - width, denseCount);
}

/** Which of the dense features they are, in their order. */
export function plainColumns({ denseCount, vectors = [] }: ModelSpec): number[] {
  const columns = Array.from({ length: denseCount }, (_, column) => column);
  return columns.filter((column) =>
    vectors.every(({ at, width }) => column < at || column >= at + width),
  );
}

/** What the network sees: projections are slots, and no numbers. */
export function seenSpec(spec: ModelSpec): ModelSpec {
  const { vectors, sides, ...rest } = spec;
  return {
    ...rest,
    slotCount: spec.slotCount + (vectors?.length ?? 0),
    ...(sides ? { sides: seenSides(sides, spec) } : {}),
    denseCount: plainDenseCount(spec),
  };
}

function seenSides({ slots, columns }: InputSides, spec: ModelSpec): InputSides {
  return {
    slots: [...slots, ...(spec.vectors ?? []).map(({ at }) => columns[at]!)],
    columns: plainColumns(spec).map((column) => columns[column]!),
  };
}

function declared({ vectors = [], factorDim }: ModelSpec): ParameterDeclaration[] {
  return vectors.flatMap(({ width }, i): ParameterDeclaration[] => [
    { name: `vector${i}.linear`, shape: [width, 1], initial: 'zeros' },
    { name: `vector${i}.kernel`, shape: [width, factorDim], initial: 'glorot' },
  ]);
}

function project(blocks: Blocks, inputs: NetworkInputs, parameters: Parameters): NetworkInputs {
  let { weights, vectors } = inputs;
  inputs.projected.forEach((x, i) => {
    const layer = (name: string) => blocks.denseLayer(x, parameters.matrix(name), null, false);
    weights = blocks.concatColumns(weights, layer(`vector${i}.linear`));
    vectors = blocks.concatColumns(vectors, layer(`vector${i}.kernel`));
  });
  return { ...inputs, weights, vectors };
}
