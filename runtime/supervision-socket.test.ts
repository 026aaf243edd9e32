import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { chmodSync, mkdirSync, mkdtempSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { startHashOf, supervisionSocket } from './supervision-socket.js';

let folder: string;

beforeEach(() => {
  folder = mkdtempSync(path.join(tmpdir(), 'starling-socket-'));
});
afterEach(() => {
  rmSync(folder, { recursive: true, force: true });
});

function longFolder(): string {
  const long = path.join(folder, 'x'.repeat(60), 'y'.repeat(60));
  mkdirSync(long, { recursive: true });
  return long;
}

describe('the socket of a supervisor', () => {
  test('is in the state folder', () => {
    expect(supervisionSocket(folder)).toBe(path.join(folder, 'supervisor.sock'));
  });

  test('is in a closed temporary folder where the path would be too long', () => {
    const first = supervisionSocket(longFolder(), folder);
    expect(Buffer.byteLength(first)).toBeLessThanOrEqual(103);
    expect(supervisionSocket(longFolder(), folder)).toBe(first);
    expect(statSync(path.dirname(first)).mode & 0o777).toBe(0o700);
  });

  test('finds room also where the temporary folder is as deep', () => {
    const first = supervisionSocket(longFolder(), longFolder());
    expect(Buffer.byteLength(first)).toBeLessThanOrEqual(103);
    expect(supervisionSocket(longFolder(), longFolder())).toBe(first);
  });

  test('is not put where others may look', () => {
    const shared = path.dirname(supervisionSocket(longFolder(), folder));
    chmodSync(shared, 0o755);
    expect(() => supervisionSocket(longFolder(), folder)).toThrow(
      expect.objectContaining({ code: 'STATE_INVALID' }),
    );
  });
});

test('the hash of a start tells configurations and passwords apart, and survives a message', () => {
  const nats = { cluster: 'starling', url: ['nats://127.0.0.1:1'], user: 'u', password: 'p' };
  const start = { config: { b: 1, a: [undefined, { c: undefined }] }, nats };
  const hash = startHashOf(start);
  expect(startHashOf(JSON.parse(JSON.stringify(start)) as typeof start)).toBe(hash);
  const turned = Object.fromEntries(Object.entries(start.config).reverse());
  expect(startHashOf({ ...start, config: turned })).toBe(hash);
  expect(startHashOf({ ...start, config: { b: 2 } })).not.toBe(hash);
  expect(startHashOf({ ...start, nats: { ...nats, password: 'q' } })).not.toBe(hash);
});
