#!/usr/bin/env node
import { nearestOf } from '../core/config/fields.js';
import type { Command, Output } from './command.js';
import { UsageError, exitCode, parseArguments } from './command.js';
import { audit } from './commands/audit.js';
import { chaos } from './commands/chaos.js';
import { doctor } from './commands/doctor.js';
import { drain, undrain } from './commands/drain.js';
import { host } from './commands/host.js';
import { ingest } from './commands/ingest.js';
import { natsConfig } from './commands/nats-config.js';
import { rank } from './commands/rank.js';
import { recommend } from './commands/recommend.js';
import { restore } from './commands/restore.js';
import { scale } from './commands/scale.js';
import { snapshot } from './commands/snapshot.js';
import { status } from './commands/status.js';
import { up } from './commands/up.js';
import { failureOf } from './failure.js';
import { helpOf, overviewOf } from './help.js';

const commands: readonly Command[] = [
  up,
  status,
  recommend,
  rank,
  host,
  ingest,
  snapshot,
  restore,
  scale,
  drain,
  undrain,
  audit,
  chaos,
  doctor,
  natsConfig,
];

/** Something that should have ended by itself (a timer, a socket) gets this long; then the process ends anyway. */
const lingerMsMax = 2_000;

async function main(argv: readonly string[]): Promise<number> {
  const [name, ...rest] = argv;
  const json = argv.includes('--json');
  try {
    if (name === undefined) {
      console.error(overviewOf(commands));
      return exitCode.usage;
    }
    if (['--help', '-h', 'help'].includes(name)) return printHelp(rest[0]);
    const command = commandOf(name);
    const args = parseArguments(command, rest);
    if (args.has('help')) return printHelp(name);
    return await command.run(args, outputOf(json));
  } catch (error) {
    return printFailure(error, json);
  }
}

function printHelp(name: string | undefined): number {
  console.log(name === undefined ? overviewOf(commands) : helpOf(commandOf(name)));
  return exitCode.ok;
}

function commandOf(name: string): Command {
  const found = commands.find((command) => command.name === name);
  if (found) return found;
  const names = commands.map((command) => command.name);
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

// `starling status | head` closes the pipe early: not worth a stack trace.
process.stdout.on('error', (error: NodeJS.ErrnoException) => {
  if (error.code === 'EPIPE') process.exit(exitCode.ok);
  throw error;
});

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
