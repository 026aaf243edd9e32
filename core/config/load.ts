import { statSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { basename, dirname, extname, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { StarlingError, codeOf, messageOf } from '../base/errors.js';
import { parseJson, textOfUtf8 } from '../base/json-text.js';
import { importConfigModule } from './config-module.js';
import { bundledNetwork } from './network-file.js';
import { isNetworkFile } from './network-schema.js';
import { type ClusterConfig, parseClusterConfig } from './schema.js';

/**
 * Reads a configuration file: with config-module.ts the one place in core that touches the disk, and nothing but the
 * command line calls it. Actors get what it says.
 */
const compiledRoot = fileURLToPath(new URL('../../', import.meta.url));
const extensions = ['.ts', '.mts', '.cts', '.js', '.mjs', '.cjs', '.json'];

/**
 * @param path a file in TypeScript, JavaScript or JSON; by default the project's own cluster.config.ts, as compiled.
 * @throws StarlingError CONFIG_INVALID naming the file, when it can't be read or what it declares is wrong.
 */
export async function loadClusterConfig(path?: string): Promise<ClusterConfig> {
  const file = resolve(path ?? `${compiledRoot}/cluster.config.js`);
  const declared = await withNetwork(file, await read(file));
  try {
    return parseClusterConfig(declared);
  } catch (cause) {
    if (codeOf(cause) !== 'CONFIG_INVALID') throw cause;
    const { details } = cause as StarlingError;
    throw invalid(file, messageOf(cause), cause, details);
  }
}

async function read(file: string): Promise<unknown> {
  const extension = extname(file).toLowerCase();
  if (!extensions.includes(extension)) {
    throw invalid(file, `expected a file that ends in ${extensions.join(', ')}`);
  }
  const found = statSync(file, { throwIfNoEntry: false });
  if (!found?.isFile()) throw invalid(file, found ? 'is no file' : 'there is no such file');
  return extension === '.json' ? jsonOf(file) : declaredIn(file, await moduleOf(file));
}

async function jsonOf(file: string): Promise<unknown> {
  try {
    return parseJson(textOfUtf8(await readFile(file)));
  } catch (cause) {
    throw invalid(file, messageOf(cause), cause);
  }
}

async function moduleOf(file: string): Promise<Readonly<Record<string, unknown>>> {
  try {
    return await importConfigModule(file);
  } catch (cause) {
    throw new StarlingError('CONFIG_INVALID', messageOf(cause), { file }, { cause });
  }
}

/** A network of one's own is read with the configuration; one that a cluster has had already has its code with it. */
async function withNetwork(file: string, declared: unknown): Promise<unknown> {
  const { model } = (declared ?? {}) as { readonly model?: Readonly<Record<string, unknown>> };
  const network = model?.['network'];
  if (!isNetworkFile(network) || model?.['networkCode'] !== undefined) return declared;
  const networkCode = await readNetwork(resolve(dirname(file), network));
  return { ...(declared as object), model: { ...model, networkCode } };
}

/**
 * @returns the code of a network of one's own, as `model.networkCode` has it.
 * @throws StarlingError CONFIG_INVALID
 */
export async function readNetwork(path: string): Promise<string> {
  const found = statSync(path, { throwIfNoEntry: false });
  if (!found?.isFile()) {
    const text = `model.network: ${found ? 'it is no file' : 'there is no such file'}: ${path}`;
    throw new StarlingError('CONFIG_INVALID', text, { file: path, fields: ['model.network'] });
  }
  try {
    return await bundledNetwork(path);
  } catch (cause) {
    const text = `model.network: ${messageOf(cause)}`;
    throw new StarlingError('CONFIG_INVALID', text, { file: path }, { cause });
  }
}

const expectedExport = 'export default defineCluster({ … })';

/** @throws StarlingError CONFIG_INVALID for what nobody meant to be one. */
function declaredIn(file: string, module: Readonly<Record<string, unknown>>): unknown {
  const declared = ofTranslated(module['default']);
  if (declared === undefined) {
    const others = Object.keys(module).filter((name) => name !== 'default');
    const has = others.length === 0 ? 'nothing' : others.join(', ');
    throw invalid(file, `expected a default export: ${expectedExport}; it exports ${has}`);
  }
  if (typeof declared === 'function')
    throw invalid(file, `expected ${expectedExport}; it exports a function, so call it there`);
  if (declared instanceof Promise)
    throw invalid(file, `expected ${expectedExport}; it exports a promise: export default await …`);
  return declared;
}

/** A module that a compiler has made CommonJS of keeps its default export beside others. */
function ofTranslated(declared: unknown): unknown {
  const { __esModule: isTranslated, default: own } = (declared ?? {}) as Record<string, unknown>;
  return isTranslated === true ? own : declared;
}

function invalid(
  file: string,
  text: string,
  cause?: unknown,
  details: Readonly<Record<string, unknown>> = {},
): StarlingError {
  const lines = text.split('\n');
  const message = lines.length > 1 ? `${basename(file)}:\n${text}` : `${basename(file)}: ${text}`;
  return new StarlingError('CONFIG_INVALID', message, { ...details, file }, { cause });
}
