import { isBuiltin } from 'node:module';
import { basename, dirname, extname, join } from 'node:path';
import type { Plugin } from 'esbuild';
import { bundle, BundleError, ownModules, textOfFile } from './bundle.js';
import { networkCodeMax } from './network-schema.js';

/**
 * A network of one's own, with all that its file imports, as one text: it travels with the configuration, to hosts that have neither the
 * file nor its packages. What is of Starling stays an import, as each release has its own; nothing else does, as a network is a function of what
 * it is given. Without spaces and comments, so that a change of those is none.
 */

const extensions: Readonly<Record<string, 'js' | 'ts' | 'json'>> = {
  ...{ '.ts': 'ts', '.mts': 'ts', '.cts': 'ts' },
  ...{ '.js': 'js', '.mjs': 'js', '.cjs': 'js', '.json': 'json' },
};

/** @throws BundleError whose lines begin with `file:line:column: `, as far as that is known. */
export async function bundledNetwork(file: string): Promise<string> {
  const { outputFiles } = await bundle(file, {
    absWorkingDir: dirname(file),
    bundle: true,
    charset: 'utf8',
    entryPoints: [file],
    format: 'cjs',
    legalComments: 'none',
    logLevel: 'silent',
    minifyWhitespace: true,
    outfile: join(dirname(file), 'network.cjs'),
    platform: 'neutral',
    mainFields: ['module', 'main'],
    plugins: [nothingFromOutside],
    target: 'node20',
    write: false,
  });
  const { text } = outputFiles[0]!;
  if (text.length <= networkCodeMax) return text.trimEnd();
  throw new BundleError(
    `${basename(file)}: with what it imports it is ${text.length} characters, and at most ${networkCodeMax} travel with a configuration`,
  );
}

const nothingFromOutside: Plugin = {
  name: 'nothing from outside',
  setup(builder) {
    builder.onResolve({ filter: ownModules }, ({ path }) => ({ path, external: true }));
    builder.onResolve({ filter: /./ }, ({ path, kind }) => {
      if (kind === 'entry-point' || !(isBuiltin(path) || /^[a-z]{2,}:/.test(path))) return null;
      const text = `A network is a function of what it is given, and can't import "${path}"`;
      return { errors: [{ text }] };
    });
    builder.onLoad({ filter: /./, namespace: 'file' }, async ({ path }) => {
      const loader = extensions[extname(path).toLowerCase()];
      if (loader === undefined)
        return { errors: [{ text: `${basename(path)}: expected TypeScript or JavaScript` }] };
      const contents = await textOfFile(path);
      return typeof contents === 'string' ? { contents, loader } : { errors: [contents] };
    });
  },
};
