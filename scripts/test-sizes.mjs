/**
 * `node scripts/test-sizes.mjs`: how much of each room is tests, as a table for tests/cases.md. Tests of a room are those beside its
 * files, and what only they use (`x.testkit.ts`); tests/ has those that take several rooms.
 */
import fs from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';

const root = path.dirname(path.dirname(fileURLToPath(import.meta.url)));
const { include } = JSON.parse(fs.readFileSync(path.join(root, 'tsconfig.json'), 'utf8'));

/** @param {string} place @returns {string[]} */
function sourcesIn(place) {
  const full = path.join(root, place);
  if (!fs.statSync(full).isDirectory()) return [];
  return fs
    .readdirSync(full, { recursive: true, encoding: 'utf8' })
    .filter((file) => file.endsWith('.ts') && !file.includes(`assembly${path.sep}`))
    .map((file) => path.join(full, file));
}

/** @param {string} file */
const isTest = (file) => file.endsWith('.test.ts');
/** @param {string} file */
const isOfTests = (file) => isTest(file) || file.endsWith('.testkit.ts');

/** @param {readonly string[]} files */
const linesOf = (files) =>
  files.reduce((sum, file) => sum + fs.readFileSync(file, 'utf8').split('\n').length - 1, 0);

/** Places in which a test is written; one with a table is many when it runs. @param {readonly string[]} files */
const testsIn = (files) =>
  files.reduce((sum, file) => {
    const found = fs.readFileSync(file, 'utf8').match(/^\s*(test|check)(\.each)?[.(<[]/gm);
    return sum + (found?.length ?? 0);
  }, 0);

/** @param {readonly (string | number)[]} cells */
const rowOf = (cells) => `| ${cells.join(' | ')} |`;

const rows = include.sort().flatMap((/** @type {string} */ room) => {
  const files = sourcesIn(room);
  if (files.length === 0) return [];
  const ofTests = files.filter((file) => room === 'tests' || isOfTests(file));
  const product = linesOf(files.filter((file) => !ofTests.includes(file)));
  const lines = linesOf(ofTests);
  return [{ room, product, lines, files: files.filter(isTest).length, tests: testsIn(ofTests) }];
});
/** @param {'product' | 'lines' | 'files' | 'tests'} what */
const sumOf = (what) => rows.reduce((sum, row) => sum + row[what], 0);
const all = {
  ...{ room: 'all', product: sumOf('product'), lines: sumOf('lines') },
  ...{ files: sumOf('files'), tests: sumOf('tests') },
};

console.log(
  rowOf(['room', 'product lines', 'lines of tests', 'per line', 'files', 'written tests']),
);
console.log(rowOf(['---', '---:', '---:', '---:', '---:', '---:']));
for (const { room, product, lines, files, tests } of [...rows, all]) {
  const share = product > 0 ? (lines / product).toFixed(2) : '';
  console.log(rowOf([room, product, lines, share, files, tests]));
}
