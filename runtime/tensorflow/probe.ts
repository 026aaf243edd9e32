import { execFile } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { messageOf, StarlingError } from '../../core/base/errors.js';
import type { ModelSpec } from '../../core/model/network.js';
import type { Timings } from './measure.js';

/** What a library turned out to be. */
export interface Probe {
  readonly version: string;
  /** As the library names them: `/job:localhost/…/device:CPU:0`. */
  readonly devices: readonly string[];
  readonly loadMs: number;
  /** Blocks that it lacks of the model's; then nothing was measured. */
  readonly missing?: readonly string[];
  /** What it was measured against. */
  readonly other?: string;
  /** Of TensorFlow and of the other. */
  readonly timings?: Timings;
}

export interface ProbeRequest {
  readonly library: string;
  /** Left out: the library is loaded and multiplies, and nothing is measured. */
  readonly model?: ModelSpec;
}

const probeMain = fileURLToPath(new URL('./probe-main.js', import.meta.url));
/** Loading takes half a second, from a cold disk several; measuring one more. A machine that is busy takes many times that. */
const probeMsMax = 60_000;

/**
 * Tries a library in a process of its own: one that does not fit, such as a build for another processor, ends the process
 * that loads it, and no `catch` helps.
 *
 * @param main the program of that process.
 * @throws StarlingError TENSORFLOW_FAILED with the last words of that process; `details.passing` where it says nothing of the
 *   library: the process could not be started, or somebody ended it.
 */
export async function probe(request: ProbeRequest, main = probeMain): Promise<Probe> {
  const env = { TF_CPP_MIN_LOG_LEVEL: '2', ...process.env };
  const options = { env, timeout: probeMsMax, killSignal: 'SIGKILL' } as const;
  const output = await new Promise<string>((resolve, reject) => {
    const child = execFile(process.execPath, [main], options, (error, stdout, stderr) => {
      if (error) reject(failed(request.library, error, stderr));
      else resolve(stdout);
    });
    // A child that is gone before it has read tells why itself.
    child.stdin?.on('error', () => undefined).end(JSON.stringify(request));
  });
  try {
    return JSON.parse(output.trim().split('\n').at(-1)!) as Probe;
  } catch (error) {
    throw failed(request.library, error as Error, output);
  }
}

/** `CPU`, or `GPU` where there is one. */
export function deviceOf({ devices }: Pick<Probe, 'devices'>): string {
  return devices.some((name) => name.includes('GPU')) ? 'GPU' : 'CPU';
}

function failed(library: string, error: Error, output: string): StarlingError {
  const { signal, killed, code } = error as NodeJS.ErrnoException & {
    signal?: string | null;
    killed?: boolean;
  };
  // A busy machine, one without memory, or without room for one more process.
  const passing = killed === true || signal === 'SIGKILL' || typeof code === 'string';
  const said = lastWords(output) || messageOf(error);
  const end = killed ? `it took longer than ${probeMsMax / 1000} s` : `it ended by ${signal}`;
  const why = signal ? `${end}${lastWords(output) ? `: ${lastWords(output)}` : ''}` : said;
  return new StarlingError(
    'TENSORFLOW_FAILED',
    `${library} does not work here (tried in a process of its own): ${why}`,
    { library, passing },
    { cause: error },
  );
}

/** Of what Node prints of an uncaught error, the line that names it. */
function lastWords(output: string): string {
  const lines = output.trim().split('\n');
  const named = lines.find((line) => /^\w*Error\b.*: /.test(line));
  return (named ?? lines.at(-1) ?? '').trim();
}
