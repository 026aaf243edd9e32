import { compileFunction } from 'node:vm';
import { codeOf, messageOf, StarlingError } from '../../base/errors.js';
import type { Blocks, ParameterValue, Value } from '../blocks.js';
import type { ModelSpec, Network, ParameterDeclaration } from '../network.js';
import { partsWidth } from './inputs.js';
import { networkParts } from './parts.js';

/**
 * A network of somebody's own, from the text that its file was bundled to (core/config/network-file.ts). The text travels with the
 * configuration, so every process of a version computes the same; it imports nothing but the parts that networks here are made of.
 * What is wrong with it is said as a mistake of the configuration, with the block at which it shows.
 */
const compiled = new Map<string, Network>();

/** Too few: who reads many versions compiles them again. Too many: memory of what nobody runs any more. */
const compiledMax = 16;

/**
 * @param file how the configuration names it, for people.
 * @throws StarlingError CONFIG_INVALID
 */
export function ownNetwork(file: string, code: string): Network {
  const key = `${file}\n${code}`;
  const known = compiled.get(key);
  if (known) return known;
  const network = checked(file, networkIn(file, code));
  if (compiled.size >= compiledMax) compiled.clear();
  compiled.set(key, network);
  return network;
}

/** What its module exports by default. */
function networkIn(file: string, code: string): Network {
  const module = { exports: {} as Record<string, unknown> };
  told(file, () => {
    const run = compileFunction(code, ['module', 'exports', 'require'], { filename: file });
    (run as (...given: unknown[]) => void)(module, module.exports, partsFor);
  });
  const { default: byDefault } = module.exports;
  // A file in CommonJS is what it exports.
  const found = (byDefault ?? module.exports) as Partial<Network>;
  if (typeof found.parameters === 'function' && typeof found.forward === 'function')
    return found as Network;
  const others = Object.keys(module.exports).filter((name) => name !== 'default');
  const has = byDefault !== undefined ? 'something else' : others.join(', ') || 'nothing';
  throw invalid(
    file,
    `expected export default defineNetwork({ parameters(spec) { … }, forward(blocks, inputs, parameters, spec) { … } }); it exports ${has}`,
  );
}

function partsFor(name: string): unknown {
  if (!/^starling(-recommender)?(\/config)?$/.test(name))
    throw new Error(`a network is a function of what it is given, and can't import "${name}"`);
  return new Proxy(networkParts, {
    get(parts, part) {
      if (Object.hasOwn(parts, part)) return parts[part as keyof typeof parts];
      if (part === '__esModule') return true;
      const known = Object.keys(parts).join(', ');
      throw new Error(`"${name}" exports no ${String(part)} to a network; it has ${known}`);
    },
  });
}

function checked(file: string, network: Network): Network {
  return {
    parameters: (spec) => {
      const declared = told(file, () => network.parameters(spec));
      const problem = declarationProblem(declared, spec);
      if (problem !== undefined) throw invalid(file, `parameters: ${problem}`);
      return declared;
    },
    forward: (blocks, inputs, parameters, spec) => {
      const logits = told(file, () =>
        network.forward(namedBlocks(blocks), inputs, parameters, spec),
      );
      const { rows, columns } = (logits as Value | undefined) ?? {};
      if (rows === 'example' && columns === spec.heads) return logits;
      const found = rows === undefined ? 'nothing' : shapeText(logits);
      throw invalid(file, `forward: expected logits [n, ${spec.heads}]; got ${found}`);
    },
  };
}

const initials: readonly unknown[] = ['zeros', 'ones', 'glorot', 'identity'];

function declarationProblem(
  declared: readonly ParameterDeclaration[],
  spec: ModelSpec,
): string | undefined {
  if (!Array.isArray(declared)) return 'expected a list of {name, shape, initial}';
  const names = new Set<string>();
  for (const each of declared as readonly (ParameterDeclaration | undefined)[]) {
    if (typeof each?.name !== 'string' || each.name === '') return 'expected a name of each';
    const { name, shape, initial, rows, columns } = each;
    if (names.has(name)) return `two are named ${name}`;
    names.add(name);
    const isShape =
      Array.isArray(shape) &&
      (shape.length === 1 || shape.length === 2) &&
      shape.every((length) => Number.isSafeInteger(length) && length > 0);
    if (!isShape)
      return `${name}: expected a shape of [columns] or [rows, columns]; got ${JSON.stringify(shape)}`;
    if (!initials.includes(initial))
      return `${name}: expected initial to be one of ${initials.join(', ')}; got ${JSON.stringify(initial)}`;
    const axes = [
      ['rows', rows && partsWidth(rows, spec), shape.length === 1 ? 1 : shape[0]],
      [
        'columns',
        columns === 'heads' ? spec.heads : columns && partsWidth(columns, spec),
        shape.at(-1),
      ],
    ] as const;
    for (const [axis, width, length] of axes)
      if (width !== undefined && width !== length)
        return `${name}: its ${axis} are ${width} numbers by what they are of, and ${length} by its shape`;
  }
  return undefined;
}

/** A block that refuses what it is given says which one it is, and of what. */
function namedBlocks(blocks: Blocks): Blocks {
  return new Proxy(blocks, {
    get(target, name) {
      const block = Reflect.get(target, name) as ((...given: unknown[]) => Value) | undefined;
      if (block === undefined) throw new Error(`there is no block ${String(name)}`);
      return (...given: unknown[]): Value => {
        try {
          return block.apply(target, given);
        } catch (cause) {
          const why = messageOf(cause).replace(/^assertion failed: /, '');
          throw new Error(`${String(name)}(${given.map(operandText).join(', ')}): ${why}`, {
            cause,
          });
        }
      };
    },
  });
}

function operandText(given: unknown): string {
  if (Array.isArray(given)) return `[${given.map(operandText).join(', ')}]`;
  if (typeof given !== 'object' || given === null) return JSON.stringify(given) ?? String(given);
  if ('shape' in given) {
    const { name, shape } = given as ParameterValue;
    return `${name} [${shape.join(', ')}]`;
  }
  return 'columns' in given ? shapeText(given as Value) : 'no value';
}

function shapeText({ rows, columns }: Value): string {
  return rows === 'example' ? `[n, ${columns}]` : `[occurrences of slot ${rows}, ${columns}]`;
}

function told<T>(file: string, act: () => T): T {
  try {
    return act();
  } catch (cause) {
    if (codeOf(cause) === 'CONFIG_INVALID') throw cause;
    throw invalid(file, messageOf(cause).replace(/^assertion failed: /, ''), cause);
  }
}

function invalid(file: string, text: string, cause?: unknown): StarlingError {
  const message = `model.network: ${file}: ${text}`;
  return new StarlingError('CONFIG_INVALID', message, { fields: ['model.network'] }, { cause });
}
