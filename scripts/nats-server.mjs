/**
 * Finds a nats-server binary, or gets one. Plain Node without dependencies, since `npm ci` runs it before anything
 * else is there.
 *
 * Looked for first: the NATS_SERVER variable, PATH, and the private copy made by an earlier run (.starling/bin). If
 * there is none, each source below is tried in turn: the official release and a build by Go bring one version that this
 * project is tested with, Homebrew the newest, and a distribution what it had when it was frozen, so it is asked last.
 * None of them needs root, starts a service or changes the system, but for Homebrew, which installs for its user as
 * always: a set-up step that asks for a password in the middle of `npm ci`, or leaves a server listening on 4222, would
 * be a poor first impression. A source that can't work here says why at once; without a network that takes seconds.
 *
 * A private copy that is older than recommended is replaced when this script is run; what is on PATH belongs to the
 * machine, and stays, though a current private copy goes before it (docs/decisions/0014-a-current-nats-server.md).
 *
 *   node scripts/nats-server.mjs                 prints the path of a current binary, or of an old one if that is all
 *                                                there is; exits 1 if there is none
 *   node scripts/nats-server.mjs --best-effort   exits 0 whatever happens, and is content with what is on PATH (the
 *                                                `prepare` script)
 *   node scripts/nats-server.mjs --pin           for who raises `versionFetched`: writes down the checksums of its files
 */
import { execFile } from 'node:child_process';
import { createHash } from 'node:crypto';
import fs from 'node:fs/promises';
import path from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { promisify } from 'node:util';

/** Older servers lack what the streams rest on; this one is what Debian 12 ships. */
export const versionMin = '2.9.10';

/**
 * Before it, servers are known to lose what they have acknowledged, after a power failure and when the servers of a data
 * center change. They are used if they are what there is, and their user is told.
 */
export const versionRecommended = '2.12.3';

/** What the official release and Go bring: the version this project is tested with, beside `versionMin`. */
export const versionFetched = '2.15.3';

/** Of the Go module of that version, as the public checksum database has it. */
const moduleSum = 'h1:IgHIKL4DYN9mEfwtPcdM39muvXG8v9FBADQn0f4Whs0=';

/**
 * @typedef {{ path: string, version: string, from: string }} NatsServer
 * @typedef {(line: string) => void} Log
 * @typedef {{ folder: string, log: Log }} SourceContext  folder: private and temporary, for everything a source writes
 * @typedef {{ name: string, obtain: (context: SourceContext) => Promise<string> }} Source  obtain gives a binary's path
 * @typedef {{ source: Source, folder: string, file: string, version: string }} Staged  got, and not yet in its place
 */

const run = promisify(execFile);
const root = path.dirname(path.dirname(fileURLToPath(import.meta.url)));
const binFolderDefault = path.join(root, '.starling', 'bin');
const executable = process.platform === 'win32' ? 'nats-server.exe' : 'nats-server';
const privateCopy = 'private copy';

/** The checksums of release files, in the format of the SHA256SUMS that releases bring. */
const pinnedPath = path.join(root, 'scripts', 'nats-server.sha256');

/** For a Go build, once the module is there: on a small machine it takes minutes. */
const buildMsMax = 10 * 60_000;
/** For a package manager. One that waits for a lock for longer won't get it. */
const packageMsMax = 3 * 60_000;
/** For a module of 4 MB. Too low: a slow network is taken for none. Too high: who has none waits so long. */
const moduleMsMax = 30_000;
/** For the first byte, and between two, of a download. */
const silenceMsMax = 10_000;
const quickMsMax = 10_000;

/** @param {string} version */
export function isCurrent(version) {
  return isAtLeast(version, versionRecommended);
}

/**
 * The first that is current; else the first that can be used at all.
 *
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
  const found = [
    await usable(await onPath('nats-server'), 'PATH'),
    await usable(path.join(binFolder, executable), privateCopy),
  ].filter((server) => server !== undefined);
  return found.find(({ version }) => isCurrent(version)) ?? found[0];
}

/**
 * @param {string | undefined} file
 * @param {string} from
 * @returns {Promise<NatsServer | undefined>}
 */
async function usable(file, from) {
  if (file === undefined) return undefined;
  try {
    return { path: file, version: await usableVersion(file), from };
  } catch {
    return undefined; // Absent, too old, or for another platform: all the same here, as the sources bring one that works.
  }
}

/**
 * A usable server: one that is there already, or one got from the first source that has a current one, or at least a
 * newer one than what is there.
 *
 * @param {object} [options]
 * @param {Log} [options.log]
 * @param {string} [options.binFolder]
 * @param {readonly Source[]} [options.sources]
 * @param {readonly string[]} [options.replaces]  where a server may come `from` that is not good enough if it is old
 * @returns {Promise<NatsServer>}
 */
export async function obtainNatsServer({
  log = () => {},
  binFolder = binFolderDefault,
  sources = sourcesDefault,
  replaces = [],
} = {}) {
  const found = await findNatsServer({ binFolder });
  if (found && (isCurrent(found.version) || !replaces.includes(found.from))) return found;
  if (found) {
    const { version, from } = found;
    log(
      `nats-server ${version} (${from}) is older than ${versionRecommended}; looking for a newer one`,
    );
  }
  /** @type {string[]} */
  const failures = [];
  const failed = (/** @type {string} */ name, /** @type {string} */ reason) => {
    failures.push(`${name}: ${reason}`);
    log(`${name}: ${reason}`);
  };
  const options = { log, failed, binFolder, above: found?.version };
  const server = (await firstOf(sources, options)) ?? found;
  if (server) return server;
  throw new Error(
    [
      `there is no nats-server ${versionMin} or newer on PATH, and none could be obtained:`,
      ...failures.map((line) => `  ${line}`),
      'Install one by hand (https://docs.nats.io/running-a-nats-service/introduction/installation), for instance',
      '  a release:  https://github.com/nats-io/nats-server/releases        macOS:  brew install nats-server',
      `  Go:         go install github.com/nats-io/nats-server/v2@v${versionFetched}`,
      'and put it on PATH or name it: NATS_SERVER=/path/to/nats-server npm run cluster',
    ].join('\n'),
  );
}

/**
 * Several processes may do this at once (parallel tests, two terminals). Each works in folders of its own and renames
 * the finished binary into place, so that nobody sees half a file and the last one wins.
 *
 * @typedef {(name: string, reason: string) => void} Failed
 *
 * @param {readonly Source[]} sources
 * @param {{ log: Log, failed: Failed, binFolder: string, above: string | undefined }} options  above: the version there
 *   is already
 * @returns {Promise<NatsServer | undefined>}
 */
async function firstOf(sources, { log, failed, binFolder, above }) {
  await fs.mkdir(binFolder, { recursive: true });
  /** @type {string[]} */
  const folders = [];
  /** @type {Staged | undefined} */
  let best;
  try {
    for (const source of sources) {
      const folder = await fs.mkdtemp(path.join(binFolder, 'tmp-'));
      folders.push(folder);
      try {
        const file = await source.obtain({ folder, log });
        const version = await usableVersion(file);
        const least = best?.version ?? above;
        if (!least || !isAtLeast(least, version)) best = { source, folder, file, version };
        if (isCurrent(version)) break;
        failed(source.name, `its newest is ${version}`);
      } catch (error) {
        failed(source.name, reasonOf(error));
      }
    }
    return best && (await install(best, binFolder));
  } catch (error) {
    failed(binFolder, reasonOf(error)); // A system that can't replace a program that runs, say.
    return undefined;
  } finally {
    await Promise.all(folders.map(removeFolder));
  }
}

/**
 * @param {Staged} staged
 * @param {string} binFolder
 * @returns {Promise<NatsServer>}
 */
async function install({ source, folder, file, version }, binFolder) {
  const target = path.join(binFolder, executable);
  const staged = path.join(folder, 'staged');
  await fs.copyFile(file, staged);
  await fs.chmod(staged, 0o755);
  await fs.rename(staged, target);
  return { path: target, version, from: source.name };
}

/**
 * The file that the authors have built, checked against the checksums in scripts/nats-server.sha256, or, where that does
 * not list the file, against those of the release, which tell a damaged file and not a changed release.
 *
 * @param {{ base?: string, pinned?: string, silenceMs?: number }} [options]  pinned: text of the checksums known here
 * @returns {Source}
 */
export function releaseFrom({ base = releases, pinned, silenceMs = silenceMsMax } = {}) {
  return {
    name: 'official release',
    async obtain({ folder, log }) {
      const archive = releaseArchive(process.platform, process.arch);
      const known = pinned ?? (await fs.readFile(pinnedPath, 'utf8'));
      log(`downloading ${base}/v${versionFetched}/${archive}`);
      const sums = sumOf(archive, known)
        ? known
        : (await download(`${base}/v${versionFetched}/SHA256SUMS`, silenceMs)).toString('utf8');
      const bytes = await download(`${base}/v${versionFetched}/${archive}`, silenceMs);
      verifySha256(archive, bytes, sums);
      await fs.writeFile(path.join(folder, archive), bytes);
      // tar of Windows and macOS reads zip files as well.
      await run('tar', ['-xf', archive], inFolder(folder));
      return findBinary(folder);
    },
  };
}

const releases = 'https://github.com/nats-io/nats-server/releases/download';

/**
 * Go checks modules against its public checksum database, unless its user has told it not to; so the sum is compared
 * with the one that is known here as well.
 *
 * @type {Source}
 */
export const goInstall = {
  name: 'go install',
  async obtain({ folder, log }) {
    // The second is where Go's own installer puts it, which many never add to PATH.
    const go = (await onPath('go')) ?? (await existing('/usr/local/go/bin/go'));
    if (go === undefined) throw new Error('no go on PATH');
    const env = {
      ...process.env,
      GOBIN: folder,
      CGO_ENABLED: '0', // No C compiler needed.
      GOFLAGS: '',
      GOTOOLCHAIN: 'auto', // Distributions pin `local`, which refuses a module that asks for a newer Go.
    };
    await requireGo(go, folder, env);
    const module = `github.com/nats-io/nats-server/v2@v${versionFetched}`;
    const fetching = { ...inFolder(folder), env, timeout: moduleMsMax };
    requireModuleSum(
      await moduleSumOf(() => run(go, ['mod', 'download', '-json', module], fetching)),
    );
    log(`building nats-server ${versionFetched} with go, a minute or so`);
    await run(go, ['install', '-trimpath', module], { ...fetching, timeout: buildMsMax });
    return path.join(folder, executable);
  },
};

/**
 * Go tells what went wrong in the same form as what went right.
 *
 * @param {() => Promise<{ stdout: string }>} download
 * @returns {Promise<string | undefined>}
 */
async function moduleSumOf(download) {
  try {
    return JSON.parse((await download()).stdout).Sum;
  } catch (error) {
    const told = /"Error": (".*")/.exec(/** @type {any} */ (error).stdout ?? '')?.[1];
    throw told === undefined ? error : new Error(JSON.parse(told));
  }
}

/** @param {string | undefined} sum */
export function requireModuleSum(sum) {
  if (sum !== moduleSum) throw new Error(`the module has the checksum ${sum}, not ${moduleSum}`);
}

/**
 * An older Go neither builds the server nor gets a newer Go, and finds that out after minutes.
 *
 * @param {string} go
 * @param {string} folder
 * @param {NodeJS.ProcessEnv} env
 */
async function requireGo(go, folder, env) {
  const { stdout } = await run(go, ['env', 'GOVERSION'], { cwd: folder, env, timeout: quickMsMax });
  const version = stdout.trim().replace(/^go/, '');
  if (!isAtLeast(version, goMin)) throw new Error(`go ${version} is older than ${goMin}`);
}

/** From it on, Go gets the toolchain that a module asks for by itself. */
const goMin = '1.21.0';

/** @type {Source} */
export const homebrew = {
  name: 'Homebrew',
  async obtain({ folder, log }) {
    if (process.platform !== 'darwin') throw new Error('not macOS');
    await requireCommands('brew');
    log('brew install nats-server');
    const env = { ...process.env, HOMEBREW_NO_AUTO_UPDATE: '1' };
    const bounded = { ...inFolder(folder), env, timeout: packageMsMax };
    await run('brew', ['install', 'nats-server'], bounded);
    const { stdout } = await run('brew', ['--prefix'], bounded);
    return path.join(stdout.trim(), 'bin', 'nats-server');
  },
};

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
    const bounded = { ...inFolder(folder), timeout: packageMsMax };
    const download = (/** @type {string[]} */ options) =>
      run('apt-get', [...impatient, ...options, 'download', 'nats-server'], bounded);
    try {
      await download([]);
    } catch {
      log('fetching package lists to look for nats-server');
      const options = await privateLists(folder);
      await run('apt-get', [...impatient, ...options, 'update'], bounded);
      await download(options);
    }
    const archive = (await fs.readdir(folder)).find((name) => name.endsWith('.deb'));
    if (archive === undefined) throw new Error('apt-get download left no package');
    await run('dpkg-deb', ['-x', archive, 'unpacked'], inFolder(folder));
    return findBinary(path.join(folder, 'unpacked'));
  },
};

/** By default apt tries each address several times, for two minutes each. */
const impatient = ['http', 'https'].flatMap((scheme) => [
  '-o',
  `Acquire::${scheme}::Timeout=${silenceMsMax / 1000}`,
]);
impatient.push('-o', 'Acquire::Retries=0');

/** @param {string} folder */
async function privateLists(folder) {
  const lists = path.join(folder, 'lists');
  const cache = path.join(folder, 'cache');
  await fs.mkdir(path.join(lists, 'partial'), { recursive: true });
  await fs.mkdir(path.join(cache, 'archives', 'partial'), { recursive: true });
  return ['-o', `Dir::State::lists=${lists}`, '-o', `Dir::Cache=${cache}`];
}

const sourcesDefault = [releaseFrom(), goInstall, homebrew, debianPackage];

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
  const expected = sumOf(archive, sums);
  if (expected === undefined) throw new Error(`SHA256SUMS does not list ${archive}`);
  const actual = createHash('sha256').update(bytes).digest('hex');
  if (actual !== expected) throw new Error(`${archive} has SHA-256 ${actual}, not ${expected}`);
}

/**
 * @param {string} archive
 * @param {string} sums
 */
function sumOf(archive, sums) {
  return sums
    .split('\n')
    .map((line) => line.trim().split(/\s+\*?/))
    .find(([, name]) => name === archive)?.[0];
}

/**
 * However large it is: only silence ends it.
 *
 * @param {string} url
 * @param {number} silenceMs
 */
async function download(url, silenceMs) {
  const controller = new globalThis.AbortController();
  const timer = globalThis.setTimeout(
    () => controller.abort(new Error(`${url} sent nothing for ${silenceMs} ms`)),
    silenceMs,
  );
  try {
    const response = await fetch(url, { signal: controller.signal });
    if (!response.ok) throw new Error(`${url} answered ${response.status}`);
    const chunks = [];
    for await (const chunk of response.body ?? []) {
      timer.refresh();
      chunks.push(chunk);
    }
    return Buffer.concat(chunks);
  } finally {
    globalThis.clearTimeout(timer);
  }
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
  return { cwd: folder, timeout: quickMsMax, maxBuffer: 64 * 2 ** 20 };
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

/** The checksums of the release that is fetched, for all the platforms it is built for. */
async function pin() {
  const sums = (await download(`${releases}/v${versionFetched}/SHA256SUMS`, silenceMsMax)).toString(
    'utf8',
  );
  await fs.writeFile(pinnedPath, pinnedText(sums));
}

/** @param {string} sums */
export function pinnedText(sums) {
  const archives = sums
    .split('\n')
    .map((line) => line.trim())
    .filter((line) => /^[0-9a-f]{64}\s+\S+\.(tar\.gz|zip)$/.test(line));
  if (archives.length === 0) throw new Error('that is no list of checksums');
  const head = [
    '# SHA-256 of the files of the nats-server release that scripts/nats-server.mjs fetches, in the format of its SHA256SUMS.',
    '# A file that is listed here must be that file. One that is not is checked against the SHA256SUMS of the release.',
    '# Written by `node scripts/nats-server.mjs --pin`.',
  ];
  return `${[...head, ...archives].join('\n')}\n`;
}

/**
 * @param {NatsServer} server
 * @param {boolean} tried  whether all sources were asked for a newer one
 */
function described({ version, from, path: file }, tried) {
  const text = `nats-server ${version} (${from}) at ${file}`;
  if (isCurrent(version)) return text;
  const remedy =
    from === 'NATS_SERVER'
      ? 'name a newer one there, or none'
      : tried
        ? 'no source has a newer one now'
        : 'a newer one: npm run setup';
  return `${text}; it is older than ${versionRecommended}: ${remedy}`;
}

async function main() {
  const bestEffort = process.argv.includes('--best-effort');
  const log = (/** @type {string} */ line) => console.error(line);
  try {
    if (process.argv.includes('--pin')) return await pin();
    const replaces = bestEffort ? [privateCopy] : [privateCopy, 'PATH'];
    const server = await obtainNatsServer({ log, replaces });
    log(described(server, !bestEffort));
    if (!bestEffort) console.log(server.path);
  } catch (error) {
    console.error(`starling: ${/** @type {Error} */ (error).message}`);
    if (bestEffort) console.error('`npm run cluster` will try again');
    else process.exitCode = 1;
  }
}

const invoked = process.argv[1] && (await fs.realpath(process.argv[1]).catch(() => undefined));
if (invoked && import.meta.url === pathToFileURL(invoked).href) await main();
