import { expect, test } from '@jest/globals';
import fc from 'fast-check';
import { runs } from '../base/runs.testkit.js';
import { noActionFacts } from './event-facts.js';
import { heldIn } from './join-counts.js';
import { actionsOf, examplesOf, MemoryJoinStore, oneOutcome } from './join-events.testkit.js';
import { JoinWindow } from './join-window.js';
import { visitorPerson } from './person-event.js';
import type { ImportBatch } from './types.js';

/** A row of an import: an event, or that a visitor is somebody. */
interface Row {
  readonly position: number;
  readonly atMs: number;
  readonly visitor: number;
  readonly user: number | undefined;
  readonly isAlias: boolean;
  /** Of an event that may have come before. */
  readonly id: number;
}

const rowsOf = fc
  .array(
    fc.record({
      apartMs: fc.integer({ min: 0, max: 400 }),
      visitor: fc.integer({ min: 0, max: 2 }),
      user: fc.option(fc.integer({ min: 0, max: 1 }), { nil: undefined }),
      isAlias: fc.boolean(),
      /** Few, so that they come again at any distance. */
      id: fc.integer({ min: 0, max: 7 }),
      skip: fc.integer({ min: 1, max: 3 }),
    }),
    { minLength: 1, maxLength: 40 },
  )
  .map((drawn): Row[] => {
    let position = 0;
    let atMs = 1e12;
    return drawn.map(({ apartMs, skip, isAlias, ...row }) => {
      position += skip;
      atMs += apartMs;
      return { ...row, position, atMs, isAlias: isAlias && row.user !== undefined };
    });
  });

const options = {
  ...{ ...oneOutcome(500), latenessMs: 300, organicWaitMs: 200, copiesMs: 100, negativeRate: 1 },
  tells: { events: true, shown: true, outcomes: true },
};
const visitorOf = ({ visitor }: Row) => `v${visitor}`;

function pieceOf(rows: readonly Row[], isLast: boolean): ImportBatch {
  const events = rows.filter(({ isAlias }) => !isAlias);
  const aliases = rows.filter(({ isAlias }) => isAlias);
  const items = events.map(({ id }) => `i${id % 5}`);
  const batch = actionsOf(events.map(({ atMs }, i) => ({ requestId: '', item: items[i]!, atMs })));
  const drawn = items.flatMap((item) => [item, `not ${item}`]);
  const last = rows.at(-1)!;
  return {
    ...{ name: 'files', through: last.position, ...(isLast ? { watermarkMs: last.atMs } : {}) },
    positions: Float64Array.from(events, ({ position }) => position),
    actions:
      events.length === 0
        ? undefined
        : {
            ...batch,
            facts: {
              ...noActionFacts,
              visitors: events.map(visitorOf),
              users: events.map(({ user }) => (user === undefined ? '' : `u${user}`)),
              ids: events.map(({ id }) => `e${id}`),
            },
            moment: {
              items: drawn,
              ends: Uint32Array.from(events, (_event, i) => 2 * i + 2),
              examples: examplesOf(drawn.map((item) => ({ requestId: '', item }))),
            },
          },
    aliases: {
      positions: Float64Array.from(aliases, ({ position }) => position),
      visitors: aliases.map((row) => visitorPerson(visitorOf(row))),
      users: aliases.map(({ user }) => `u${user}`),
      atMs: Float64Array.from(aliases, ({ position }) => position),
    },
  };
}

/** Who takes what is sent on too, as there is one partition. */
class World {
  store = new MemoryJoinStore();
  window = new JoinWindow(options, this.store);
  readonly learned: string[] = [];

  take(piece: ImportBatch): void {
    this.window.observeImport(piece);
    for (let more = true; more;) {
      const { samples, sent, changes } = this.window.drain();
      this.store.commit(changes);
      samples.items.forEach((item, i) =>
        this.learned.push(`${samples.users[i]} ${item} at ${samples.atMs[i]}`),
      );
      for (const record of sent) this.window.observeSent(record);
      more = sent.length > 0;
    }
  }

  restart(): void {
    this.window = new JoinWindow(options, this.store);
    const { progress, records } = this.store;
    if (progress) this.window.restore({ progress, records });
  }
}

test('an import that is cut into any pieces, sent again from anywhere and cut off comes in once', () => {
  const piece = fc.record({
    from: fc.integer({ min: 0, max: 8 }),
    size: fc.integer({ min: 1, max: 12 }),
    restarts: fc.boolean(),
  });
  fc.assert(
    fc.property(rowsOf, fc.array(piece, { minLength: 1 }), (rows, pieces) => {
      const straight = new World();
      straight.take(pieceOf(rows, true));
      const broken = new World();
      let next = 0;
      for (let turn = 0; next < rows.length; turn++) {
        const { from, size, restarts } = pieces[turn % pieces.length]!;
        // Whoever goes on may not know how far it had come.
        const start = Math.max(0, next - from);
        next = Math.max(next, Math.min(rows.length, start + size + from));
        broken.take(pieceOf(rows.slice(start, next), next === rows.length));
        if (restarts) broken.restart();
      }
      expect(broken.learned.sort()).toEqual(straight.learned.sort());
      const { imported } = broken.window.counters;
      expect(imported).toEqual(straight.window.counters.imported);
      expect(heldIn(imported)).toBe(0);
      const rest = imported.actions - imported.passedActions + imported.duplicates;
      // What was forwarded is looked for copies of where it goes too.
      expect(rest).toBeGreaterThanOrEqual(rows.filter(({ isAlias }) => !isAlias).length);
      const { learned } = broken;
      broken.take(pieceOf(rows, true));
      expect(broken.learned).toEqual(learned);
      expect(broken.window.counters.imported).toEqual(imported);
      expect(broken.window.importOf('files')?.position).toBe(rows.at(-1)!.position);
    }),
    { numRuns: runs(200) },
  );
});

/** Two that are no copies of each other, as each is too far from the other. What is passed on comes to the user as it was cut. */
test('an id that comes again is new, or known, by the times of both events, however rows are cut', () => {
  const times = [0, 0, 249, 377, 705, 982, 1_097, 1_311, 1_646, 2_002, 2_002];
  const ids = [2, 0, 0, 0, 0, 0, 0, 0, 0, 3, 2];
  const rows = times.map((ms, i): Row => {
    const isAlias = i === 1;
    const user = isAlias ? 0 : undefined;
    return { visitor: 0, user, id: ids[i]!, position: i + 1, atMs: 1e12 + ms, isAlias };
  });
  const [straight, cut] = [new World(), new World()];
  straight.take(pieceOf(rows, true));
  rows.forEach((row, i) => cut.take(pieceOf([row], i === rows.length - 1)));
  expect(cut.learned.sort()).toEqual(straight.learned.sort());
});

function login(atMs: number, user = 'u1'): ImportBatch {
  return {
    ...{ name: `files of ${atMs}`, through: 1, positions: new Float64Array(0), actions: undefined },
    aliases: {
      ...{ positions: Float64Array.of(1), visitors: [visitorPerson('v1')], users: [user] },
      atMs: Float64Array.of(atMs),
    },
  };
}

test('a login of files that is older than an erasure brings nobody back', () => {
  const window = new JoinWindow(options, new MemoryJoinStore());
  window.observeErase({ person: visitorPerson('v1'), atMs: 100, isUp: false });
  window.drain();
  window.observeImport(login(99));
  expect(window.drain().sent).toEqual([]);
  window.observeImport(login(101));
  expect(window.drain().sent).toHaveLength(1);
});

test('a login of files takes no visitor from whom he was said to be later, by somebody live or by other files', () => {
  const world = new World();
  const ownerNow = (): string | null => world.window.about(visitorPerson('v1')).owner;
  world.window.observeAlias(visitorPerson('v1'), 'u2', 100);
  world.take(login(99));
  expect(ownerNow()).toBe('u2');
  // Said again, it was so later.
  world.window.observeAlias(visitorPerson('v1'), 'u2', 300);
  world.take(login(200));
  expect(ownerNow()).toBe('u2');
  world.restart();
  world.take(login(299));
  expect(ownerNow()).toBe('u2');
  world.take(login(301));
  expect(ownerNow()).toBe('u1');
  world.take(login(300, 'u3'));
  expect(ownerNow()).toBe('u1');
  world.window.observeAlias(visitorPerson('v1'), 'u3', 300);
  expect(ownerNow()).toBe('u3');
});
