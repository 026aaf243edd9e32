import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { closeSync, openSync, writeSync } from 'node:fs';
import path from 'node:path';
import { readEventFile } from '../../cli/event-input.js';
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
    // It has the same event as before.
    outcome = await outcomeOf(readEventFile('action', file), /clicks\.ndjson: is too long/);
  });

  test.failing('is read (waits for issue 18)', () => expect(outcome).toBe('done'));
});
