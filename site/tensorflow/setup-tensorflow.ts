import { existsSync } from 'node:fs';
import {
  chmod,
  mkdtemp,
  readdir,
  readFile,
  rename,
  rm,
  stat,
  statfs,
  writeFile,
} from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { messageOf, StarlingError } from '../../core/base/errors.js';
import { makeFolders } from '../../runtime/os/make-folders.js';
import { setUpFile, type SetUpLibrary } from '../../runtime/tensorflow/library.js';
import { deviceOf, probe, type Probe } from '../../runtime/tensorflow/probe.js';
import { pins, type Variant } from './pins.js';
import type { TensorflowSource } from './source.js';
import { sources as allSources } from './sources.js';

export interface SetupOptions {
  /** Where it is set up; see tensorflowFolder. */
  readonly folder: string;
  readonly variant: Variant;
  /** TENSORFLOW_LIB: that library and no other. */
  readonly named?: string | undefined;
  readonly log: (line: string) => void;
  /** Such as `linux-x64`. */
  readonly platform?: string;
  readonly sources?: readonly TensorflowSource[];
  /** Tries a library. @throws StarlingError TENSORFLOW_FAILED */
  readonly tried?: (library: string) => Promise<Probe>;
}

export interface SetUp extends SetUpLibrary {
  /** Absolute. */
  readonly path: string;
  /** Whether it was there already. */
  readonly isOld: boolean;
}

const unfinished = 'new-';
/** Longer than any of them takes. */
const abandonedMs = 2 * 3_600_000;

/**
 * Puts a libtensorflow where clusters of this user find it (runtime/tensorflow/library.ts): fetched whole, tried by a process of its own, and
 * only then named by library.json, so that nobody ever sees half of one. Whoever has the one before loaded keeps it until he ends.
 *
 * @throws StarlingError TENSORFLOW_MISSING where no source has one, with what each says; TENSORFLOW_FAILED where the one that is named does not work;
 *   STORAGE_FULL
 */
export async function setUpTensorflow(options: SetupOptions): Promise<SetUp> {
  const { folder, variant, named, log, sources = allSources } = options;
  const tried = options.tried ?? ((library: string) => probe({ library }));
  if (named !== undefined) {
    const found = await tried(path.resolve(named));
    const library = path.resolve(named);
    return finish(folder, { library, ...whatIs(found), variant, from: 'TENSORFLOW_LIB' });
  }
  const platform = options.platform ?? `${process.platform}-${process.arch}`;
  const pinned = pins[`${platform} ${variant}`];
  if (pinned === undefined)
    throw new StarlingError(
      'TENSORFLOW_MISSING',
      `no source has a libtensorflow${variant === 'gpu' ? ' with CUDA' : ''} for ${platform}; set TENSORFLOW_LIB to one`,
      { platform, variant },
    );
  const before = await setUpBefore(folder, variant, tried);
  if (before) return before;
  await makeFolders(folder);
  await removeAbandoned(folder);
  await requireDisk(folder, pinned.bytesNeeded);
  const failures: string[] = [];
  for (const source of sources) {
    const target = await mkdtemp(path.join(folder, unfinished));
    const downloads = await mkdtemp(path.join(tmpdir(), 'starling-tensorflow-'));
    try {
      const library = await source.obtain({ pins: pinned, downloads, target, log });
      log('trying it in a process of its own');
      const found = whatIs(await tried(path.join(target, library)));
      const place = `${variant}-${path.basename(target).slice(unfinished.length)}`;
      // Made for its owner alone; other users may have their clusters here.
      await chmod(target, 0o755);
      await rename(target, path.join(folder, place));
      return await finish(folder, {
        ...{ library: path.join(place, library), ...found, variant, from: source.name },
      });
    } catch (error) {
      failures.push(`${source.name}: ${messageOf(error)}`);
      log(failures.at(-1)!);
    } finally {
      await rm(target, { recursive: true, force: true });
      await rm(downloads, { recursive: true, force: true });
    }
  }
  throw new StarlingError(
    'TENSORFLOW_MISSING',
    `no libtensorflow could be had (${failures.join('; ')}); nothing has changed. Where a registry is reachable by pip or mvn, run this again; else copy a libtensorflow_cc.so.2 and the libtensorflow_framework.so.2 beside it here and set TENSORFLOW_LIB`,
    { failures },
  );
}

type Written = SetUpLibrary & { readonly variant: Variant };

function whatIs(found: Probe): Pick<SetUpLibrary, 'version' | 'device'> {
  return { version: found.version, device: deviceOf(found) };
}

/** Its variant, and it works: there is nothing to be done. */
async function setUpBefore(
  folder: string,
  variant: Variant,
  tried: (library: string) => Promise<Probe>,
): Promise<SetUp | undefined> {
  try {
    const written = JSON.parse(await readFile(path.join(folder, setUpFile), 'utf8')) as Written;
    const library = path.resolve(folder, written.library);
    // One that TENSORFLOW_LIB named is somebody else's, and may be gone tomorrow.
    if (written.variant !== variant || path.isAbsolute(written.library) || !existsSync(library))
      return undefined;
    return { ...written, ...whatIs(await tried(library)), path: library, isOld: true };
  } catch {
    return undefined; // None, or one that has stopped to work: it is set up anew.
  }
}

/** Of a process that was ended. */
async function removeAbandoned(folder: string): Promise<void> {
  for (const name of await readdir(folder)) {
    const target = path.join(folder, name);
    if (name.startsWith(unfinished) && (await stat(target)).mtimeMs < Date.now() - abandonedMs)
      await rm(target, { recursive: true, force: true });
  }
}

async function requireDisk(folder: string, bytesNeeded: number): Promise<void> {
  const { bavail, bsize } = await statfs(folder);
  const free = bavail * bsize;
  if (free >= bytesNeeded) return;
  const shown = (bytes: number): string => `${(bytes / 2 ** 30).toFixed(1)} GiB`;
  throw new StarlingError(
    'STORAGE_FULL',
    `${folder} has ${shown(free)} free, and ${shown(bytesNeeded)} are needed; free some, or name another folder with --to`,
    { folder, free, bytesNeeded },
  );
}

/** From here on it is the one. What was set up before goes. */
async function finish(folder: string, written: Written): Promise<SetUp> {
  await makeFolders(folder);
  const file = path.join(folder, setUpFile);
  await writeFile(`${file}.new`, `${JSON.stringify(written, null, 2)}\n`);
  await rename(`${file}.new`, file);
  // Also where one of before was named by its path.
  const [place] = path.relative(folder, path.resolve(folder, written.library)).split(path.sep);
  for (const name of await readdir(folder))
    if (/^(cpu|gpu)-/.test(name) && name !== place)
      await rm(path.join(folder, name), { recursive: true, force: true });
  return { ...written, path: path.resolve(folder, written.library), isOld: false };
}
