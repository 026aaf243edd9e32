import { describe, expect, test } from '@jest/globals';
import { actionsOf, matches, placeOf, placeOfStream, type Trace } from './trace.js';

const streams = { JOIN: ['starling.join.*'], KV_CLUSTER: ['$KV.CLUSTER.>'] };

function kindsOf(messages: readonly Omit<Trace['messages'][number], 'atMs' | 'bytes'>[]) {
  const traced = messages.map((message, i) => ({ ...message, atMs: i, bytes: 10 * (i + 1) }));
  return actionsOf({ seconds: 1, samples: 1, messages: traced, consumers: [], streams }).map(
    ({ kind, subject, answerBytes }) =>
      answerBytes === undefined ? [kind, subject] : [kind, subject, answerBytes],
  );
}

describe('what bare clients do', () => {
  test('is what was sent of its own accord, and nothing that follows from it', () => {
    expect(
      kindsOf([
        { subject: 'starling.join.0', reply: '_INBOX_processor.a.1' },
        { subject: '_INBOX_processor.a.1' },
        // Delivered, and acknowledged.
        { subject: 'starling.join.0', reply: '$JS.ACK.JOIN.c.1.1.1.1.0' },
        { subject: '$JS.ACK.JOIN.c.1.1.1.1.0' },
        { subject: '$KV.CLUSTER.lease.0', reply: '_INBOX_x.2' },
        { subject: 'starling.rank', reply: '_INBOX_admin.b.3' },
        { subject: '_INBOX_admin.b.3' },
        { subject: 'starling.popular' },
        { subject: '$JS.API.STREAM.INFO.JOIN', reply: '_INBOX_x.4', text: '' },
        { subject: '$JS.API.CONSUMER.MSG.NEXT.JOIN.c', reply: '_INBOX_x.5', text: '{}' },
        { subject: '$JS.FC.JOIN.c.t' },
      ]),
    ).toEqual([
      ['append', 'starling.join.0'],
      ['append', '$KV.CLUSTER.lease.0'],
      ['request', 'starling.rank', 70],
      ['notice', 'starling.popular'],
      ['api', '$JS.API.STREAM.INFO.JOIN'],
    ]);
  });

  test('goes by patterns of subjects as servers do', () => {
    expect(matches('a.*', 'a.b')).toBe(true);
    expect(matches('a.*', 'a.b.c')).toBe(false);
    expect(matches('a.*.c', 'a.b')).toBe(false);
    expect(matches('a.>', 'a')).toBe(false);
    expect(matches('a.>', 'a.b.c')).toBe(true);
  });

  test('is where it would be', () => {
    const places = { training: 'train', inference: ['east', 'west'] };
    expect(placeOf('starling.raw.west.action', 0, places)).toBe('west');
    expect(placeOf('starling.rank', 0, places)).toBe('east');
    expect(placeOf('starling.rank', 1, places)).toBe('west');
    expect(placeOf('starling.ps.pull.0', 1, places)).toBe('train');
    expect(placeOfStream('DELTAS_EAST', places)).toBe('east');
    expect(placeOfStream('DELTAS', places)).toBe('train');
  });
});
