import { expect, test } from '@jest/globals';
import type { ImportReport } from '../operations/import/import-report.js';
import { importTable } from './import-table.js';

const report: ImportReport = {
  ...{ name: 'n', wasThere: false, wentOn: false, items: 2, users: 1, aliases: 0 },
  rows: {
    ...{ items: 2, users: 1, aliases: 0, changes: 0, events: 9, eventRows: 11, repeated: 1 },
    ...{ refused: 1, refusedEvents: 1, timeless: 0, withoutUser: 0, namedLater: 0, behind: 0 },
    byType: { view: 7, '': 2 },
  },
  ...{ learned: 7, known: 0, unseen: 0, judged: [], judgedEvents: 0, seconds: 2, perSecond: 9 },
  notLearned: [{ reason: 'a dismissal', events: 2, example: 'dismiss of i by u (e1)' }],
};

test('each row of the files is in one part, and each event in one of the next line', () => {
  expect(importTable(report)).toEqual([
    '2 items, 1 user, 0 logins, 9 events in 2.0 s (9 events/s)',
    'rows of events: 11 = 7 view + 2 click + 1 repeated + 1 that can not be read',
    'events: 9 = 7 learned + 2 not: a dismissal',
    '  a dismissal: as dismiss of i by u (e1)',
  ]);
});

test('what features do not know is said, and a table that does not add up', () => {
  const lines = importTable({ ...report, learned: 6, unseen: 1_200 });
  expect(lines).toContainEqual(expect.stringMatching(/^1,200 events were told before/));
  expect(lines).toContain('these do not add up: starling audit says what is missing');
});
