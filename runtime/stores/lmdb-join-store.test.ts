import { randomUUID } from 'node:crypto';
import { spawn } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { codeOf } from '../../core/base/errors.js';
import {
  actionsOf,
  examplesOf,
  impressionsOf,
  MemoryJoinStore,
  oneOutcome,
} from '../../core/joining/join-events.testkit.js';
import { JoinWindow } from '../../core/joining/join-window.js';
import { joinStep, joinStepOptions } from './join-store.testkit.js';
import { LmdbJoinStore } from './lmdb-join-store.js';
import type { JoinState } from './join-store.js';
import { storageError } from './storage-error.js';

const childPath = fileURLToPath(new URL('./join-store-child.testkit.js', import.meta.url));

let folder: string;
const stores: LmdbJoinStore[] = [];

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'join-store-'));
});

afterEach(async () => {
  for (const store of stores.splice(0)) await store.close();
  rmSync(folder, { recursive: true, force: true });
});

function openStore(): LmdbJoinStore {
  const store = LmdbJoinStore.open(folder, { newId: () => randomUUID() });
  stores.push(store);
  return store;
}

async function reopened(): Promise<LmdbJoinStore> {
  await stores.pop()?.close();
  return openStore();
}

/** The state as plain data, to compare. */
function contentOf(state: JoinState) {
  return {
    progress: state.progress,
    consumed: state.consumed,
    outboxNumberLast: state.outboxNumberLast,
    records: [...state.records].map(
      ({ number, bytes }) => `${number} ${Buffer.from(bytes).toString('hex')}`,
    ),
    outbox: state.outbox.map(
      ({ number, bytes }) => `${number} ${Buffer.from(bytes).toString('hex')}`,
    ),
  };
}

/** What a store must hold after steps 1 … `last`, computed without a disk. */
function expectedAfter(last: number): ReturnType<typeof contentOf> {
  const memory = new MemoryJoinStore();
  const window = new JoinWindow(joinStepOptions, memory);
  let outbox: JoinState['outbox'] = [];
  for (let step = 1; step <= last; step++) {
    const commit = joinStep(window, step);
    memory.commit(commit.changes);
    outbox = [...outbox, ...commit.outbox].filter(
      ({ number }) => number > commit.confirmedThrough!,
    );
  }
  const consumed = { JOIN: last };
  return contentOf({
    progress: memory.progress,
    records: memory.records,
    consumed,
    outbox,
    spec: undefined,
    outboxNumberLast: last,
  });
}

describe('LmdbJoinStore', () => {
  test('a new store is empty', () => {
    const { progress, records, consumed, outbox, outboxNumberLast } = openStore().load();
    expect(progress).toBeUndefined();
    expect([...records]).toEqual([]);
    expect({ consumed, outbox, outboxNumberLast }).toEqual({
      consumed: {},
      outbox: [],
      outboxNumberLast: 0,
    });
  });

  test('a reopened store holds what was committed, whatever the number of restarts', async () => {
    let store = openStore();
    let window = new JoinWindow(joinStepOptions, store);
    for (let step = 1; step <= 60; step++) {
      await store.commit(joinStep(window, step));
      if (step % 7 !== 0) continue;
      store = await reopened();
      window = new JoinWindow(joinStepOptions, store);
      const { progress, records } = store.load();
      window.restore({ progress: progress!, records });
    }
    expect(contentOf((await reopened()).load())).toEqual(expectedAfter(60));
  });

  test('rows that memory let go of come back from disk with their own features', async () => {
    const store = openStore();
    const window = new JoinWindow(
      {
        ...oneOutcome(1e6),
        latenessMs: 0,
        copiesMs: 0,
        negativeRate: 1,
        memoryOpenMax: 0,
      },
      store,
    );
    const rows = Array.from({ length: 300 }, (_, i) => ({
      requestId: `r${i}`,
      item: 'x',
      atMs: i,
    }));
    window.observeImpressions(impressionsOf(rows));
    for (let n = 0; n < 2; n++)
      await store.commit({ changes: window.drain().changes, consumed: {}, outbox: [] });
    const wanted = rows.filter((_, i) => i % 3 === 0).reverse();
    window.observeActions(actionsOf(wanted));
    expect(window.drain().samples.examples).toEqual(examplesOf(wanted));
  });

  test('confirmed outbox entries go, the others stay, and numbers are not used again', async () => {
    const store = openStore();
    const window = new JoinWindow(joinStepOptions, store);
    const outbox = [1, 2, 3, 4].map((number) => ({ number, bytes: Uint8Array.of(number) }));
    await store.commit({ changes: window.drain().changes, consumed: {}, outbox });
    await store.confirm(2);
    await store.commit({
      changes: window.drain().changes,
      consumed: {},
      outbox: [],
      confirmedThrough: 3,
    });
    const state = (await reopened()).load();
    expect(state.outbox.map(({ number, bytes }) => [number, ...bytes])).toEqual([[4, 4]]);
    expect(state.outboxNumberLast).toBe(4);
    await stores[0]!.confirm(4);
    expect(stores[0]!.load()).toMatchObject({ outbox: [], outboxNumberLast: 4 });
    const again = {
      changes: window.drain().changes,
      consumed: {},
      outbox: [{ number: 4, bytes: Uint8Array.of(0) }],
    };
    await expect(stores[0]!.commit(again)).rejects.toThrow('outbox number 4');
  });

  test('a commit that fails half-way leaves nothing of itself and can be repeated', async () => {
    const store = openStore();
    const window = new JoinWindow(joinStepOptions, store);
    await store.commit(joinStep(window, 1));
    const commit = joinStep(window, 2);
    const failing: Iterable<number> = {
      *[Symbol.iterator]() {
        yield 1;
        throw new Error('half-way');
      },
    };
    const changes = { ...commit.changes, remove: failing as number[] };
    await expect(store.commit({ ...commit, changes })).rejects.toMatchObject({ code: 'INTERNAL' });
    expect(contentOf(store.load())).toEqual(expectedAfter(1));
    await store.commit(commit);
    expect(contentOf((await reopened()).load())).toEqual(expectedAfter(2));
  });

  test('a folder with something else in it is refused', () => {
    for (const content of ['hello', Buffer.alloc(8192, 7)]) {
      writeFileSync(join(folder, 'data.mdb'), content);
      expect(thrownCode(() => LmdbJoinStore.open(folder, { newId: () => randomUUID() }))).toBe(
        'STATE_INVALID',
      );
    }
    expect(
      thrownCode(() => LmdbJoinStore.open(join(folder, 'data.mdb'), { newId: () => randomUUID() })),
    ).toBe('STATE_INVALID');
  });

  test('the errors of a full disk have one code, whatever the system calls them', () => {
    for (const code of [5, 27, 28, 122, -30792, 'ENOSPC']) {
      expect(storageError(Object.assign(new Error('x'), { code }), 'p', 'committing').code).toBe(
        'STORAGE_FULL',
      );
    }
    expect(storageError(Object.assign(new Error('x'), { code: -30796 }), 'p', 'reading').code).toBe(
      'CORRUPT',
    );
    expect(storageError(new Error('x'), 'p', 'committing').code).toBe('INTERNAL');
  });
});

describe('a process with a store', () => {
  test('killed at any moment, it leaves exactly some commit, not older than the last it reported', async () => {
    let reported = 0;
    for (const commitsBeforeKill of [1, 9, 40]) {
      const child = spawn(process.execPath, [childPath, folder, '1000000']);
      reported = await lastLineAfter(child, reported + commitsBeforeKill, 'SIGKILL');
      const store = await reopened();
      const content = contentOf(store.load());
      const step = content.consumed['JOIN']!;
      expect(step).toBeGreaterThanOrEqual(reported);
      expect(content).toEqual(expectedAfter(step));
      await stores.pop()!.close();
      reported = step;
    }
  });

  const testOnPosix = process.platform === 'win32' ? test.skip : test;

  testOnPosix(
    'out of disk, it says STORAGE_FULL, keeps its last commit, and goes on when there is room',
    async () => {
      // A limit on the file size stands for a full disk; the signal that comes with it is ignored, as a full disk has none.
      // Below the 270 kB that the stream's state comes to, above the 12 kB of an empty store.
      const limitKilobytes = '128';
      const command = `trap '' XFSZ; ulimit -f "$1"; exec "$2" "$3" "$4" 1000000`;
      const limited = spawn('bash', [
        '-c',
        command,
        'bash',
        limitKilobytes,
        process.execPath,
        childPath,
        folder,
      ]);
      const lines = await linesOf(limited);
      expect(lines.at(-1)).toBe('STORAGE_FULL');
      expect(limited.exitCode).toBe(3);
      const last = Number(lines.at(-2));
      expect(contentOf(openStore().load())).toEqual(expectedAfter(last));
      await stores.pop()!.close();
      const unlimited = spawn(process.execPath, [childPath, folder, String(last + 5)]);
      expect(await linesOf(unlimited)).toHaveLength(5);
      expect(contentOf(openStore().load())).toEqual(expectedAfter(last + 5));
    },
  );
});

function thrownCode(action: () => unknown): string {
  try {
    action();
    return 'nothing thrown';
  } catch (error) {
    return codeOf(error);
  }
}

/** Kills the child once it has printed `step`, and returns the last step it had printed by the time it was gone. */
async function lastLineAfter(
  child: ChildProcess,
  step: number,
  signal: NodeJS.Signals,
): Promise<number> {
  const lines = await linesOf(child, (line) => {
    if (Number(line) >= step) child.kill(signal);
  });
  return Number(lines.at(-1));
}

/** The whole lines a child prints until it ends. */
async function linesOf(
  child: ChildProcess,
  onLine: (line: string) => void = () => undefined,
): Promise<string[]> {
  let text = '';
  const lines: string[] = [];
  child.stdout!.on('data', (data: Buffer) => {
    text += data.toString();
    const whole = text.split('\n');
    text = whole.pop()!;
    for (const line of whole) {
      lines.push(line);
      onLine(line);
    }
  });
  await new Promise((resolve) => child.once('close', resolve));
  return lines;
}
