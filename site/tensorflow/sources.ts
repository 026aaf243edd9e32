import { execFile } from 'node:child_process';
import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { readdir, rm, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { promisify } from 'node:util';
import { indexSource } from './index-source.js';
import type { Pins, Wheel } from './pins.js';
import { unzip } from './zip.js';

export interface SourceContext {
  readonly pins: Pins;
  /** For what is fetched; private and temporary. */
  readonly downloads: string;
  /** For what is made of it. */
  readonly target: string;
  readonly log: (line: string) => void;
}

/** Somewhere a library can be had from. Python or Maven only fetch; nothing of theirs runs later. */
export interface TensorflowSource {
  readonly name: string;
  /** @returns the library, from `target`. @throws with what keeps it from working here, in one line. */
  obtain(context: SourceContext): Promise<string>;
}

const execute = promisify(execFile);
/** For a few hundred megabytes, with CUDA a few thousand. */
const fetchMsMax = 30 * 60_000;
const quickMsMax = 30_000;
export const libraryFile = 'libtensorflow_cc.so.2';
/** The second is loaded by the first, from its own folder. */
const wanted = /(^|\/)libtensorflow_(cc|framework)\.so\.2$/;

/** `pip`, however it is there: with its proxies, certificates and mirrors. */
const pipSource: TensorflowSource = {
  name: 'PyPI wheel, by pip',
  async obtain(context) {
    const { pins, downloads, log } = context;
    const [command, ...pip] = await findPip(downloads, log);
    for (const wheel of pins.wheels) {
      log(`fetching ${wheel.project} ${wheel.version} by pip`);
      const requirements = path.join(downloads, 'requirements.txt');
      await writeFile(
        requirements,
        `${wheel.project}==${wheel.version} --hash=sha256:${wheel.sha256}\n`,
      );
      const options = [
        'download',
        '--quiet',
        '--no-deps',
        '--only-binary=:all:',
        '--require-hashes',
      ];
      // Named, so that the pip of any Python takes the same wheel.
      const tags = tagsOf(wheel);
      const where = ['--dest', downloads, '-r', requirements];
      await run(command!, [...pip, ...options, ...tags, ...where], downloads, fetchMsMax);
      await unpackWheel(context, wheel);
    }
    return path.join('tensorflow', libraryFile);
  },
};

const mavenSource: TensorflowSource = {
  name: 'Maven artefact',
  async obtain({ pins: { artefact }, downloads, target, log }) {
    if (artefact === undefined) throw new Error('none that brings CUDA');
    await run('mvn', ['--version'], downloads, quickMsMax).catch(() => {
      throw new Error('no mvn on PATH');
    });
    const { version, classifier, tensorflow, sha256 } = artefact;
    const name = 'tensorflow-core-native';
    log(`fetching ${name} ${version} (TensorFlow ${tensorflow}) by Maven`);
    const options = ['-q', '-B', `-Dmaven.repo.local=${downloads}`, '-Dtransitive=false'];
    const wish = `-Dartifact=org.tensorflow:${name}:${version}:jar:${classifier}`;
    await run('mvn', [...options, 'dependency:get', wish], downloads, fetchMsMax);
    const folder = path.join(downloads, 'org', 'tensorflow', name, version);
    const jar = path.join(folder, `${name}-${version}-${classifier}.jar`);
    await requireSum(jar, sha256);
    log(`unpacking ${path.basename(jar)}`);
    const place = (entry: string): string => path.join('tensorflow', path.basename(entry));
    await unzip(jar, target, (entry) => (wanted.test(entry) ? place(entry) : undefined));
    await rm(jar);
    return path.join('tensorflow', libraryFile);
  },
};

/** In the order in which they are tried. */
export const sources: readonly TensorflowSource[] = [pipSource, indexSource(), mavenSource];

/** CUDA goes beside TensorFlow, whose run path leads there. */
export async function unpackWheel(
  { downloads, target, log }: SourceContext,
  { file, sha256 }: Wheel,
): Promise<void> {
  const wheel = path.join(downloads, file);
  await requireSum(wheel, sha256);
  log(`unpacking ${file}`);
  const isCuda = file.startsWith('nvidia');
  await unzip(wheel, target, (entry) => {
    const isWanted = isCuda ? /^nvidia\/[^/]+\/(lib|bin|nvvm)\//.test(entry) : wanted.test(entry);
    return isWanted ? entry : undefined;
  });
  // Some of them are hundreds of megabytes.
  await rm(wheel);
}

/** Whatever a registry says of it, and whoever fetched it. */
async function requireSum(file: string, expected: string): Promise<void> {
  const hash = createHash('sha256');
  for await (const part of createReadStream(file)) hash.update(part as Buffer);
  const sum = hash.digest('hex');
  if (sum !== expected)
    throw new Error(`${path.basename(file)} has the checksum ${sum}, not ${expected}`);
}

function tagsOf({ file }: Wheel): string[] {
  const [python, abi, platforms] = file.slice(0, -'.whl'.length).split('-').slice(-3);
  const version = python === 'py3' ? '3.12' : python!.replace(/^cp3/, '3.');
  return [
    ...platforms!.split('.').flatMap((platform) => ['--platform', platform]),
    ...['--python-version', version],
    ...(python === 'py3' ? [] : ['--implementation', 'cp', '--abi', abi!]),
  ];
}

/** One way to run pip that works here: installed, or Debian's wheel of it, which needs neither root nor installing. */
async function findPip(folder: string, log: (line: string) => void): Promise<string[]> {
  for (const command of [['python3', '-m', 'pip'], ['pip3'], ['pip']]) {
    try {
      await run(command[0]!, [...command.slice(1), '--version'], folder, quickMsMax);
      return command;
    } catch {
      // Absent: the next one.
    }
  }
  await run('python3', ['--version'], folder, quickMsMax).catch(() => {
    throw new Error('no pip and no python3 on PATH');
  });
  log('no pip: taking the package python3-pip-whl');
  await run('apt-get', ['download', 'python3-pip-whl'], folder, quickMsMax).catch(() => {
    throw new Error('no pip, and apt-get brings none');
  });
  const archive = (await readdir(folder)).find((name) => name.endsWith('.deb'));
  await run('dpkg-deb', ['-x', archive ?? '', 'pip'], folder, quickMsMax);
  const wheels = path.join(folder, 'pip', 'usr', 'share', 'python-wheels');
  const wheel = (await readdir(wheels)).find((name) => /^pip-.*\.whl$/.test(name));
  return ['python3', path.join(wheels, wheel ?? '', 'pip')];
}

/** @throws with the last line of what it said. */
async function run(
  command: string,
  args: readonly string[],
  folder: string,
  timeout: number,
): Promise<void> {
  try {
    await execute(command, args, { cwd: folder, timeout });
  } catch (error) {
    const { stderr = '', stdout = '', message } = error as Error & Record<string, string>;
    const said = (stderr.trim() || stdout.trim() || message).split('\n');
    throw new Error(said.find((line) => line.includes('ERROR')) ?? said.at(-1)!, { cause: error });
  }
}
