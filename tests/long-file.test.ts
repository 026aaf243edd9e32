import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { closeSync, openSync, writeSync } from 'node:fs';
import path from 'node:path';
import { readEventFile } from '../cli/event-input.js';
import { temporaryFolder } from './support/starling-process.js';

describe('a file that is longer than a string can be', () => {
  const { folder, remove } = temporaryFolder();
  afterAll(remove);
  let events: unknown[];
  beforeAll(async () => {
    const event = '{"requestId":"r","item":"7"}\n';
    const file = path.join(folder, 'clicks.ndjson');
    const descriptor = openSync(file, 'w');
    writeSync(descriptor, event);
    await readEventFile('action', file);
    const blank = Buffer.alloc(2 ** 22, ' ').fill('\n', 2 ** 22 - 1);
    for (let written = 0; written <= 2 ** 29; written += blank.length) writeSync(descriptor, blank);
    closeSync(descriptor);
    // It has the same event as before.
    events = await readEventFile('action', file);
  }, 120_000);

  test('is read', () => expect(events).toHaveLength(1));
});
