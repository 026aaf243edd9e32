import type { Blocks, Value } from '../blocks.js';
import type { InputPart, ModelSpec, ParameterDeclaration, Parameters } from '../network.js';
import { partsWidth } from './inputs.js';

/**
 * Heads that need not agree on what hidden layers learn: there are several of these, the experts, and each head has a gate that says of an
 * example how much each of them counts ("Multi-gate Mixture-of-Experts", Ma et al., 2018).
 *
 *   x ─▶ expert e: hidden … ─▶ outputs [n, heads] ─┐
 *   x ─▶ gates: x·G_e [n, heads], shares over e ───⊙─▶ Σ_e ─▶ [n, heads]
 *
 * Gates begin at nothing, so at first all experts count alike; as each begins with weights of its own, gates learn from the first step on.
 * What is shared beside hidden layers (first-order part, products of pairs) stays shared.
 */
export function expertNames(name: string, { experts }: ModelSpec): readonly string[] {
  if (experts === undefined) return [name];
  return Array.from({ length: experts }, (_, expert) => `expert${expert}.${name}`);
}

/** @param parts what gates look at. */
export function gateParameters(
  parts: readonly InputPart[],
  spec: ModelSpec,
): ParameterDeclaration[] {
  const shape = [partsWidth(parts, spec), spec.heads] as const;
  return Array.from({ length: spec.experts ?? 0 }, (_, expert) => ({
    ...{ name: `expert${expert}.gate`, shape, initial: 'zeros' as const },
    ...{ rows: parts, columns: 'heads' as const },
  }));
}

/**
 * @param x what gates look at.
 * @param outputs of each expert, [n, heads].
 */
export function mixed(
  blocks: Blocks,
  x: Value,
  outputs: readonly Value[],
  parameters: Parameters,
  { experts, heads }: ModelSpec,
): Value {
  if (experts === undefined) return outputs[0]!;
  const gates = outputs.map((_output, expert) =>
    blocks.denseLayer(x, parameters.matrix(`expert${expert}.gate`), null, false),
  );
  const beside = (values: readonly Value[]): Value =>
    values.reduce((left, right) => blocks.concatColumns(left, right));
  const shares = blocks.softmaxParts(beside(gates), experts);
  const counted = blocks.multiply(shares, beside(outputs));
  return blocks.add(
    outputs.map((_output, expert) => blocks.sliceColumns(counted, expert * heads, heads)),
  );
}
