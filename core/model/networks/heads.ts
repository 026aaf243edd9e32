import type { Blocks, Value } from '../blocks.js';
import type { ModelSpec, ParameterDeclaration, Parameters } from '../network.js';

/**
 * Of several heads each has its own scale and bias of what is shared: a purchase is rarer than a view, and may depend less on what
 * was learned of views. One head is what is shared itself, and costs nothing.
 */
export function headParameters({ heads }: ModelSpec): ParameterDeclaration[] {
  if (heads === 1) return [];
  return [
    { name: 'head.scale', shape: [1, heads], initial: 'ones', columns: 'heads' },
    { name: 'head.bias', shape: [heads], initial: 'zeros', columns: 'heads' },
  ];
}

/** [n, 1] → [n, heads]. */
export function perHead(
  blocks: Blocks,
  shared: Value,
  parameters: Parameters,
  spec: ModelSpec,
): Value {
  if (spec.heads === 1) return shared;
  return blocks.denseLayer(
    shared,
    parameters.matrix('head.scale'),
    parameters.vector('head.bias'),
    false,
  );
}

/** What all heads share, [n, 1] each, and what each has of its own, [n, heads]. With one head it is one sum. */
export function withOwn(
  blocks: Blocks,
  shared: readonly Value[],
  own: Value,
  parameters: Parameters,
  spec: ModelSpec,
): Value {
  if (spec.heads === 1) return blocks.add([...shared, own]);
  const sum = shared.length === 1 ? shared[0]! : blocks.add(shared);
  return blocks.add([perHead(blocks, sum, parameters, spec), own]);
}
