import { beforeEach, describe, expect, test } from '@jest/globals';
import { codeOf } from '../../core/base/errors.js';
import { lanes, noActionFacts, noFacts } from '../../core/joining/event-facts.js';
import { encode, protocolVersion } from '../../messages/codec.js';
import { actionsMessage, advanceMessage, impressionsMessage } from '../../messages/events.js';
import { importMessage, noAliases } from '../../messages/import-records.js';
import { JoinReader } from './join-reader.js';

const spec = {
  hash: 'h',
  slotIds: new Uint32Array(0),
  columnIds: new Uint32Array(0),
  denseWidth: 0,
};
const examples = {
  ...{ rowCount: 2, slotCount: 0, denseCount: 0 },
  ...{ offsets: new Uint32Array(1), fids: new Uint32Array(0), dense: new Float32Array(0) },
};
const rows = { requestIds: ['r', 's'], items: ['a', 'b'], atMs: Float64Array.of(5, 6) };
const impressions = impressionsMessage(spec, {
  ...{ ...rows, users: ['u', 'u'], scores: new Float32Array(2) },
  ...{ facts: noFacts, examples },
});
const actions = actionsMessage({
  ...{ ...rows, labels: Float32Array.of(1, 0), acceptedAtMs: Float64Array.of(7, 7) },
  facts: noActionFacts,
});

let calls: string[];
let through: number[];
let nowMs: number;
/** Another configuration than that of this process is the newest. */
let isOverdue: boolean;
let reader: JoinReader;

beforeEach(() => {
  calls = [];
  through = [];
  nowMs = 100;
  isOverdue = false;
  reader = new JoinReader(
    {
      spec,
      window: {
        reads: () => undefined,
        observeImpressions: ({ items }) => void calls.push(`impressions ${items.join()}`),
        observeActions: ({ items }) => void calls.push(`actions ${items.join()}`),
        observeShown: ({ items }) => void calls.push(`shown ${items.join()}`),
        observePointers: ({ items }) => void calls.push(`pointers ${items.join()}`),
        observeAlias: (visitor, user) => void calls.push(`${visitor} is ${user}`),
        observeErase: ({ person, atMs, isUp }) =>
          void calls.push(`erase ${person} until ${atMs}${isUp ? ', and who he is' : ''}`),
        observeImport: ({ name, positions }) =>
          void calls.push(`import ${name} ${positions.join()}`),
        eventMsMax: -Infinity,
        observeRules: ({ version, rules }) =>
          void calls.push(`rules of ${version}, ${rules.latenessMs} ms`),
        observeSent: ({ source, number }) => void calls.push(`sent ${source} ${number}`),
        advance: (watermarkMs, lane) =>
          void calls.push(`advance ${lane ?? ''} ${watermarkMs ?? ''}`.trim()),
        closeAll: () => void calls.push('close all'),
      },
      hoped: new Set(['click']),
      popularity: { add: (item, atMs) => void calls.push(`popular ${item} at ${atMs}`) },
      bury: async ({ sequence }, error) => {
        calls.push(`bury ${sequence} ${codeOf(error)}`);
        if (isOverdue) throw error;
      },
      onRead: (sequence) => void through.push(sequence),
      nowMs: () => nowMs,
    },
    40,
  );
});

const read = (sequence: number, message: unknown) =>
  reader.read({ subject: 'starling.join.0', sequence, bytes: encode(message) });

describe('a reader of JOIN', () => {
  test('brings each record into the window, and advances it after each', async () => {
    expect(await read(41, impressions)).toBe(2);
    expect(await read(42, actions)).toBe(2);
    expect(await read(43, advanceMessage({ watermarkMs: 9, lane: 0 }))).toBe(0);
    expect(await read(44, advanceMessage({ watermarkMs: 'end', lane: 0 }))).toBe(0);
    expect(calls).toEqual([
      ...['impressions a,b', 'advance'],
      ...['actions a,b', 'popular a at 5', 'advance'],
      ...['advance 0 9', 'advance'],
      ...['close all', 'advance'],
    ]);
    expect(reader.consumed).toBe(44);
    expect(through).toEqual([41, 42, 43, 44]);
  });

  test('counts events as arrivals, and what the clock says as none', async () => {
    nowMs = 200;
    await read(41, advanceMessage({ watermarkMs: 9, lane: 0 }));
    expect(reader.arrivedAtMs).toBe(100);
    await read(42, actions);
    expect(reader.arrivedAtMs).toBe(200);
  });

  test('counts nothing that is imported as an arrival: it says nothing of what is live', async () => {
    nowMs = 200;
    const old = { ...actions, facts: { ...noActionFacts, lanes: Uint8Array.of(lanes.import) } };
    const record = {
      ...{ name: 'files', through: 4, positions: Float64Array.of(3, 4), aliases: noAliases },
      actions: {
        ...{ ...rows, labels: Float32Array.of(1, 1), facts: noActionFacts },
        acceptedAtMs: Float64Array.of(NaN, NaN),
      },
    };
    expect(await read(41, importMessage(spec, record))).toBe(2);
    expect(await read(42, old)).toBe(2);
    expect(calls).toEqual([
      ...['import files 3,4', 'popular a at 5', 'popular b at 6', 'advance'],
      ...['actions a,b', 'popular a at 5', 'advance'],
    ]);
    expect(reader.arrivedAtMs).toBe(100);
  });

  test.each<[string, unknown, string]>([
    ['of another specification', { ...impressions, specHash: 'other' }, 'SPEC_MISMATCH'],
    ['of the release before', { ...actions, v: 1 }, 'UNSUPPORTED_VERSION'],
    ['of a kind of later', { v: protocolVersion, kind: 'alias' }, 'BAD_MESSAGE'],
    ['of no kind', { v: protocolVersion }, 'BAD_MESSAGE'],
  ])('buries a record %s, and goes on behind it', async (_what, message, code) => {
    expect(await read(41, message)).toBe(0);
    expect(calls).toEqual([`bury 41 ${code}`, 'advance']);
    expect(reader.consumed).toBe(41);
  });

  test('reads nothing any more behind a record that only the next process can read', async () => {
    isOverdue = true;
    const mismatch = { code: 'SPEC_MISMATCH' };
    await expect(read(41, { ...impressions, specHash: 'newer' })).rejects.toMatchObject(mismatch);
    await expect(read(42, actions)).rejects.toMatchObject(mismatch);
    expect(calls).toEqual(['bury 41 SPEC_MISMATCH']);
    expect(through).toEqual([]);
    expect(reader.consumed).toBe(40);
  });
});
