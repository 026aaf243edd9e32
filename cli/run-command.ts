import { inspect } from 'node:util';
import { nearestOf } from '../core/config/fields.js';
import type { Command, Output } from './command.js';
import { UsageError, exitCode, parseArguments } from './command.js';
import { commands } from './commands.js';
import { failureOf } from './failure.js';
import { helpOf, overviewOf } from './help.js';
import { packageVersion } from './package-version.js';

/** Where whole lines go: results to `out`, everything else to `err`. */
export interface Streams {
  readonly out: (line: string) => void;
  readonly err: (line: string) => void;
}

/**
 * One command, from its arguments to its exit code; what goes wrong is told and becomes the code.
 * @param argv what follows the name of the program.
 */
export async function runCommand(argv: readonly string[], streams: Streams): Promise<number> {
  const [name, ...rest] = argv;
  const json = argv.includes('--json');
  try {
    if (name === undefined) {
      streams.err(await overview());
      return exitCode.usage;
    }
    if (['--help', '-h', 'help'].includes(name)) return await printHelp(namedIn(rest), streams);
    if (['--version', '-v', 'version'].includes(name)) return printVersion(json, streams);
    const command = await commandOf(name);
    const args = parseArguments(command, rest);
    if (args.has('help')) return await printHelp(name, streams);
    return await command.run(args, outputOf(json, streams));
  } catch (error) {
    return printFailure(error, json, streams);
  }
}

/** What help is wanted of: `starling help up --json` is about `up`. */
function namedIn(argv: readonly string[]): string | undefined {
  return argv.find((each) => !each.startsWith('-'));
}

function printVersion(json: boolean, { out }: Streams): number {
  const version = packageVersion();
  out(json ? JSON.stringify({ version, node: process.version }) : `starling ${version}`);
  return exitCode.ok;
}

async function printHelp(name: string | undefined, { out }: Streams): Promise<number> {
  out(name === undefined ? await overview() : helpOf(await commandOf(name)));
  return exitCode.ok;
}

async function overview(): Promise<string> {
  const all: Command[] = [];
  for (const load of Object.values(commands)) all.push(await load());
  return overviewOf(all);
}

async function commandOf(name: string): Promise<Command> {
  const names = Object.keys(commands);
  if (names.includes(name)) return commands[name]!();
  const nearest = nearestOf(name, names);
  const hint = nearest ? `did you mean "${nearest}"?` : `there are ${names.join(', ')}.`;
  throw new UsageError(`there is no command "${name}"; ${hint}`);
}

function outputOf(json: boolean, { out, err }: Streams): Output {
  return {
    json,
    line: out,
    document: (value) => out(JSON.stringify(value, null, 2)),
    note: err,
  };
}

function printFailure(error: unknown, json: boolean, { out, err }: Streams): number {
  const { exitCode, ...failure } = failureOf(error);
  if (process.env['STARLING_DEBUG'] === '1') err(inspect(error));
  if (json) out(JSON.stringify({ error: failure }));
  else err(`${failure.code}: ${failure.message}`);
  return exitCode;
}
