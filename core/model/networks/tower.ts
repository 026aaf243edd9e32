import type { Blocks, Value } from '../blocks.js';
import type {
  InputPart,
  ModelSpec,
  NetworkInputs,
  ParameterDeclaration,
  Parameters,
} from '../network.js';
import { expertNames, gateParameters, mixed } from './experts.js';
import { partsWidth } from './inputs.js';

/** Layers with ReLU, `hidden` wide, over what the parts are; normalised, and with dropout, if the model says so. */
export function layerParameters(
  name: string,
  parts: readonly InputPart[],
  hidden: readonly number[],
  spec: ModelSpec,
): ParameterDeclaration[] {
  let rows = parts;
  return hidden.flatMap((units, layer): ParameterDeclaration[] => {
    const shape = [partsWidth(rows, spec), units] as const;
    const kernel = { name: `${name}${layer}.kernel`, shape, initial: 'glorot' as const, rows };
    rows = [{ units }];
    const bias = { name: `${name}${layer}.bias`, shape: [units], initial: 'zeros' } as const;
    if (!spec.layerNorm) return [kernel, bias];
    return [
      ...[kernel, bias],
      { name: `${name}${layer}.norm.gain`, shape: [units], initial: 'ones' },
      { name: `${name}${layer}.norm.bias`, shape: [units], initial: 'zeros' },
    ];
  });
}

export function layers(
  blocks: Blocks,
  name: string,
  x: Value,
  hidden: readonly number[],
  parameters: Parameters,
  { layerNorm, dropout = 0 }: ModelSpec,
): Value {
  const vector = (parameter: string) => parameters.vector(parameter);
  return hidden.reduce((below, _units, layer) => {
    const of = `${name}${layer}`;
    const kernel = parameters.matrix(`${of}.kernel`);
    const units = blocks.denseLayer(below, kernel, vector(`${of}.bias`), true);
    const normal = layerNorm
      ? blocks.layerNorm(units, vector(`${of}.norm.gain`), vector(`${of}.norm.bias`))
      : units;
    return blocks.dropout(normal, dropout);
  }, x);
}

/**
 * One output for each head without a bias (`bias` is it). It starts at Glorot's scale like the others: as the vectors start near zero, so
 * does the tower, and early predictions come from the first-order part anyway. A tenth of that scale was tried: 0.004 AUC worse
 * at a lag of 2000 events, no better at 100 (bench/quality).
 */
export function outputParameters(
  parts: readonly InputPart[],
  spec: ModelSpec,
): ParameterDeclaration {
  const shape = [partsWidth(parts, spec), spec.heads] as const;
  return { name: 'output.kernel', shape, initial: 'glorot', rows: parts, columns: 'heads' };
}

function output(blocks: Blocks, x: Value, parameters: Parameters): Value {
  return blocks.denseLayer(x, parameters.matrix('output.kernel'), null, false);
}

/** Hidden layers over the parts, then the outputs; each head's own mixture of several, if the model says so. */
export function towerParameters(
  parts: readonly InputPart[],
  spec: ModelSpec,
): ParameterDeclaration[] {
  return [...hiddenParameters(parts, spec), outputParameters(lastOf(parts, spec), spec)];
}

export function tower(blocks: Blocks, x: Value, parameters: Parameters, spec: ModelSpec): Value {
  return outputsOver(blocks, x, (last) => last, parameters, spec);
}

export function hiddenParameters(
  parts: readonly InputPart[],
  spec: ModelSpec,
): ParameterDeclaration[] {
  return [
    ...expertNames('hidden', spec).flatMap((name) =>
      layerParameters(name, parts, spec.hidden, spec),
    ),
    ...gateParameters(parts, spec),
  ];
}

/** @param seen what outputs see where hidden layers end in `last`. */
export function outputsOver(
  blocks: Blocks,
  x: Value,
  seen: (last: Value) => Value,
  parameters: Parameters,
  spec: ModelSpec,
): Value {
  const outputs = expertNames('hidden', spec).map((name) =>
    output(blocks, seen(layers(blocks, name, x, spec.hidden, parameters, spec)), parameters),
  );
  return mixed(blocks, x, outputs, parameters, spec);
}

/** What is above the hidden layers over the parts. */
export function lastOf(parts: readonly InputPart[], { hidden }: ModelSpec): readonly InputPart[] {
  const units = hidden.at(-1);
  return units === undefined ? parts : [{ units }];
}

/** [vectors | dense features], as `inputParts` says. */
export function inputsOf(blocks: Blocks, { vectors, dense }: NetworkInputs): Value {
  return dense === null ? vectors : blocks.concatColumns(vectors, dense);
}
