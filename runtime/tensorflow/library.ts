import { readFileSync, statSync } from 'node:fs';
import { homedir } from 'node:os';
import path from 'node:path';
import { StarlingError } from '../../core/base/errors.js';

/** A libtensorflow on this machine. */
export interface TensorflowLibrary {
  readonly path: string;
  /** What named it. */
  readonly from: string;
}

/** What `starling setup-tensorflow` leaves beside what it has unpacked. */
export interface SetUpLibrary {
  /** From the folder of this file. */
  readonly library: string;
  readonly version: string;
  /** `CPU` or `GPU`. */
  readonly device: string;
  /** Which source it came from. */
  readonly from: string;
}

export const setUpFile = 'library.json';

type Environment = Readonly<Record<string, string | undefined>>;

/**
 * Where libraries are set up, for all clusters of this user: they are large, and none of a cluster's state.
 * STARLING_TENSORFLOW names another folder, say one that several users share.
 */
export function tensorflowFolder(environment: Environment = process.env): string {
  const named = environment['STARLING_TENSORFLOW'];
  if (named) return path.resolve(named);
  const base = environment['XDG_CACHE_HOME'] || path.join(homedir(), '.cache');
  return path.join(base, 'starling', 'tensorflow');
}

/**
 * The library that TENSORFLOW_LIB names, else the one that was set up last; undefined: there is none.
 *
 * @throws StarlingError TENSORFLOW_MISSING where one is named that is not there: who names it means that and no other.
 */
export function findLibrary(environment: Environment = process.env): TensorflowLibrary | undefined {
  const named = environment['TENSORFLOW_LIB'];
  if (named)
    return { path: required(path.resolve(named), 'TENSORFLOW_LIB'), from: 'TENSORFLOW_LIB' };
  const folder = tensorflowFolder(environment);
  const setUp = readSetUp(folder);
  if (setUp === undefined) return undefined;
  const file = path.join(folder, setUpFile);
  return { path: required(path.resolve(folder, setUp.library), file), from: file };
}

function required(library: string, named: string): string {
  if (statSync(library, { throwIfNoEntry: false })?.isFile()) return library;
  throw new StarlingError(
    'TENSORFLOW_MISSING',
    `${named} names ${library}, which is no file; run \`starling setup-tensorflow\`, or name another`,
    { library },
  );
}

function readSetUp(folder: string): SetUpLibrary | undefined {
  try {
    return JSON.parse(readFileSync(path.join(folder, setUpFile), 'utf8')) as SetUpLibrary;
  } catch {
    return undefined; // Nothing is set up there, or half of it: setup-tensorflow does it again.
  }
}
