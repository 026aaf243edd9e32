import { SourceMap, isBuiltin, type SourceMapPayload } from 'node:module';
import { basename, dirname, extname, join } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import type { BuildOptions, OnResolveResult, Plugin } from 'esbuild';
import { messageOf } from '../base/errors.js';
import { BundleError, bundle, ownModules, ownNamespace, textOfFile } from './bundle.js';

/**
 * A configuration in TypeScript or JavaScript, with the files of its own that it imports, wherever it lies.
 *
 * Node 20 can't import TypeScript, and later versions neither find `./windows` for `windows.ts` nor a package beside which
 * no node_modules lies. So esbuild makes one module of all of it (decision 0045): what is not there, or exports no such
 * name, is told with file, line and column, where translating file by file would give an `undefined` that becomes a default.
 * The module is imported from memory: the folder of a config may be read-only, and a crash leaves nothing behind.
 */

/**
 * @returns what it exports.
 * @throws BundleError whose lines begin with `file:line:column: `, as far as that is known.
 */
export async function importConfigModule(file: string): Promise<Readonly<Record<string, unknown>>> {
  const { code, map } = await bundled(file);
  const address = `data:text/javascript;base64,${Buffer.from(code).toString('base64')}`;
  try {
    return (await import(address)) as Record<string, unknown>;
  } catch (cause) {
    const place = placeIn(cause, map) ?? `${basename(file)}: can't be loaded`;
    throw new BundleError(`${place}: ${messageOf(cause)}`, { cause });
  }
}

interface Bundled {
  readonly code: string;
  readonly map: SourceMapPayload;
}

async function bundled(file: string): Promise<Bundled> {
  const { outputFiles } = await bundle(file, optionsFor(file));
  const textEndingIn = (ending: string): string =>
    outputFiles.find(({ path }) => path.endsWith(ending))!.text;
  return {
    code: textEndingIn('.mjs'),
    map: JSON.parse(textEndingIn('.map')) as SourceMapPayload,
  };
}

function optionsFor(file: string): BuildOptions & { readonly write: false } {
  const folder = dirname(file);
  // CommonJS among it asks for modules of Node.
  const require_ = `import { createRequire as __starlingRequire } from 'node:module'; const require = __starlingRequire(${JSON.stringify(file)});`;
  return {
    absWorkingDir: folder,
    banner: { js: require_ },
    bundle: true,
    charset: 'utf8',
    define: {
      'import.meta': placeName,
      __dirname: `${placeName}.dirname`,
      __filename: `${placeName}.filename`,
    },
    entryPoints: [file],
    format: 'esm',
    logLevel: 'silent',
    // Never written: what the map says is relative to its folder.
    outfile: join(folder, 'config.mjs'),
    platform: 'node',
    plugins: [ownName, packagesStay, filesAsTheyAre],
    sourcemap: 'external',
    target: 'node20',
    write: false,
  };
}

const ownName: Plugin = {
  name: 'own name',
  setup(builder) {
    builder.onResolve({ filter: ownModules }, ({ path }) => ({
      path,
      namespace: ownNamespace,
    }));
    builder.onLoad({ filter: /./, namespace: ownNamespace }, () => ({
      contents:
        'export const defineCluster = (config) => config; export const defineNetwork = (network) => network;',
    }));
  },
};

/** Where no package of a config's own has the name, ours do. */
const ourFolder = dirname(fileURLToPath(import.meta.url));

/** Packages are imported as they are, from where they lie; of a workspace they may be TypeScript, and are its own files. */
const packagesStay: Plugin = {
  name: 'packages stay',
  setup(builder) {
    builder.onResolve(
      { filter: /^[^./\\]/ },
      async (asked): Promise<OnResolveResult | undefined> => {
        const { path, kind, resolveDir } = asked;
        const isOurs = asked.pluginData === packagesStay; // Asked below, and esbuild's to answer.
        if (kind === 'entry-point' || isOurs) return undefined;
        if (path.startsWith('file:')) return { path: fileURLToPath(path) };
        if (isBuiltin(path) || /^[a-z]{2,}:/.test(path)) return { path, external: true };
        for (const folder of [resolveDir, ourFolder]) {
          const found = await builder.resolve(path, {
            kind,
            resolveDir: folder,
            pluginData: packagesStay,
          });
          if (found.errors.length > 0) continue;
          if (found.external || /\.[cm]?tsx?$/.test(found.path)) return found;
          const isRequired = kind.startsWith('require');
          return { path: isRequired ? found.path : pathToFileURL(found.path).href, external: true };
        }
        return { errors: [{ text: `There is no package "${path}" above this folder` }] };
      },
    );
  },
};

const placeName = '__starlingPlace';

/** A file says where it lies, and not where the bundle does, which is nowhere. */
const filesAsTheyAre: Plugin = {
  name: 'files as they are',
  setup(builder) {
    builder.onLoad({ filter: /./, namespace: 'file' }, async ({ path }) => {
      const loader =
        loaders[
          extname(path)
            .toLowerCase()
            .replace(/[cm](?=.s$)/, '')
        ];
      if (loader === undefined) return undefined;
      const text = await textOfFile(path);
      if (typeof text !== 'string') return { errors: [text] };
      const asks = loader !== 'json' && /\bimport\.meta\b|\b__(dir|file)name\b/.test(text);
      return { contents: asks ? `${placeOf(path)}${text}` : text, loader };
    });
  },
};

const loaders: Readonly<Record<string, 'json' | 'js' | 'ts'>> = {
  '.json': 'json',
  '.js': 'js',
  '.ts': 'ts',
};

/** On the first line, so that the lines keep their numbers. */
function placeOf(file: string): string {
  const place = { url: pathToFileURL(file).href, dirname: dirname(file), filename: file };
  return `const ${placeName} = ${JSON.stringify(place)};`;
}

/** The first place of a config's own in the stack of what it threw. */
function placeIn(cause: unknown, map: SourceMapPayload): string | undefined {
  const { stack } = (cause ?? {}) as { readonly stack?: unknown };
  const [, line, column] = /data:text\/javascript[^:\s]*:(\d+):(\d+)/.exec(String(stack)) ?? [];
  if (line === undefined) return undefined;
  const found = new SourceMap(map).findEntry(Number(line) - 1, Number(column) - 1);
  if (!('originalSource' in found)) return undefined;
  const { originalSource, originalLine, originalColumn } = found;
  return `${originalSource}:${originalLine + 1}:${originalColumn + 1}`;
}
