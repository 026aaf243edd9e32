import { spawn } from 'node:child_process';
import { mkdtempSync } from 'node:fs';
import { rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll } from '@jest/globals';
import { runCommand } from './run-command.js';

interface Ended {
  readonly code: number | null;
  readonly out: string;
  readonly err: string;
}

/** The commands as the tests of a file run them: in an empty folder of theirs, that goes with the last of them. */
export function commandsInFolder() {
  const folder = mkdtempSync(path.join(tmpdir(), 'starling-cli-'));
  afterAll(() => rm(folder, { recursive: true, force: true }));

  /** Runs the command in an empty folder, in this process: each of its own would cost more than all that is tested. */
  async function starling(args: readonly string[], env: NodeJS.ProcessEnv = {}): Promise<Ended> {
    const kept = { cwd: process.cwd(), env: process.env };
    const said = { out: '', err: '' };
    process.chdir(folder);
    process.env = { ...process.env, STARLING_DEBUG: '', ...env };
    try {
      const code = await runCommand(args, {
        out: (line) => (said.out += `${line}\n`),
        err: (line) => (said.err += `${line}\n`),
      });
      return { code, ...said };
    } finally {
      process.chdir(kept.cwd);
      process.env = kept.env;
    }
  }

  /** The program as it is started, with something to read. */
  function program(args: readonly string[], input: string): Promise<Ended> {
    const file = fileURLToPath(new URL('./starling.js', import.meta.url));
    return new Promise((resolve, reject) => {
      const child = spawn(process.execPath, [file, ...args], { cwd: folder });
      let out = '';
      let err = '';
      child.stdout.on('data', (data: Buffer) => (out += data.toString()));
      child.stderr.on('data', (data: Buffer) => (err += data.toString()));
      child.on('error', reject);
      child.on('close', (code) => resolve({ code, out, err }));
      child.stdin.end(input);
    });
  }

  return { folder, starling, program };
}
