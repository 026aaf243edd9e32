import { parseArgs, type ParseArgsConfig } from 'node:util';
import { nearestOf } from '../core/config/fields.js';

/** What an exit code says to a script. */
export const exitCode = {
  ok: 0,
  failure: 1,
  /** The command line itself is wrong; nothing was done. */
  usage: 2,
  /** There is no cluster to talk to. */
  notRunning: 3,
  /** Nothing is wrong, and not all is done yet: ask again. */
  underWay: 4,
  /** Work that was cut short by Ctrl-C, as shells count it: 128 + SIGINT; see interrupt.ts for other signals. */
  interrupted: 130,
} as const;

type OptionsConfig = NonNullable<ParseArgsConfig['options']>;

export interface OptionHelp {
  readonly name: string;
  readonly short?: string;
  /** What stands for the value in the help; a switch without one. */
  readonly value?: string;
  /** It may be given several times, and each of them counts. */
  readonly many?: boolean;
  readonly text: string;
  /** Taken, and not spoken of: what it is about does not exist yet. */
  readonly hidden?: boolean;
}

export interface CommandHelp {
  readonly name: string;
  /** One line for the list of commands. */
  readonly summary: string;
  /** After `starling <name>`. */
  readonly usage: string;
  /** A paragraph or two. */
  readonly text?: string;
  readonly options: readonly OptionHelp[];
  readonly examples?: readonly string[];
}

export interface Arguments {
  readonly positionals: readonly string[];
  /** The value of an option; undefined where it was not given. */
  value(name: string): string | undefined;
  /** Of an option that may be given several times, in their order. */
  all(name: string): readonly string[];
  /** Whether a switch was given. */
  has(name: string): boolean;
}

/** Where a command writes, so that a test may listen. */
export interface Output {
  readonly json: boolean;
  /** A line of results. */
  readonly line: (text: string) => void;
  /** One JSON document of results. */
  readonly document: (value: unknown) => void;
  /** A line for the person who waits; on stderr, never among results. */
  readonly note: (text: string) => void;
}

export interface Command extends CommandHelp {
  /** @returns the exit code. */
  run(args: Arguments, out: Output): Promise<number>;
}

/** The command line is wrong. */
export class UsageError extends Error {
  override readonly name = 'UsageError';
  readonly code = 'USAGE';
}

export const commonOptions: readonly OptionHelp[] = [
  { name: 'json', text: 'print results and errors as JSON' },
  { name: 'help', short: 'h', text: 'print this help' },
];

/** Of every command that talks to a running cluster. */
export const clusterOptions: readonly OptionHelp[] = [
  { name: 'state', value: 'DIR', text: 'state folder of the cluster (default .starling)' },
  {
    name: 'nats',
    value: 'URL',
    text: 'NATS server of the cluster instead; user and password in it, or in STARLING_NATS_USER and STARLING_NATS_PASSWORD',
  },
  {
    name: 'name',
    value: 'NAME',
    text: 'with --nats: name of the cluster, as its configuration has it (default starling)',
  },
  { name: 'timeout', value: 'DURATION', text: 'give up after so long (default 5s)' },
];

/** @throws UsageError for an option that the command does not have, with the nearest one it has. */
export function parseArguments(help: CommandHelp, argv: readonly string[]): Arguments {
  const known = [...help.options, ...commonOptions];
  const options: OptionsConfig = Object.fromEntries(
    known.map(({ name, short, value, many }) => [
      name,
      {
        type: value === undefined ? 'boolean' : 'string',
        ...(short && { short }),
        ...(many && { multiple: true }),
      },
    ]),
  );
  refuseUnknown(help, argv, options);
  try {
    const { values, positionals } = parseArgs({ args: [...argv], options, allowPositionals: true });
    const given = values as Readonly<Record<string, string | string[] | boolean | undefined>>;
    return {
      positionals,
      value: (name) => given[name] as string | undefined,
      all: (name) => (given[name] ?? []) as string[],
      has: (name) => given[name] === true,
    };
  } catch (error) {
    // Only what parseArgs itself finds is left: a value that is missing, or one too many.
    throw new UsageError((error as Error).message.split('. ')[0], { cause: error });
  }
}

function refuseUnknown(help: CommandHelp, argv: readonly string[], options: OptionsConfig): void {
  const { tokens } = parseArgs({
    args: [...argv],
    options,
    allowPositionals: true,
    strict: false,
    tokens: true,
  });
  for (const token of tokens) {
    if (token.kind !== 'option' || Object.hasOwn(options, token.name)) continue;
    const nearest = nearestOf(token.name, Object.keys(options));
    const hint = nearest
      ? `did you mean --${nearest}?`
      : `see \`starling ${help.name} --help\` for those it has.`;
    throw new UsageError(`${help.name} has no option ${token.rawName}; ${hint}`);
  }
}

/**
 * @param meant what one too many may be meant as.
 * @throws UsageError where there are more, or fewer, than named.
 */
export function expectPositionals(
  args: Arguments,
  names: readonly string[],
  optional = 0,
  meant: (extra: string) => string | undefined = () => undefined,
): void {
  const { positionals } = args;
  if (positionals.length > names.length) {
    const extra = positionals[names.length]!;
    const hint = meant(extra);
    const rest = hint === undefined ? '.' : `; did you mean ${hint}?`;
    throw new UsageError(`unexpected argument "${extra}"${rest}`);
  }
  const missing = names[positionals.length];
  if (missing !== undefined && positionals.length < names.length - optional) {
    throw new UsageError(`${missing} is missing.`);
  }
}

/** Of somebody who is named without the option. */
export const userMeant = (extra: string): string => `--user ${extra}`;

const unitsMs: Readonly<Record<string, number>> = { ms: 1, s: 1_000, m: 60_000, h: 3_600_000 };

/** `250ms`, `30s`, `5m`, `1.5h`. @throws UsageError */
export function durationMs(text: string, option: string): number {
  const match = /^(\d+(?:\.\d+)?)(ms|s|m|h)$/.exec(text);
  const ms = match ? Number(match[1]) * unitsMs[match[2]!]! : NaN;
  if (ms > 0) return ms;
  throw new UsageError(`--${option}: expected a duration such as 30s, 5m or 250ms; got "${text}".`);
}

export function integerOf(text: string, option: string, min: number): number {
  const value = /^\d+$/.test(text) ? Number(text) : NaN;
  if (Number.isSafeInteger(value) && value >= min) return value;
  throw new UsageError(`--${option}: expected an integer of at least ${min}; got "${text}".`);
}

/** A JSON object given in an option. @throws UsageError */
export function objectOf(text: string, option: string): Record<string, unknown> {
  try {
    const value: unknown = JSON.parse(text);
    if (typeof value === 'object' && value !== null && !Array.isArray(value)) {
      return value as Record<string, unknown>;
    }
  } catch {
    // Told below, the same for what is no JSON and what is no object.
  }
  throw new UsageError(`--${option}: expected a JSON object such as {"a":1}; got ${text}`);
}

/** `a,b,c`; empty entries are dropped. */
export function listOf(text: string): string[] {
  return text
    .split(',')
    .map((each) => each.trim())
    .filter((each) => each !== '');
}
