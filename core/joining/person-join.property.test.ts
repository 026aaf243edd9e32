import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { runs } from '../base/runs.testkit.js';
import { PaperJoiner } from './paper-joiner.testkit.js';
import type { Sent } from './person-join-records.testkit.js';
import type { World } from './person-world.testkit.js';
import { options, runOf, saidBy, saidIn, steps } from './person-world.testkit.js';

const paper = (partition: number): PaperJoiner => new PaperJoiner(partition, options);

interface Said {
  readonly samples: readonly string[];
  readonly activity: readonly string[];
}

type Learned = [string, string, string, number, Record<string, number>];

function booksOf({ joins }: World<Sent>) {
  return (joins as PaperJoiner[]).map(({ books }) => books);
}

describe('the join of people, on paper', () => {
  test('says the same from the beginning, from a snapshot, and after any crash', () => {
    fc.assert(
      fc.property(steps, (script) => {
        const straight = runOf(paper, script, false);
        // What was sent twice is there twice, and says nothing.
        const crashed = runOf(paper, script, true);
        expect(saidBy(crashed)).toEqual(saidBy(straight));
        expect(booksOf(crashed)).toEqual(booksOf(straight));
        for (const [partition, log] of crashed.logs.entries()) {
          const anew = paper(partition);
          expect(log.map((record) => saidIn(anew.take(record)))).toEqual(
            crashed.outputs[partition],
          );
        }
      }),
      { numRuns: runs(150) },
    );
  });

  test('keeps books that balance, of events and of each outcome, over all partitions', () => {
    fc.assert(
      fc.property(steps, (script) => {
        const { joins } = runOf(paper, script, true);
        const sums = { sent: 0, received: 0 };
        const outcomes = Object.fromEntries(
          options.outcomes.map(({ name }) => [name, { sent: 0, received: 0 }]),
        );
        for (const { books, waiting } of joins as PaperJoiner[]) {
          expect(books.events + books.eventsIn).toBe(
            books.copies +
              books.joined +
              books.again +
              books.organic +
              books.historyOnly +
              books.orphans +
              books.eventsOut +
              books.eventsErased +
              books.ignored +
              waiting.events,
          );
          sums.sent += books.eventsOut;
          sums.received += books.eventsIn;
          for (const { name } of options.outcomes) {
            const of = books.outcomes[name]!;
            expect(books.rows - books.lateRows - books.ignoredRows + of.rowsIn).toBe(
              of.known +
                of.dropped +
                of.notGiven +
                of.notSeen +
                of.erased +
                of.moved +
                waiting.outcomes[name]!,
            );
            outcomes[name]!.sent += of.moved;
            outcomes[name]!.received += of.rowsIn;
          }
        }
        for (const { sent, received } of [sums, ...Object.values(outcomes)])
          expect(received).toBe(sent);
      }),
      { numRuns: runs(150) },
    );
  });

  test('tells of each event once, and learns each outcome of a row at most once', () => {
    fc.assert(
      fc.property(steps, (script) => {
        const world = runOf(paper, script, true);
        const all = world.outputs.flat().map((text) => JSON.parse(text) as Said);
        const told = all.flatMap(({ activity }) => activity.filter((line) => / e\d+$/.test(line)));
        // Of what is nobody's and follows nothing there is nobody to tell of.
        const orphans = (world.joins as PaperJoiner[]).map(
          ({ books }) => books.orphans + books.ignored + books.eventsUntold,
        );
        const ids = new Set(told.map((line) => line.split(' ').at(-1)!));
        expect(told).toHaveLength(ids.size);
        expect(ids.size + orphans.reduce((sum, count) => sum + count, 0)).toBe(world.eventCount);
        const learned = all
          .flatMap(({ samples }) => samples.map((text) => JSON.parse(text) as Learned))
          .filter(([requestId]) => requestId !== '')
          .flatMap(([requestId, what, , , labels]) =>
            // Once more after all, where it was told as 0 before.
            Object.keys(labels).map((name) => `${requestId} ${what} ${name}`),
          );
        expect(learned).toHaveLength(new Set(learned).size);
      }),
      { numRuns: runs(150) },
    );
  });
});
