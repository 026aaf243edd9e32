import { readFileSync } from 'node:fs';
import { SourceMap, type SourceMapPayload } from 'node:module';
import { fileURLToPath } from 'node:url';
import type { Profiler } from 'node:inspector';

const program = /\/programs\/\w+\.cjs$/;
const climbs = /^(?:\.\.\/)+/;

/** What functions of a program were compiled from, where the program is one file (../program.ts). */
export class ProgramSources {
  readonly #maps = new Map<string, SourceMap>();

  /**
   * @param root URL of the compiled package, with a slash at its end.
   * @returns URL of the module that the function is of: that of the file it is in, where that is no program.
   */
  moduleOf(
    { url, lineNumber, columnNumber }: Profiler.ProfileNode['callFrame'],
    root: string,
  ): string {
    if (!program.test(url)) return url;
    const entry = this.#mapOf(url).findEntry(lineNumber, Math.max(0, columnNumber));
    if (!('originalSource' in entry)) return url;
    // From the folder of programs: two up to the sources, which lie as what was compiled of them does, or to packages.
    return `${root}${entry.originalSource.replace(climbs, '').replace(/\.ts$/, '.js')}`;
  }

  #mapOf(url: string): SourceMap {
    let map = this.#maps.get(url);
    if (map === undefined) {
      const file = url.startsWith('file:') ? fileURLToPath(url) : url;
      map = new SourceMap(JSON.parse(readFileSync(`${file}.map`, 'utf8')) as SourceMapPayload);
      this.#maps.set(url, map);
    }
    return map;
  }
}
