import { existsSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { basename, dirname, extname, isAbsolute, relative, resolve } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import type ts from 'typescript';
import { StarlingError, codeOf, messageOf } from '../base/errors.js';
import { parseJson, textOfUtf8 } from '../base/json-text.js';
import { type ClusterConfig, parseClusterConfig } from './schema.js';

/**
 * Reads a configuration file: the one place in core that touches the disk, and nothing but the command line and the
 * start of an actor calls it.
 *
 * Node 20 can't import TypeScript, so a .ts file is translated first. It is then imported from memory rather than from a
 * temporary file: the folder of a config may be read-only, and a crash leaves nothing behind. Imports from memory have
 * no folder to be relative to, hence they are rewritten to whole addresses.
 */
const compiledRoot = fileURLToPath(new URL('../../', import.meta.url));
const extensions = ['.ts', '.mts', '.js', '.mjs', '.json'];

/**
 * @param path a .ts, .js, .mjs or .json file; by default the project's own cluster.config.ts, as compiled.
 * @throws StarlingError CONFIG_INVALID naming the file, when it can't be read or what it declares is wrong.
 */
export async function loadClusterConfig(path?: string): Promise<ClusterConfig> {
  const file = resolve(path ?? `${compiledRoot}/cluster.config.js`);
  const declared = await read(file);
  try {
    return parseClusterConfig(declared);
  } catch (cause) {
    if (codeOf(cause) !== 'CONFIG_INVALID') throw cause;
    const { details } = cause as StarlingError;
    throw invalid(file, messageOf(cause), cause, details);
  }
}

async function read(file: string): Promise<unknown> {
  if (!extensions.includes(extname(file))) {
    throw invalid(file, `expected a file that ends in ${extensions.join(', ')}`);
  }
  if (!existsSync(file)) throw invalid(file, 'there is no such file');
  try {
    if (extname(file) === '.json') return parseJson(await textOf(file));
    const address = extname(file).endsWith('ts')
      ? await translated(file)
      : pathToFileURL(file).href;
    const module = (await import(address)) as { default?: unknown };
    if (module.default !== undefined) return module.default;
  } catch (cause) {
    if (codeOf(cause) === 'CONFIG_INVALID') throw cause;
    const told = extname(file) === '.json' ? '' : "can't be loaded: "; // A mistake in JSON has its place.
    throw invalid(file, `${told}${messageOf(cause)}`, cause);
  }
  throw invalid(file, 'expected a default export: export default defineCluster({ … })');
}

/** @throws StarlingError CONFIG_INVALID where it is saved in another encoding. */
async function textOf(file: string): Promise<string> {
  const bytes = await readFile(file);
  try {
    return textOfUtf8(bytes);
  } catch (cause) {
    throw invalid(file, messageOf(cause), cause);
  }
}

/** The file as JavaScript, in a data: address. */
async function translated(file: string): Promise<string> {
  const compiler = await typescript(file);
  const { outputText, diagnostics } = compiler.transpileModule(await textOf(file), {
    fileName: file,
    reportDiagnostics: true,
    compilerOptions: {
      module: compiler.ModuleKind.ES2022,
      target: compiler.ScriptTarget.ES2022,
    },
  });
  const [mistake] = diagnostics ?? [];
  if (mistake) {
    const line = mistake.file?.getLineAndCharacterOfPosition(mistake.start ?? 0).line ?? 0;
    const text = compiler.flattenDiagnosticMessageText(mistake.messageText, ' ');
    throw invalid(file, `line ${line + 1}: ${text}`);
  }
  const code = withWholeAddresses(compiler, outputText, dirname(file));
  return `data:text/javascript;base64,${Buffer.from(code).toString('base64')}`;
}

async function typescript(file: string): Promise<typeof ts> {
  try {
    return ((await import('typescript')) as { default: typeof ts }).default;
  } catch (cause) {
    const remedy = 'install the package "typescript", or give the file as .js, .mjs or .json';
    throw invalid(file, `TypeScript can't be read without its compiler; ${remedy}`, cause);
  }
}

/** From the last import to the first, so that the positions of those before stay true. */
function withWholeAddresses(compiler: typeof ts, code: string, folder: string): string {
  const { importedFiles } = compiler.preProcessFile(code, true, true);
  return importedFiles
    .toSorted((a, b) => b.pos - a.pos)
    .reduce((text, { fileName, pos }) => {
      const start = text.indexOf(fileName, pos); // `pos` is that of the quote.
      const rest = text.slice(start + fileName.length);
      return text.slice(0, start) + addressOf(fileName, folder) + rest;
    }, code);
}

/**
 * A relative import that isn't there as JavaScript, but lies in this project as TypeScript, is its compiled module.
 * Bare names are looked up from here, so that `starling` means this very project.
 */
function addressOf(specifier: string, folder: string): string {
  if (/^[a-z]+:/.test(specifier)) return specifier;
  if (!specifier.startsWith('.') && !isAbsolute(specifier)) return import.meta.resolve(specifier);
  const file = resolve(folder, specifier);
  if (existsSync(file)) return pathToFileURL(file).href;
  const projectRoot = dirname(resolve(compiledRoot));
  const compiled = resolve(compiledRoot, relative(projectRoot, file));
  return pathToFileURL(existsSync(compiled) ? compiled : file).href;
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
