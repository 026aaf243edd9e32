import { describe, expect, test } from '@jest/globals';
import { inboxPrefixOf, overlap, permissionsOf } from './permissions.js';
import { needsOf, roles, type Place, type Role } from './roles.js';
import { names } from './default-names.testkit.js';
import { subjectTable } from './subjects.js';

const place: Place = { names, dataCenter: 'east', dataCenters: ['train', 'east', 'west'] };

describe('permissions', () => {
  test('let everybody read his own inbox, and nobody another', () => {
    for (const role of roles.filter((each) => each !== 'supervisor')) {
      const readable = roles.filter((other) =>
        permissionsOf(role, place).subscribe.some((allowed) =>
          overlap(allowed, `${inboxPrefixOf(other, names)}.>`),
        ),
      );
      expect(readable).toEqual([role]);
    }
  });

  test('let only a trainer push, and only the supervisor change a stream', () => {
    const allowed = (subject: string): Role[] =>
      roles.filter((role) =>
        permissionsOf(role, place).publish.some((each) => overlap(each, subject)),
      );
    expect(allowed('starling.ps.push.0')).toEqual(['trainer', 'supervisor']);
    expect(allowed('starling.dense.push.main')).toEqual(['trainer', 'supervisor']);
    for (const verb of ['CREATE', 'UPDATE', 'DELETE', 'MSG.DELETE']) {
      expect(allowed(`$JS.API.STREAM.${verb}.DELTAS`)).toEqual(['supervisor']);
    }
  });

  test('keep a shard to the snapshots of its data center', () => {
    const { publish } = permissionsOf('serving-shard', place);
    expect(publish).toContain('starling.snapshots.east.*.*');
    expect(publish.some((each) => overlap(each, 'starling.snapshots.west.s.o'))).toBe(false);
  });
});

/** The table of subjects says who sends and who handles; the roles must agree with it. */
describe('the table of subjects', () => {
  const rolesIn = (words: string): Role[] =>
    words
      .replace('clients', 'client')
      .split(', ')
      .filter((word): word is Role => (roles as readonly string[]).includes(word));
  const rows = Object.keys(subjectTable) as (keyof typeof subjectTable)[];

  test.each(rows)('%s: whoever it names as sender may send', (name) => {
    for (const role of rolesIn(subjectTable[name].sender)) {
      const needs = needsOf(role, place);
      const sends = [...(needs?.calls ?? []), ...(needs?.writes ?? [])];
      const found = sends.some((each) => overlap(each, names.pattern(name)));
      expect([role, needs === undefined || found]).toEqual([role, true]);
    }
  });

  test.each(rows.filter((name) => subjectTable[name].delivery === 'request'))(
    '%s: nobody but its handler serves it, and nobody but its senders calls it',
    (name) => {
      const { sender, handler } = subjectTable[name];
      const pattern = names.pattern(name);
      const those = (pick: 'serves' | 'calls'): Role[] =>
        roles.filter((role) =>
          needsOf(role, place)?.[pick]?.some((each) => overlap(each, pattern)),
        );
      expect(those('serves')).toEqual(rolesIn(handler));
      const callers = those('calls').filter((role) => role !== 'admin');
      expect(callers.sort()).toEqual(rolesIn(sender).sort());
    },
  );
});

test.each([
  ['a.b', 'a.b', true],
  ['a.*', 'a.b', true],
  ['a.*', '*.b', true],
  ['a.>', 'a.b.c', true],
  ['>', 'a', true],
  ['a', 'a.>', false],
  ['a.b', 'a.c', false],
  ['a.*', 'a.b.c', false],
])('%s and %s overlap: %s', (one, other, expected) => {
  expect(overlap(one, other)).toBe(expected);
  expect(overlap(other, one)).toBe(expected);
});
