import { existsSync, readFileSync, statSync } from 'node:fs';
import { createRequire, SourceMap, type SourceMapPayload } from 'node:module';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { Script } from 'node:vm';

/**
 * A program as one file, with what V8 has compiled of it kept beside: `npm run build` makes both of the modules.
 *
 * To load the modules of an actor takes some 300 ms of processor (250 files, two thirds of them from packages), and a cluster
 * starts seven such processes at once, while nothing else can be done yet. As one file it is 120 ms, and 70 ms with what was
 * compiled of it. Where a module is newer than the file, as after a mere `tsc`, the modules are loaded: what runs is never
 * yesterday's code. Code that another version of V8 has compiled is refused by V8, and compiled again.
 */
const folder = fileURLToPath(new URL('../programs/', import.meta.url));
const root = path.dirname(path.dirname(folder));

/** `actors`: all that an actor process may become. `starling`: the command line, with the supervisor. */
export type ProgramName = 'actors' | 'starling';

/** @param modules loads the program as it was compiled, for when there is no newer file of it. */
export async function runProgram(
  name: ProgramName,
  modules: () => Promise<unknown>,
): Promise<unknown> {
  const file = path.join(folder, `${name}.cjs`);
  return isFresh(file) ? runFile(file) : modules();
}

/** Whether there is one, no older than what it was made of, which takes 2 ms to see. */
function isFresh(file: string): boolean {
  const made = statSync(file, { throwIfNoEntry: false });
  if (made === undefined) return false;
  // In a package nobody compiles, and the times are those of its unpacking.
  if (!existsSync(path.join(root, 'tsconfig.json'))) return true;
  const inputs = JSON.parse(readFileSync(`${file}.json`, 'utf8')) as string[];
  return inputs.every((input) => {
    const found = statSync(path.join(root, input), { throwIfNoEntry: false });
    return found !== undefined && found.mtimeMs <= made.mtimeMs;
  });
}

function runFile(file: string): unknown {
  const compiled = compile(file);
  traceToSources(file);
  const module = { exports: {} };
  const run = compiled.runInThisContext() as (...args: readonly unknown[]) => void;
  const importModule = (name: string): Promise<unknown> => import(name);
  const parts = [module.exports, createRequire(file), module, file, path.dirname(file)];
  run(...parts, importModule);
  return module.exports;
}

function compile(file: string): Script {
  const cachedData = textOrNothing(`${file}.cache`);
  return new Script(readFileSync(file, 'latin1'), {
    filename: file,
    ...(cachedData === undefined ? {} : { cachedData }),
  });
}

function textOrNothing(file: string): Buffer | undefined {
  try {
    return readFileSync(file);
  } catch {
    return undefined; // It is compiled here.
  }
}

/** So that the stack of an error names the files and lines that people have. The map is read with the first stack. */
function traceToSources(file: string): void {
  let map: SourceMap | undefined;
  const placed = (frame: NodeJS.CallSite): string => {
    // `toString` is a method of its own, which the types leave out.
    const text = (frame as { toString(): string }).toString();
    const [line, column] = [frame.getLineNumber(), frame.getColumnNumber()];
    if (frame.getFileName() !== file || line === null || column === null) return text;
    map ??= new SourceMap(JSON.parse(readFileSync(`${file}.map`, 'utf8')) as SourceMapPayload);
    const entry = map.findEntry(line - 1, column - 1);
    if (!('originalSource' in entry)) return text;
    const source = path.resolve(folder, entry.originalSource);
    const place = `${source}:${entry.originalLine + 1}:${entry.originalColumn + 1}`;
    return text.replace(`${file}:${line}:${column}`, () => place);
  };
  Error.prepareStackTrace = (error, frames) =>
    [headOf(error), ...frames.map((frame) => `    at ${placed(frame)}`)].join('\n');
}

function headOf(error: unknown): string {
  try {
    return Error.prototype.toString.call(error);
  } catch {
    return 'Error'; // Whose message throws.
  }
}
