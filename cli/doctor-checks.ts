import { randomBytes } from 'node:crypto';
import { existsSync } from 'node:fs';
import { mkdtemp, rm, statfs, writeFile } from 'node:fs/promises';
import { availableParallelism, freemem, tmpdir, totalmem } from 'node:os';
import path from 'node:path';
import { messageOf } from '../core/base/errors.js';
import { loadClusterConfig } from '../core/config/load.js';
import type { ClusterConfig } from '../core/config/schema.js';
import { requireMessagesFit } from '../site/message-limit.js';
import { isFree } from '../site/servers/ports.js';
import { checkAlarms } from './doctor-alarms.js';
import { checkAttributes } from './doctor-attributes.js';
import { checkBackend } from './doctor-backend.js';
import type { DoctorOptions, Finding } from './doctor-finding.js';
import { checkOwnServer, checkServersElsewhere } from './doctor-servers.js';
import { checkStorage } from './doctor-storage.js';

const gibibyte = 2 ** 30;
const nodeMajorMin = 20;
/** Each actor is a Node process of 60 to 150 MB; a dozen of them run on one host by default. */
const memoryBytesMin = 2 * gibibyte;
/** Below it a replay of a few hundred thousand events may fill the disk. */
const diskBytesMin = 5 * gibibyte;
const diskBytesNeeded = gibibyte / 2;
const coresMin = 2;
/** Connections, stream files and log files of one process stay far below; 1024 is a common default. */
const openFilesMin = 1024;

type Check = (options: DoctorOptions) => Promise<Omit<Finding, 'name'>>;

const checks: readonly (readonly [name: string, check: Check])[] = [
  ['node', checkNode],
  ['config', checkConfig],
  ['nats-server', checkServer],
  ['ports', checkPorts],
  ['state folder', checkStateFolder],
  ['disk', checkDisk],
  ['storage', async (options) => checkStorage(options, await configOrNone(options))],
  ['alarms', async (options) => checkAlarms(options, await configOrNone(options))],
  ['attributes', async (options) => checkAttributes(options, await configOrNone(options))],
  ['memory', checkMemory],
  ['cores', checkCores],
  ['open files', checkOpenFiles],
  ['backend', async (options) => checkBackend(options, await configOrNone(options))],
  ['lmdb', checkLmdb],
];

/** All checks, one after the other; one that breaks is itself a finding. */
export async function examine(options: DoctorOptions): Promise<Finding[]> {
  const findings: Finding[] = [];
  for (const [name, check] of checks) {
    try {
      findings.push({ name, ...(await check(options)) });
    } catch (error) {
      findings.push({ name, level: 'fail', detail: messageOf(error) });
    }
  }
  return findings;
}

async function checkNode(): Promise<Omit<Finding, 'name'>> {
  const major = Number(process.versions.node.split('.')[0]);
  const detail = `${process.version} at ${process.execPath}`;
  if (major >= nodeMajorMin) return { level: 'ok', detail };
  return { level: 'fail', detail, remedy: `Install Node ${nodeMajorMin} or newer.` };
}

async function checkConfig({ configPath }: DoctorOptions): Promise<Omit<Finding, 'name'>> {
  const config = await loadClusterConfig(configPath);
  requireMessagesFit(config);
  const { name, dataCenters, features } = config;
  const places = dataCenters.map((dataCenter) => dataCenter.name).join(', ');
  const detail = `${name}: data centers ${places}; ${Object.keys(features).length} features`;
  return { level: 'ok', detail };
}

async function checkServer(options: DoctorOptions): Promise<Omit<Finding, 'name'>> {
  const { natsUrl, stateDir } = options;
  const config = await configOrNone(options);
  if (natsUrl !== undefined) return checkServersElsewhere(natsUrl, config);
  return checkOwnServer(stateDir, config);
}

async function checkPorts(options: DoctorOptions): Promise<Omit<Finding, 'name'>> {
  const config = await configOrNone(options);
  if (!config || config.nats.ports === 'auto') {
    return { level: 'ok', detail: 'free ports are chosen when the servers start' };
  }
  const { base } = config.nats.ports;
  const ports = config.dataCenters.map((_unused, i) => base + i);
  const free = await Promise.all(ports.map(isFree));
  const taken = ports.filter((_unused, i) => !free[i]);
  if (taken.length === 0) return { level: 'ok', detail: `${ports.join(', ')} are free` };
  const remedy = "Stop what listens there (perhaps this cluster), or set nats.ports to 'auto'.";
  return { level: 'warn', detail: `${taken.join(', ')} in use`, remedy };
}

async function configOrNone({ configPath }: DoctorOptions): Promise<ClusterConfig | undefined> {
  try {
    return await loadClusterConfig(configPath);
  } catch {
    return undefined; // A finding of its own.
  }
}

async function checkStateFolder({ stateDir }: DoctorOptions): Promise<Omit<Finding, 'name'>> {
  const folder = path.resolve(stateDir);
  const isNew = !existsSync(folder);
  const probe = path.join(nearestFolder(folder), `.doctor-${randomBytes(4).toString('hex')}`);
  try {
    await writeFile(probe, 'probe');
    await rm(probe);
  } catch (error) {
    const remedy = 'Make it writable, or name another folder with --state.';
    return { level: 'fail', detail: messageOf(error), remedy };
  }
  return { level: 'ok', detail: `${folder} ${isNew ? 'can be made' : 'is writable'}` };
}

async function checkDisk({ stateDir }: DoctorOptions): Promise<Omit<Finding, 'name'>> {
  const { bavail, bsize } = await statfs(nearestFolder(path.resolve(stateDir)));
  const free = bavail * bsize;
  const detail = `${gigabytes(free)} free`;
  const remedy = 'Free disk space, or name a folder on another disk with --state.';
  if (free < diskBytesNeeded) return { level: 'fail', detail, remedy };
  return free < diskBytesMin ? { level: 'warn', detail, remedy } : { level: 'ok', detail };
}

async function checkMemory(): Promise<Omit<Finding, 'name'>> {
  const detail = `${gigabytes(freemem())} free of ${gigabytes(totalmem())}`;
  if (freemem() >= memoryBytesMin) return { level: 'ok', detail };
  const remedy = `Close other programs; a cluster of default size uses about ${gigabytes(memoryBytesMin)}.`;
  return { level: 'warn', detail, remedy };
}

async function checkCores(): Promise<Omit<Finding, 'name'>> {
  const cores = availableParallelism();
  const detail = `${cores} usable`;
  if (cores >= coresMin) return { level: 'ok', detail };
  return { level: 'warn', detail, remedy: 'It will run, but slowly: actors share one core.' };
}

async function checkOpenFiles(): Promise<Omit<Finding, 'name'>> {
  const report = process.report.getReport() as { userLimits?: { open_files?: { soft?: unknown } } };
  const soft = report.userLimits?.open_files?.soft;
  if (typeof soft !== 'number') {
    return { level: 'ok', detail: typeof soft === 'string' ? `limit ${soft}` : 'limit not known' };
  }
  if (soft >= openFilesMin) return { level: 'ok', detail: `limit ${soft}` };
  return { level: 'warn', detail: `limit ${soft}`, remedy: `Raise it: ulimit -n ${openFilesMin}` };
}

async function checkLmdb(): Promise<Omit<Finding, 'name'>> {
  const folder = await mkdtemp(path.join(tmpdir(), 'starling-doctor-'));
  try {
    const { open } = await import('lmdb');
    const store = open<number, string>({ path: path.join(folder, 'probe') });
    await store.put('probe', 1);
    const found = store.get('probe');
    await store.close();
    if (found === 1) return { level: 'ok', detail: 'loads, writes and reads' };
    return {
      level: 'fail',
      detail: `wrote 1, read ${String(found)}`,
      remedy: 'Run `npm ci` again.',
    };
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

/** The folder itself, or the nearest above it that exists. */
function nearestFolder(folder: string): string {
  return existsSync(folder) ? folder : nearestFolder(path.dirname(folder));
}

function gigabytes(bytes: number): string {
  return `${(bytes / gibibyte).toFixed(1)} GiB`;
}
