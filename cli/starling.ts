#!/usr/bin/env node
import { nearestOf } from '../core/config/fields.js';
import type { Command, Output } from './command.js';
import { UsageError, exitCode, parseArguments } from './command.js';
import { commands } from './commands.js';
import { failureOf } from './failure.js';
import { helpOf, overviewOf } from './help.js';
import { stopForLostOutput } from './interrupt.js';

/** Of a pipe whose reader has ended, and of a terminal that was closed. */
const lostOutput: readonly (string | undefined)[] = ['EPIPE', 'EIO'];

/** Something that should have ended by itself (a timer, a socket) gets this long; then the process ends anyway. */
const lingerMsMax = 2_000;

async function main(argv: readonly string[]): Promise<number> {
  const [name, ...rest] = argv;
  const json = argv.includes('--json');
  try {
    if (name === undefined) {
      console.error(await overview());
      return exitCode.usage;
    }
    if (['--help', '-h', 'help'].includes(name)) return await printHelp(rest[0]);
    const command = await commandOf(name);
    const args = parseArguments(command, rest);
    if (args.has('help')) return await printHelp(name);
    return await command.run(args, outputOf(json));
  } catch (error) {
    return printFailure(error, json);
  }
}

async function printHelp(name: string | undefined): Promise<number> {
  console.log(name === undefined ? await overview() : helpOf(await commandOf(name)));
  return exitCode.ok;
}

async function overview(): Promise<string> {
  return overviewOf(await Promise.all(Object.values(commands).map((load) => load())));
}

async function commandOf(name: string): Promise<Command> {
  const names = Object.keys(commands);
  if (names.includes(name)) return commands[name]!();
  const nearest = nearestOf(name, names);
  const hint = nearest ? `did you mean "${nearest}"?` : `there are ${names.join(', ')}.`;
  throw new UsageError(`there is no command "${name}"; ${hint}`);
}

function outputOf(json: boolean): Output {
  return {
    json,
    line: (text) => console.log(text),
    document: (value) => console.log(JSON.stringify(value, null, 2)),
    note: (text) => console.error(text),
  };
}

function printFailure(error: unknown, json: boolean): number {
  const { exitCode, ...failure } = failureOf(error);
  if (process.env['STARLING_DEBUG'] === '1') console.error(error);
  if (json) console.log(JSON.stringify({ error: failure }));
  else console.error(`${failure.code}: ${failure.message}`);
  return exitCode;
}

// `starling status | head` closes the pipe early: not worth a stack trace. What runs a cluster drains and stops first.
for (const output of [process.stdout, process.stderr]) {
  output.on('error', (error: NodeJS.ErrnoException) => {
    if (!lostOutput.includes(error.code)) throw error;
    if (!stopForLostOutput()) process.exit(); // With the code of what is done, if it is.
  });
}

// What nobody has thought of must end the process, as it does by itself, and be found in its log by its name.
for (const what of ['unhandledRejection', 'uncaughtException'] as const) {
  process.on(what, (error) => {
    const name = what === 'unhandledRejection' ? 'unhandled rejection' : 'uncaught exception';
    console.error(`${name}:`, error);
    process.exit(exitCode.failure);
  });
}

process.exitCode = await main(process.argv.slice(2));
setTimeout(() => process.exit(), lingerMsMax).unref();
