/** Where and when something breaks, and for how long: data, so that a schedule can be written down, cut, and run again. */
export interface Fault {
  readonly kind: FaultKind;
  /** Milliseconds since the beginning. */
  readonly atMs: number;
  /** How long it lasts; of what happens in a moment, 0. */
  readonly forMs: number;
  /**
   * Whom it hits: a place in the list of those that there are at that moment, taken as a part of its length. So a schedule
   * that was cut still hits somebody.
   */
  readonly target: number;
  /** A second choice, of the same kind: the other end of a way, the number of shards. */
  readonly other: number;
}

export type FaultKind = keyof typeof faultTable;

interface FaultRow {
  /** One sentence. */
  readonly help: string;
  /** How often, against the others. */
  readonly weight: number;
  /** Milliseconds; absent: it happens in a moment. */
  readonly forMs?: readonly [from: number, to: number];
}

/** Everything that may befall a simulated cluster. A new kind is a row here and what it does in `faults.ts`. */
export const faultTable = {
  'kill actor': row('SIGKILL to the process of an actor', 14),
  'kill joining': row('SIGKILL to a joiner, or to a processor', 5),
  'lose window': row('a joiner dies, and what it had on its disk is gone', 4),
  'crash loop': row('an actor dies each time soon after its start', 2, [2_000, 12_000]),
  'hang start': row(
    'the next process of a machine stands still soon after its start',
    2,
    [2_000, 40_000],
  ),
  'slow start': row(
    'an actor dies, and whatever its next process asks is on its way for long',
    5,
    [2_000, 9_000],
  ),
  'hang exit': row('processes of a machine that end take long to be gone', 2, [2_000, 30_000]),
  'pause actor': row('an actor stands still, also for longer than its lease', 8, [200, 9_000]),
  'crash host': row('a machine loses its power, and starts again', 4),
  'stop host': row('SIGTERM to a supervisor, which is started again', 4),
  'kill supervisor': row('SIGKILL to a supervisor: its actors go on under the next one', 3),
  'lose host': row('a machine is away for a while', 2, [5_000, 25_000]),
  'pause host': row('a supervisor stands still, also for longer than its lease', 4, [500, 9_000]),
  'freeze host': row('a supervisor stands still for long', 1, [9_000, 45_000]),
  'freeze machine': row(
    'all processes of a machine stand still, as while its image is moved',
    2,
    [500, 30_000],
  ),
  'kill server': row('SIGKILL to the NATS server of a data center', 3, [500, 8_000]),
  'hang server': row('the NATS server of a data center says nothing', 3, [300, 5_000]),
  'lose data center': row(
    'a data center is away: its server, its actors, and the machines that serve it alone',
    3,
    [2_000, 15_000],
  ),
  'cut way': row('nothing goes from one data center to another, but back it does', 4, [500, 9_000]),
  'cut both ways': row('two data centers do not reach each other', 4, [500, 9_000]),
  'lose messages': row('messages between data centers get lost', 4, [1_000, 10_000]),
  'delay messages': row('messages are late, by as much as seconds', 4, [1_000, 10_000]),
  'lose answers': row('what was done at a server is not acknowledged', 5, [500, 8_000]),
  ambush: row(
    'a process dies, stops or stands still just when it has sent something',
    10,
    [3_000, 25_000],
  ),
  'break connection': row('a connection breaks, and finds its server again', 8),
  'stall connection': row(
    'what a process sends is on its way for longer than its lease, and arrives',
    6,
    [1_000, 8_000],
  ),
  'fill server': row('the storage of the servers of a data center is full', 3, [1_000, 10_000]),
  'fill disk': row('the disk of a machine is full', 3, [1_000, 10_000]),
  'read stale': row(
    'some reads of the bucket are answered by a copy that is behind',
    3,
    [1_000, 10_000],
  ),
  'set clock': row('the date of a machine jumps, back or forth', 2),
  'scale shards': row('another number of shards is asked for', 3),
  'take snapshot': row('a snapshot is asked for', 1),
  'restore rows': row('rows and networks go back to what they were a while ago', 1),
  'drain data center': row('a data center is taken out of service, and back', 1, [3_000, 15_000]),
  'scale joiners': row('another number of joiners is asked for', 3),
  'erase person': row('somebody is to be forgotten, who goes, or who goes on', 6),
  'change configuration': row('another configuration is to be rolled out', 10),
  'roll back configuration': row('a configuration of before is to be rolled out again', 5),
} as const satisfies Readonly<Record<string, FaultRow>>;

/** Hosts of a cluster keep versions of their configuration where there are such. */
export const changesConfig = ({ kind }: Pick<Fault, 'kind'>): boolean =>
  kind === 'change configuration' || kind === 'roll back configuration';

export const faultKinds = Object.keys(faultTable) as FaultKind[];

/** Whether it is one, of what was read from a file. */
export function isFault(value: unknown): value is Fault {
  const { kind, atMs, forMs, target, other } = (value ?? {}) as Partial<
    Record<keyof Fault, unknown>
  >;
  const isKnown = typeof kind === 'string' && Object.hasOwn(faultTable, kind);
  return isKnown && [atMs, forMs, target, other].every((each) => typeof each === 'number');
}

export function rowOf(kind: FaultKind): FaultRow {
  return faultTable[kind];
}

function row(help: string, weight: number, forMs?: readonly [number, number]): FaultRow {
  return forMs === undefined ? { help, weight } : { help, weight, forMs };
}
