/**
 * Every stream, one row each: where it lives and how long it keeps what. Its subjects are those rows of the table of
 * subjects that name it. An inference data center keeps its own RAW stream, so ingest is acknowledged there whatever
 * happens elsewhere, and its own copy of what serving needs. Limits-based retention with an age: a log is what recovery
 * replays, so nothing is thrown away by its being read.
 */
export interface StreamRow<Place extends StreamPlace = StreamPlace> {
  /** By the default name of a cluster; of a stream in several data centers, what comes before theirs. */
  readonly name: string;
  readonly place: Place;
  /** Follows those subjects of another stream, which are named by their row. */
  readonly copyOf?: { readonly stream: string; readonly row: string };
  /** 0: no limit. */
  readonly maxAgeMs: number;
  readonly maxMessagesPerSubject?: number;
  /** Acknowledge, or refuse, when the limit is met; `old` drops the oldest instead. */
  readonly discard: 'old' | 'new';
}

/** One in the data center that trains; or one in each, or in each of inference. */
export type StreamPlace = 'training' | 'each' | 'inference';

const hours = 3_600_000;
const days = 24 * hours;

export const streamTable = {
  raw: stream('RAW', 'each', { maxAgeMs: 3 * days }),
  join: stream('JOIN', 'training', { maxAgeMs: 3 * days }),
  // Long enough that a store which was away goes on with it, and no longer: snapshots have what came of it.
  activity: stream('ACTIVITY', 'training', { maxAgeMs: 30 * days }),
  samples: stream('SAMPLES', 'training', { maxAgeMs: 7 * days }),
  // Deltas and features are the only copy of what was learned and told: they have no age. Deltas are trimmed behind the
  // oldest snapshot that is kept.
  deltas: stream('DELTAS', 'training', {}),
  dense: stream('DENSE', 'training', { maxMessagesPerSubject: 16, discard: 'old' }),
  features: stream('FEATURES', 'training', {}),
  // The newest of each setting counts; those before it say how it came to be so.
  settings: stream('SETTINGS', 'training', { maxMessagesPerSubject: 64, discard: 'old' }),
  deadLetter: stream('DEAD_LETTER', 'training', { maxAgeMs: 30 * days, discard: 'old' }),
  supervision: stream('SUPERVISION', 'training', { maxAgeMs: 30 * days, discard: 'old' }),
  // No age: the newest ones are kept by number, and a log is trimmed behind them.
  snapshotsAt: stream('SNAPSHOTS', 'each', {}),
  // Copies; in a data center that trains and answers these are the names of the logs themselves (cluster-names.ts).
  deltasAt: stream('DELTAS', 'inference', { copyOf: { stream: 'deltas', row: 'deltaWeights' } }),
  // Whole, so its sequences are those of FEATURES: what follows it starts again while training is away.
  featuresAt: stream('FEATURES', 'inference', { copyOf: { stream: 'features', row: 'features' } }),
  activityAt: stream('ACTIVITY', 'inference', {
    copyOf: { stream: 'activity', row: 'activity' },
    maxAgeMs: 30 * days,
  }),
  settingsAt: stream('SETTINGS', 'inference', {
    copyOf: { stream: 'settings', row: 'setting' },
    maxMessagesPerSubject: 64,
    discard: 'old',
  }),
  denseAt: stream('DENSE', 'inference', {
    copyOf: { stream: 'dense', row: 'denseVersion' },
    maxMessagesPerSubject: 16,
    discard: 'old',
  }),
} as const;

export type StreamKey = keyof typeof streamTable;

/** What a stream is called: by data center, where there are several. */
export type StreamNames = {
  readonly [Key in StreamKey]: (typeof streamTable)[Key]['place'] extends 'training'
    ? string
    : (dataCenter: string) => string;
};

function stream<Place extends StreamPlace>(
  name: string,
  place: Place,
  limits: Partial<Omit<StreamRow, 'name' | 'place'>>,
): StreamRow<Place> {
  return { name, place, maxAgeMs: 0, discard: 'new', ...limits };
}
