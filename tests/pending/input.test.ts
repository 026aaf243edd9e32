import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { closeSync, openSync, writeSync } from 'node:fs';
import path from 'node:path';
import { RawEvents } from '../../actors/processor/raw-events.js';
import { readEventFile } from '../../cli/event-input.js';
import { featureSpecOf } from '../../core/features/feature-spec.js';
import { createTransform } from '../../core/features/transform.js';
import { encode } from '../../messages/codec.js';
import { outcomeOf } from '../support/outcome.js';
import { temporaryFolder } from '../support/starling-process.js';

describe('a file that is longer than a string can be', () => {
  const { folder, remove } = temporaryFolder();
  afterAll(remove);
  let outcome: string;
  beforeAll(async () => {
    const event = '{"requestId":"r","item":"7"}\n';
    const file = path.join(folder, 'clicks.ndjson');
    const descriptor = openSync(file, 'w');
    writeSync(descriptor, event);
    await readEventFile('action', file);
    const blank = Buffer.alloc(2 ** 22, '\n');
    for (let written = 0; written <= 2 ** 29; written += blank.length) writeSync(descriptor, blank);
    closeSync(descriptor);
    // It is, and the same characters as before.
    outcome = await outcomeOf(readEventFile('action', file), /clicks\.ndjson: is not UTF-8/);
  });

  test.failing('is read (waits for issue 18)', () => expect(outcome).toBe('done'));
});

describe('500 events that are all wrong', () => {
  let letters = 0;
  beforeAll(async () => {
    const spec = featureSpecOf({ item: { entity: 'item', source: 'item', kind: 'id' } });
    const unused = () => Promise.reject(new Error('no event is right'));
    let settled = '';
    const events = new RawEvents({
      ...{ spec, transform: createTransform(spec), random: () => 0, source: { get: unused } },
      forward: { impressions: unused, actions: unused, features: unused },
      bury: async () => void letters++,
    });
    await events.handle({
      ...{ subject: 'starling.raw.east.action', sequence: 1, atMs: 1, deliveries: 1 },
      bytes: encode(new Array(500).fill({ requestId: 'r' })),
      header: () => undefined,
      ack: () => (settled = 'ack'),
      nak: () => (settled = 'nak'),
    });
    expect(settled).toBe('ack');
    expect(letters).toBeGreaterThan(0);
  });

  test.failing('are one message to the dead letters, not one each (waits for issue 17)', () =>
    expect(letters).toBe(1),
  );
});
