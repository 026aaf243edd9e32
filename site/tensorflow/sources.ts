import { execFile } from 'node:child_process';
import { readdir, rm, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { promisify } from 'node:util';
import { indexSource } from './index-source.js';
import type { Wheel } from './pins.js';
import { libraryFile, requireSum, unpackWheel, wanted, type TensorflowSource } from './source.js';
import { unzip } from './zip.js';

const execute = promisify(execFile);
/** For a few hundred megabytes, with CUDA a few thousand. */
const fetchMsMax = 30 * 60_000;
const quickMsMax = 30_000;
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
