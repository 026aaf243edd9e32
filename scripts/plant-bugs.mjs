#!/usr/bin/env node
/**
 * Does the simulation find what we know is wrong? Plants one bug at a time into a copy of what was built, and runs seeds until
 * one of them fails.
 *
 *   node scripts/plant-bugs.mjs [planted|fixes|flips|all] [--runs N] [--minutes M] [--jobs N] [--seed S] [--only TEXT]
 *
 * `planted` are bugs made up for it, `fixes` are mistakes that were made and mended, each put back, `flips` are conditions that
 * are turned round, drawn by the seed. `--only`: those with the text in their names. A bug is found when a run breaks
 * a check, does not end, or ends its process; so the same runs are made without any first, and nothing is said where one fails.
 */
import { spawn } from 'node:child_process';
import {
  cpSync,
  mkdtempSync,
  readFileSync,
  readdirSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { fixes, planted } from './planted-bugs.mjs';

const root = fileURLToPath(new URL('..', import.meta.url));
const rooms = ['actors', 'cluster', 'replication', 'supervisor'];
const flipCount = 20;

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    runs: { type: 'string', default: '200' },
    minutes: { type: 'string', default: '4' },
    jobs: { type: 'string', default: '2' },
    seed: { type: 'string', default: '1' },
    only: { type: 'string', default: '' },
  },
});

const kind = positionals[0] ?? 'all';
const bugs = [
  ...(kind === 'planted' || kind === 'all' ? planted : []),
  ...(kind === 'fixes' || kind === 'all' ? fixes : []),
  ...(kind === 'flips' || kind === 'all' ? flips(Number(values.seed)) : []),
].filter(({ name }) => name.includes(values.only));
const folder = mkdtempSync(path.join(tmpdir(), 'planted-'));
try {
  cpSync(path.join(root, 'dist'), path.join(folder, 'dist'), { recursive: true });
  // What is planted is planted in modules.
  rmSync(path.join(folder, 'dist/programs'), { recursive: true, force: true });
  cpSync(path.join(root, 'package.json'), path.join(folder, 'package.json'));
  symlinkSync(path.join(root, 'node_modules'), path.join(folder, 'node_modules'));
  const control = await simulate();
  if (control.found) throw new Error(`without a bug: ${control.text}`);
  let found = 0;
  for (const bug of bugs) {
    const verdict = await plant(bug);
    if (verdict.found) found++;
    console.log(`${verdict.found ? 'found' : 'MISSED'}: ${bug.name}: ${verdict.text}`);
  }
  console.log(
    `${found} of ${bugs.length} found within ${values.runs} seeds of ${values.minutes} minutes`,
  );
} finally {
  rmSync(folder, { recursive: true, force: true });
}

/**
 * @typedef {{ file: string, from: string, to: string }} Change
 * @param {Change & { name: string, also?: Change[] }} bug
 */
async function plant({ also = [], ...first }) {
  const undo = [];
  try {
    for (const change of [first, ...also]) undo.unshift(apply(change));
    return await simulate();
  } finally {
    for (const step of undo) step();
  }
}

/** @param {Change} change */
function apply({ file, from, to }) {
  const at = path.join(folder, 'dist', file);
  const text = readFileSync(at, 'utf8');
  if (text.split(from).length !== 2) throw new Error(`${file}: expected once: ${from}`);
  writeFileSync(
    at,
    text.replace(from, () => to),
  );
  return () => writeFileSync(at, text);
}

function simulate() {
  const command = ['dist/cli/starling.js', 'simulate', '--seed', '1', '--no-shrink', '--json'];
  const more = ['--runs', values.runs, '--minutes', values.minutes, '--jobs', values.jobs];
  return new Promise((resolve) => {
    const child = spawn(process.execPath, [...command, ...more], { cwd: folder });
    let output = '';
    let notes = '';
    child.stdout.on('data', (chunk) => (output += chunk));
    child.stderr.on('data', (chunk) => (notes += chunk));
    child.on('close', (code) => {
      if (code === 0) return resolve({ found: false, text: `${values.runs} seeds` });
      const text = failureIn(output) ?? notes.trim().split('\n').at(-1);
      resolve({ found: true, text });
    });
  });
}

function failureIn(output) {
  try {
    const [{ seed, violation }] = JSON.parse(output).failed;
    return `seed ${seed}: ${violation.check}: ${violation.text.slice(0, 160)}`;
  } catch {
    return undefined; // It ended before it could say so.
  }
}

/** Conditions of `if` in what was compiled, each turned round; tests are left out. */
function flips(seed) {
  const files = rooms.flatMap((room) =>
    readdirSync(path.join(root, 'dist', room), { recursive: true })
      .map((name) => `${room}/${name}`)
      .filter((name) => name.endsWith('.js') && !/\.(test|testkit)\.js$/.test(name)),
  );
  const all = files.sort().flatMap(conditionsIn);
  const draws = drawsOf(seed);
  return Array.from(
    { length: flipCount },
    () => all.splice(Math.floor(draws() * all.length), 1)[0],
  );
}

function conditionsIn(file) {
  const text = readFileSync(path.join(root, 'dist', file), 'utf8');
  const lines = text.split('\n');
  return lines.flatMap((line, i) => {
    const match = /^(\s*)if \((.*)\)( \{| return.*;| continue;| break;)?$/.exec(line);
    if (!match) return [];
    const [, indent, condition, rest = ''] = match;
    if (!isBalanced(condition)) return [];
    // With a line around it, so that it is there once.
    const before = lines.slice(Math.max(0, i - 2), i).join('\n');
    const after = lines.slice(i + 1, i + 3).join('\n');
    const from = `${before}\n${line}\n${after}`;
    const to = `${before}\n${indent}if (!(${condition}))${rest}\n${after}`;
    if (text.split(from).length !== 2) return [];
    return [{ name: `${file}: not (${condition})`, file, from, to }];
  });
}

function isBalanced(text) {
  let depth = 0;
  for (const char of text) {
    if (char === '(') depth++;
    if (char === ')' && --depth < 0) return false;
  }
  return depth === 0;
}

/** mulberry32 */
function drawsOf(seed) {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let t = state;
    t = Math.imul(t ^ (t >>> 15), t | 1);
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61);
    return ((t ^ (t >>> 14)) >>> 0) / 4294967296;
  };
}
