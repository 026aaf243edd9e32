import { execFileSync, spawn, type ChildProcess } from 'node:child_process';
import {
  existsSync,
  lstatSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { findServerInPlace } from '../../site/servers/find-server.js';
import type { Finished } from './starling-process.js';

/** The checkout. */
export const root = fileURLToPath(new URL('../../../', import.meta.url));

/** A name as people give to folders, in which every character is one that somebody forgets to escape. */
const folderName = "a shop's 100 % #1? für $HOME";

export interface SpawnPlace {
  readonly environment?: NodeJS.ProcessEnv;
  readonly folder?: string;
}

/** `npm pack` has written it and `npm install` has put it into the project of somebody else, with what it depends on. */
export class PackedPackage {
  /** The project, with a package.json and node_modules. */
  readonly folder: string;
  readonly bin: string;
  readonly #temporary: string;
  readonly #server: string | undefined;

  private constructor(temporary: string, server: string | undefined) {
    this.#temporary = temporary;
    this.#server = server;
    this.folder = path.join(temporary, folderName);
    this.bin = path.join(this.folder, 'node_modules/.bin/starling');
  }

  /**
   * As installed, but for the downloads: the package is unpacked, and the packages that are installed here stand in for those
   * it depends on. One that only its own tests need is not among them, so an import of it fails.
   */
  static async install(scripts: Readonly<Record<string, string>> = {}): Promise<PackedPackage> {
    const server = await findServerInPlace();
    const packed = new PackedPackage(
      mkdtempSync(path.join(tmpdir(), 'starling-packed-')),
      server?.path,
    );
    packed.#unpack(scripts);
    return packed;
  }

  #unpack(scripts: Readonly<Record<string, string>>): void {
    const modules = path.join(this.folder, 'node_modules');
    mkdirSync(path.join(modules, 'starling'), { recursive: true });
    mkdirSync(path.join(modules, '.bin'));
    const options = { cwd: root, encoding: 'utf8' } as const;
    const arguments_ = ['pack', '--json', '--ignore-scripts', '--pack-destination'];
    const told = execFileSync('npm', [...arguments_, this.#temporary], options);
    const [{ filename }] = JSON.parse(told) as [{ filename: string }];
    const archive = path.join(this.#temporary, filename);
    execFileSync('tar', [
      '-xzf',
      archive,
      '-C',
      path.join(modules, 'starling'),
      '--strip-components=1',
    ]);
    for (const name of productionPackages()) {
      const target = path.join(root, 'node_modules', name);
      if (!existsSync(target)) continue; // Optional, and not installed here.
      mkdirSync(path.dirname(path.join(modules, name)), { recursive: true });
      symlinkSync(target, path.join(modules, name));
    }
    symlinkSync('../starling/dist/cli/starling.js', this.bin);
    writeFileSync(
      path.join(this.folder, 'package.json'),
      JSON.stringify({ name: 'shop', private: true, version: '1.0.0', scripts }),
    );
  }

  /** Whether npm would have to set the run bit. */
  get runs(): boolean {
    return (
      (lstatSync(path.join(this.folder, 'node_modules/starling/dist/cli/starling.js')).mode &
        0o111) ===
      0o111
    );
  }

  read(file: string): string {
    return readFileSync(path.join(this.folder, file), 'utf8');
  }

  write(file: string, text: string): void {
    writeFileSync(path.join(this.folder, file), text);
  }

  /** In a process group of its own, as a shell starts it; in the project's folder, unless another is named. */
  spawn(
    file: string,
    args: readonly string[],
    { environment = {}, folder = this.folder }: SpawnPlace = {},
  ): ChildProcess {
    const env = { ...process.env, ...environment };
    if (this.#server !== undefined) env['NATS_SERVER'] = this.#server;
    // npm's own, of the run that these tests are part of.
    for (const name of Object.keys(env)) if (/^npm_/i.test(name)) delete env[name];
    if (environment['NODE_OPTIONS'] === undefined) delete env['NODE_OPTIONS'];
    return spawn(file, args, {
      cwd: folder,
      env,
      stdio: ['ignore', 'pipe', 'pipe'],
      detached: true,
    });
  }

  run(file: string, ...args: string[]): Promise<Finished> {
    const child = this.spawn(file, args);
    let output = '';
    child.stdout!.on('data', (data: Buffer) => (output += data.toString()));
    child.stderr!.on('data', (data: Buffer) => (output += data.toString()));
    return new Promise((resolve) => child.on('close', (code) => resolve({ code, output })));
  }

  remove(): void {
    rmSync(this.#temporary, { recursive: true, force: true });
  }
}

/** Names below node_modules of all that is installed for who uses the package, by the lock file. */
function productionPackages(): string[] {
  const { packages } = JSON.parse(readFileSync(path.join(root, 'package-lock.json'), 'utf8')) as {
    packages: Record<string, { dev?: boolean; devOptional?: boolean }>;
  };
  return Object.entries(packages)
    .filter(([, { dev, devOptional }]) => dev !== true && devOptional !== true)
    .map(([place]) => /^node_modules\/((?:@[^/]+\/)?[^/]+)$/.exec(place)?.[1])
    .filter((name) => name !== undefined);
}
