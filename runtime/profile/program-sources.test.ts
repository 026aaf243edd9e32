import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { pathToFileURL } from 'node:url';
import { expect, test } from '@jest/globals';
import { ProgramSources } from './program-sources.js';

test('a function of a program is told by the module that it was compiled from', () => {
  const folder = mkdtempSync(path.join(tmpdir(), 'starling-sources-'));
  try {
    mkdirSync(path.join(folder, 'programs'));
    const file = path.join(folder, 'programs/actors.cjs');
    const sources = ['../../actors/joiner/joiner.ts', '../../node_modules/nats/lib/nats.js'];
    // Line 2 is line 1 of the first source, line 3 line 1 of the second.
    const map = { version: 3, sources, names: [], mappings: ';AAAA;ACAA' };
    writeFileSync(`${file}.map`, JSON.stringify(map));
    const root = 'file:///package/dist/';
    const found = new ProgramSources();
    const moduleOf = (url: string, lineNumber: number): string => {
      const frame = { functionName: 'f', scriptId: '1', url, lineNumber, columnNumber: 4 };
      return found.moduleOf(frame, root);
    };
    for (const url of [file, pathToFileURL(file).href]) {
      expect(moduleOf(url, 1)).toBe(`${root}actors/joiner/joiner.js`);
      expect(moduleOf(url, 2)).toBe(`${root}node_modules/nats/lib/nats.js`);
    }
    expect(moduleOf('node:fs', 1)).toBe('node:fs');
  } finally {
    rmSync(folder, { recursive: true });
  }
});
