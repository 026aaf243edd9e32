import { existsSync, readFileSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { gunzipSync } from 'node:zlib';
import { writeKey } from '../core/base/fid.js';
import { noMarks, type ExampleBatch } from '../core/features/example-batch.js';
import type { Pooling } from '../core/model/row-gather.js';

/** Real interactions in time order as examples with labels: user, item, age, gender, occupation, year, genres. */
export interface InteractionStream {
  readonly examples: ExampleBatch;
  /** f32 [rowCount], 0 or 1. */
  readonly labels: Float32Array;
}

export const movielensSlots = ['user', 'item', 'age', 'gender', 'occupation', 'year', 'genres'];
export const movielensPoolings: readonly Pooling[] = movielensSlots.map((slot) =>
  slot === 'genres' ? 'mean' : 'sum',
);

/** Ten years wide: finer, a bucket has too few users to learn from; coarser, children and students are one. */
const ageBucketYears = 10;

/**
 * The folder of a data set: in STARLING_DATA if that is set, else in ../shared/data beside the repository. Undefined
 * where it is absent; the data may not be redistributed, so no copy comes with the project.
 */
export function movielensFolder(set: string): string | undefined {
  // This file runs from dist/bench.
  const repository = resolve(dirname(fileURLToPath(import.meta.url)), '../..');
  const data = process.env['STARLING_DATA'] ?? join(repository, '../shared/data');
  const folder = join(data, set);
  return existsSync(join(folder, 'events.csv.gz')) ? folder : undefined;
}

/** A slot behind the others: items that the user liked last, newest first, with how long ago. */
export interface HistoryOptions {
  readonly length: number;
  /** So many events before are not known yet. */
  readonly lag: number;
}

/** @param eventsMax reads the first ones only. */
export function loadMovielens(
  folder: string,
  eventsMax: number,
  history?: HistoryOptions,
): InteractionStream {
  const items = byFirstColumn(readCsv(join(folder, 'items.csv.gz')));
  const users = byFirstColumn(readCsv(join(folder, 'users.csv.gz')));
  const events = readCsv(join(folder, 'events.csv.gz')).slice(0, eventsMax);
  const slotCount = movielensSlots.length + (history ? 1 : 0);
  const offsets = new Uint32Array(events.length * slotCount + 1);
  const labels = new Float32Array(events.length);
  const words: number[] = [];
  const key = new Uint32Array(2);
  const liked = new Map<string, { item: string; seconds: number }[]>();
  const ages = new Map<number, number>();
  events.forEach(([seconds = '0', user = '', item = '', label], row) => {
    const [, age = '0', gender = '', occupation = ''] = users.get(user) ?? [];
    const [, year = '', genres = ''] = items.get(item) ?? [];
    const ageBucket = String(Math.floor(Number(age) / ageBucketYears));
    const genreList = genres === '' ? [] : genres.split('|');
    const values = [[user], [item], [ageBucket], [gender], [occupation], [year], genreList];
    values.forEach((ids, slot) => {
      for (const id of ids) {
        writeKey(key, 0, id);
        words.push(key[0]!, key[1]!);
      }
      offsets[row * slotCount + slot + 1] = words.length / 2;
    });
    if (history) {
      const known = events[row - history.lag];
      if (known?.[3] === '1') {
        const last = liked.get(known[1]!) ?? [];
        last.unshift({ item: known[2]!, seconds: Number(known[0]) });
        liked.set(known[1]!, last.slice(0, history.length));
      }
      for (const event of liked.get(user) ?? []) {
        writeKey(key, 0, event.item);
        ages.set(words.length / 2, Math.max(0, Number(seconds) - event.seconds));
        words.push(key[0]!, key[1]!);
      }
      offsets[(row + 1) * slotCount] = words.length / 2;
    }
    labels[row] = Number(label);
  });
  const examples: ExampleBatch = {
    rowCount: events.length,
    slotCount,
    denseCount: 0,
    offsets,
    fids: Uint32Array.from(words),
    dense: new Float32Array(0),
  };
  if (!history) return { examples, labels };
  const marks = noMarks(words.length / 2);
  for (const [place, seconds] of ages) marks.agesSeconds[place] = seconds;
  return { examples: { ...examples, marks }, labels };
}

/** The same as they were told: events in time order, and what is known of users and items. */
export function movielensRows(folder: string, eventsMax: number) {
  const events = readCsv(join(folder, 'events.csv.gz')).slice(0, eventsMax);
  const told = (file: string): Map<string, Record<string, string>> => {
    const [header = '', ...lines] = gunzipSync(readFileSync(join(folder, file)))
      .toString('utf8')
      .trimEnd()
      .split('\n');
    const [, ...names] = header.split(',');
    const rows = lines.map((line) => line.split(','));
    return new Map(
      rows.map(([id, ...values]) => {
        const known = names.map((name, i) => [name, values[i]!] as const);
        return [id!, Object.fromEntries(known.filter(([, value]) => value !== ''))];
      }),
    );
  };
  return {
    events: events.map(([seconds, user, item, label]) => ({
      ...{ user: user!, item: item!, label: Number(label), atMs: 1000 * Number(seconds) },
    })),
    users: told('users.csv.gz'),
    items: told('items.csv.gz'),
  };
}

/** Rows without the header. The sets quote nothing, so a comma always separates. */
function readCsv(file: string): string[][] {
  const lines = gunzipSync(readFileSync(file)).toString('utf8').trimEnd().split('\n').slice(1);
  return lines.map((line) => line.split(','));
}

function byFirstColumn(rows: string[][]): Map<string, string[]> {
  return new Map(rows.map((row) => [row[0]!, row]));
}
