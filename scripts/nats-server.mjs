/**
 * Finds a nats-server binary, or gets one. Plain Node without dependencies, since `npm ci` runs it before anything
 * else is there.
 *
 * Looked for first: the NATS_SERVER variable, PATH, and the private copy made by an earlier run (.starling/bin). If
 * there is none, each source below is tried in turn. None of them needs root, starts a service or changes the system,
 * but for Homebrew, which installs for its user as always: a set-up step that asks for a password in the middle of
 * `npm ci`, or leaves a server listening on 4222, would be a poor first impression. A source that can't work here
 * says why, and if all fail, the error lists those reasons.
 *
 *   node scripts/nats-server.mjs                 prints the path of a usable binary, or exits 1
 *   node scripts/nats-server.mjs --best-effort   the same, but exits 0 whatever happens (the `prepare` script)
 */
import { execFile } from 'node:child_process';
import { createHash } from 'node:crypto';
import fs from 'node:fs/promises';
import path from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { promisify } from 'node:util';

/** Older servers lack what the streams rest on; this one is what Debian 12 ships. */
export const versionMin = '2.9.10';

/** What is fetched where no package manager has a server. Go 1.21 builds it, by getting a newer toolchain itself. */
export const versionFetched = '2.10.29';

/**
 * @typedef {{ path: string, version: string, from: string }} NatsServer
 * @typedef {(line: string) => void} Log
 * @typedef {{ folder: string, log: Log }} SourceContext  folder: private and temporary, for everything a source writes
 * @typedef {{ name: string, obtain: (context: SourceContext) => Promise<string> }} Source  obtain gives a binary's path
 */

const run = promisify(execFile);
const root = path.dirname(path.dirname(fileURLToPath(import.meta.url)));
const binFolderDefault = path.join(root, '.starling', 'bin');
const executable = process.platform === 'win32' ? 'nats-server.exe' : 'nats-server';

/** Long enough for a Go build on a small machine; a package manager that waits for a lock for longer won't get it. */
const commandMsMax = 10 * 60_000;
const downloadMsMax = 3 * 60_000;
const quickMsMax = 10_000;

/**
 * @param {{ binFolder?: string }} [options]
 * @returns {Promise<NatsServer | undefined>}
 * @throws if NATS_SERVER names something unusable: who sets it means that binary and no other.
 */
export async function findNatsServer({ binFolder = binFolderDefault } = {}) {
  const named = process.env.NATS_SERVER;
  if (named) {
    try {
      return { path: named, version: await usableVersion(named), from: 'NATS_SERVER' };
    } catch (error) {
      throw new Error(`NATS_SERVER is ${named}: ${reasonOf(error)}`, { cause: error });
    }
  }
  for (const candidate of [
    { path: await onPath('nats-server'), from: 'PATH' },
    { path: path.join(binFolder, executable), from: 'private copy' },
  ]) {
    if (candidate.path === undefined) continue;
    try {
      const version = await usableVersion(candidate.path);
      return { path: candidate.path, version, from: candidate.from };
    } catch {
      // Absent, too old, or for another platform: all the same here, as the sources below bring one that works.
    }
  }
  return undefined;
}

/**
 * A usable server: one that is there already, or one got from the first source that works.
 *
 * @param {{ log?: Log, binFolder?: string, sources?: readonly Source[] }} [options]
 * @returns {Promise<NatsServer>}
 */
export async function obtainNatsServer({
  log = () => {},
  binFolder = binFolderDefault,
  sources = sourcesDefault,
} = {}) {
  const found = await findNatsServer({ binFolder });
  if (found) return found;
  const failures = [];
  for (const source of sources) {
    try {
      return await obtainFrom(source, { log, binFolder });
    } catch (error) {
      failures.push(`  ${source.name}: ${reasonOf(error)}`);
    }
  }
  throw new Error(
    [
      `there is no nats-server ${versionMin} or newer on PATH, and none could be obtained:`,
      ...failures,
      'Install one by hand (https://docs.nats.io/running-a-nats-service/introduction/installation), for instance',
      '  Debian, Ubuntu:  apt-get install nats-server        macOS:  brew install nats-server',
      `  Go:              go install github.com/nats-io/nats-server/v2@v${versionFetched}`,
      'and put it on PATH or name it: NATS_SERVER=/path/to/nats-server npm run cluster',
    ].join('\n'),
  );
}

/**
 * Several processes may do this at once (parallel tests, two terminals). Each works in a folder of its own and renames
 * the finished binary into place, so that nobody sees half a file and the last one wins.
 *
 * @param {Source} source
 * @param {{ log: Log, binFolder: string }} options
 * @returns {Promise<NatsServer>}
 */
async function obtainFrom(source, { log, binFolder }) {
  await fs.mkdir(binFolder, { recursive: true });
  const folder = await fs.mkdtemp(path.join(binFolder, 'tmp-'));
  try {
    const obtained = await source.obtain({ folder, log });
    const version = await usableVersion(obtained);
    const target = path.join(binFolder, executable);
    const staged = path.join(folder, 'staged');
    await fs.copyFile(obtained, staged);
    await fs.chmod(staged, 0o755);
    await fs.rename(staged, target);
    log(`nats-server ${version} from ${source.name}: ${path.relative(process.cwd(), target)}`);
    return { path: target, version, from: source.name };
  } finally {
    await removeFolder(folder);
  }
}

/**
 * The Debian package, downloaded and unpacked rather than installed: no root is needed, no service is started, nothing
 * outside our folder changes. The package is signed for by apt as usual. Images often come without package lists; then
 * they are fetched into the temporary folder, which needs no root either.
 *
 * @type {Source}
 */
export const debianPackage = {
  name: 'Debian/Ubuntu package',
  async obtain({ folder, log }) {
    await requireCommands('apt-get', 'dpkg-deb');
    const download = (/** @type {string[]} */ options) =>
      run('apt-get', [...options, 'download', 'nats-server'], inFolder(folder));
    try {
      await download([]);
    } catch {
      log('fetching package lists to look for nats-server');
      const options = await privateLists(folder);
      await run('apt-get', [...options, 'update'], inFolder(folder));
      await download(options);
    }
    const archive = (await fs.readdir(folder)).find((name) => name.endsWith('.deb'));
    if (archive === undefined) throw new Error('apt-get download left no package');
    await run('dpkg-deb', ['-x', archive, 'unpacked'], inFolder(folder));
    return findBinary(path.join(folder, 'unpacked'));
  },
};

/** @param {string} folder */
async function privateLists(folder) {
  const lists = path.join(folder, 'lists');
  const cache = path.join(folder, 'cache');
  await fs.mkdir(path.join(lists, 'partial'), { recursive: true });
  await fs.mkdir(path.join(cache, 'archives', 'partial'), { recursive: true });
  return ['-o', `Dir::State::lists=${lists}`, '-o', `Dir::Cache=${cache}`];
}

/** @type {Source} */
export const goInstall = {
  name: 'go install',
  async obtain({ folder, log }) {
    // The second is where Go's own installer puts it, which many never add to PATH.
    const go = (await onPath('go')) ?? (await existing('/usr/local/go/bin/go'));
    if (go === undefined) throw new Error('no go on PATH');
    log(`building nats-server ${versionFetched} with go, a minute or so`);
    const env = {
      ...process.env,
      GOBIN: folder,
      CGO_ENABLED: '0', // No C compiler needed.
      GOFLAGS: '',
      GOTOOLCHAIN: 'auto', // Distributions pin `local`, which refuses a module that asks for a newer Go.
    };
    const module = `github.com/nats-io/nats-server/v2@v${versionFetched}`;
    await run(go, ['install', '-trimpath', module], { ...inFolder(folder), env });
    return path.join(folder, executable);
  },
};

/** @type {Source} */
export const homebrew = {
  name: 'Homebrew',
  async obtain({ folder, log }) {
    if (process.platform !== 'darwin') throw new Error('not macOS');
    await requireCommands('brew');
    log('brew install nats-server');
    const env = { ...process.env, HOMEBREW_NO_AUTO_UPDATE: '1' };
    await run('brew', ['install', 'nats-server'], { ...inFolder(folder), env });
    const { stdout } = await run('brew', ['--prefix'], inFolder(folder));
    return path.join(stdout.trim(), 'bin', 'nats-server');
  },
};

/** @type {Source} */
export const officialRelease = {
  name: 'official release',
  async obtain({ folder, log }) {
    const archive = releaseArchive(process.platform, process.arch);
    const base = `https://github.com/nats-io/nats-server/releases/download/v${versionFetched}`;
    log(`downloading ${base}/${archive}`);
    const sums = (await download(`${base}/SHA256SUMS`)).toString('utf8');
    const bytes = await download(`${base}/${archive}`);
    verifySha256(archive, bytes, sums);
    await fs.writeFile(path.join(folder, archive), bytes);
    // tar of Windows and macOS reads zip files as well.
    await run('tar', ['-xf', archive], inFolder(folder));
    return findBinary(folder);
  },
};

const sourcesDefault = [debianPackage, goInstall, homebrew, officialRelease];

/**
 * The name of the release file for a platform, as Node names platforms.
 *
 * @param {string} platform
 * @param {string} arch
 */
export function releaseArchive(platform, arch) {
  const system = new Map([
    ['linux', 'linux'],
    ['darwin', 'darwin'],
    ['win32', 'windows'],
    ['freebsd', 'freebsd'],
  ]).get(platform);
  const machine = new Map([
    ['x64', 'amd64'],
    ['arm64', 'arm64'],
    ['arm', 'arm7'],
    ['ia32', '386'],
    ['ppc64', 'ppc64le'],
    ['s390x', 's390x'],
  ]).get(arch);
  if (!system || !machine) throw new Error(`no release for ${platform} on ${arch}`);
  const suffix = system === 'windows' ? 'zip' : 'tar.gz';
  return `nats-server-v${versionFetched}-${system}-${machine}.${suffix}`;
}

/**
 * @param {string} archive
 * @param {Uint8Array} bytes
 * @param {string} sums  lines of `<hex digest>  <file name>`
 */
export function verifySha256(archive, bytes, sums) {
  const line = sums.split('\n').find((text) => text.trim().split(/\s+\*?/)[1] === archive);
  if (line === undefined) throw new Error(`SHA256SUMS does not list ${archive}`);
  const expected = line.trim().split(/\s+/)[0];
  const actual = createHash('sha256').update(bytes).digest('hex');
  if (actual !== expected) throw new Error(`${archive} has SHA-256 ${actual}, not ${expected}`);
}

/** @param {string} url */
async function download(url) {
  const response = await fetch(url, { signal: globalThis.AbortSignal.timeout(downloadMsMax) });
  if (!response.ok) throw new Error(`${url} answered ${response.status}`);
  return Buffer.from(await response.arrayBuffer());
}

/**
 * The version of a binary.
 *
 * @param {string} binary
 * @returns {Promise<string>}
 * @throws if it does not run, is not a nats-server, or is older than `versionMin`.
 */
export async function usableVersion(binary) {
  const { stdout } = await run(binary, ['--version'], { timeout: quickMsMax });
  const version = /nats-server: v(\d+\.\d+\.\d+\S*)/.exec(stdout)?.[1];
  if (version === undefined) throw new Error(`not a nats-server: it says ${stdout.slice(0, 80)}`);
  if (!isAtLeast(version, versionMin)) {
    throw new Error(`version ${version}, but ${versionMin} is the oldest supported`);
  }
  return version;
}

/**
 * Compares major.minor.patch; a pre-release counts as its release.
 *
 * @param {string} version
 * @param {string} least
 */
export function isAtLeast(version, least) {
  const parts = (/** @type {string} */ text) => text.split(/[.\-+]/, 3).map(Number);
  const [actual, wanted] = [parts(version), parts(least)];
  for (let i = 0; i < wanted.length; i++) {
    if (actual[i] !== wanted[i]) return Number(actual[i]) > Number(wanted[i]);
  }
  return true;
}

/** @param {string} command */
async function onPath(command) {
  const suffixes = process.platform === 'win32' ? ['.exe', '.cmd', ''] : [''];
  for (const folder of (process.env.PATH ?? '').split(path.delimiter).filter(Boolean)) {
    for (const suffix of suffixes) {
      const found = await existing(path.join(folder, command + suffix));
      if (found) return found;
    }
  }
  // Debian keeps servers here, where a user's PATH does not look.
  return command === 'nats-server' ? existing('/usr/sbin/nats-server') : undefined;
}

/** @param {string} file */
async function existing(file) {
  try {
    await fs.access(file, fs.constants.X_OK);
    return (await fs.stat(file)).isFile() ? file : undefined;
  } catch {
    return undefined; // Not there or not ours to run: either way there is nothing to use.
  }
}

/** @param {string[]} commands */
async function requireCommands(...commands) {
  for (const command of commands) {
    if ((await onPath(command)) === undefined) throw new Error(`no ${command} on PATH`);
  }
}

/** @param {string} folder */
async function findBinary(folder) {
  for (const entry of await fs.readdir(folder, { recursive: true })) {
    if (path.basename(entry) !== executable) continue;
    const found = await existing(path.join(folder, entry));
    if (found) return found;
  }
  throw new Error(`no ${executable} in what was unpacked`);
}

/** @param {string} folder */
function inFolder(folder) {
  return { cwd: folder, timeout: commandMsMax, maxBuffer: 64 * 2 ** 20 };
}

/** @param {string} folder */
async function removeFolder(folder) {
  // Go marks its module cache read-only; ours is elsewhere, but a failed clean-up must not hide the result.
  await fs.rm(folder, { recursive: true, force: true, maxRetries: 3 }).catch(() => {});
}

/**
 * One line: what a failed command wrote says more than "Command failed".
 *
 * @param {unknown} error
 */
function reasonOf(error) {
  const { stderr, message, cause, code, killed } = /** @type {any} */ (error);
  if (killed) return 'took too long';
  const last = String(stderr ?? '')
    .trim()
    .split('\n')
    .filter((line) => !line.startsWith('W:'));
  const text = last.at(-1) || [message, cause?.message ?? cause?.code].filter(Boolean).join(': ');
  return text || String(code);
}

async function main() {
  const bestEffort = process.argv.includes('--best-effort');
  try {
    const server = await obtainNatsServer({ log: (line) => console.error(line) });
    if (bestEffort) console.error(`nats-server ${server.version} (${server.from})`);
    else console.log(server.path);
  } catch (error) {
    if (bestEffort) {
      console.error('no nats-server yet; `npm run cluster` will try again and say what to do');
      return;
    }
    console.error(`starling: ${/** @type {Error} */ (error).message}`);
    process.exitCode = 1;
  }
}

const invoked = process.argv[1] && (await fs.realpath(process.argv[1]).catch(() => undefined));
if (invoked && import.meta.url === pathToFileURL(invoked).href) await main();
