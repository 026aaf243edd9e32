import { assert } from './assert.js';

/**
 * Which batch of samples: the log that it stands in and its sequence there, as one number. So a ledger is one set of numbers
 * however many logs there are, and what it has of log 3 begins at 3 · 2^44 + 1. Log 0 is SAMPLES: its ids are its sequences.
 *
 * 2^44 sequences last 55 years at 10,000 batches a second; 2^53 / 2^44 = 512 logs are more than will be needed.
 */
export const sequencesPerLog = 2 ** 44;
export const logsMax = 2 ** 53 / sequencesPerLog;

export function batchIdOf(log: number, sequence: number): number {
  assert(Number.isInteger(log) && log >= 0 && log < logsMax, `log ${log} is one of ${logsMax}`);
  assert(
    Number.isInteger(sequence) && sequence >= 1 && sequence < sequencesPerLog,
    `sequence ${sequence} fits 44 bits`,
  );
  return log * sequencesPerLog + sequence;
}
