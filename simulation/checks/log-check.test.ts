import { expect, test } from '@jest/globals';
import { watchedLogs } from './log-check.js';

test('a defect that somebody has caught and told is found, and what the world did is none', () => {
  const found: string[] = [];
  const log = watchedLogs((check, text) => found.push(`${check}: ${text}`))('train.joiner.0');
  log.warn({ code: 'TIMEOUT', err: 'late' }, 'tried again');
  log.info({ code: 'INTERNAL' }, 'of no weight');
  log.warn('nothing to tell');
  expect(found).toEqual([]);
  log.warn({ code: 'INTERNAL', err: 'x is undefined' }, 'drain failed');
  expect(found).toEqual(['no defect: train.joiner.0 says: drain failed: x is undefined']);
});
