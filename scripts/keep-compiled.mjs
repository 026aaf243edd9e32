// `node FLAGS keep-compiled.mjs FILE`: runs a program as far as it gets with nobody to tell it anything, all that it may load
// loaded, and writes what V8 has compiled of it by then. Part of scripts/programs.mjs; the flags are those of its processes, as
// V8 refuses what was compiled under others.
import { readFileSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { Script } from 'node:vm';

const file = /** @type {string} */ (process.argv[2]);
const script = new Script(readFileSync(file, 'latin1'), { filename: file });
process.on('exit', () => writeFileSync(`${file}.cache`, script.createCachedData()));

// The command line prints its overview, for which it loads every command.
process.argv = [process.execPath, file, '--help'];
const module = { exports: {} };
const parts = [module.exports, createRequire(file), module, file, path.dirname(file)];
script.runInThisContext()(...parts, (name) => import(name));

// An actor process waits for its messages. It has everything that an actor of any kind consists of before it has said no.
const kinds = ['processor', 'joiner', 'feature-store', 'ps-shard', 'dense-shard', 'trainer'];
kinds.push('serving-shard', 'ranker', 'recommender');
process.emit('message', { type: 'prepare', kinds });
await sleep(500);
process.exit(0);
