import { describe, expect, test } from '@jest/globals';
import { StarlingError } from '../../core/base/errors.js';
import type { EntityTarget } from '../../replication/entity-fold.js';
import { answerFrom } from './feature-answers.js';
import { PatientTarget } from './patient-target.js';

describe('an answer of a feature store', () => {
  const known = new Map([
    ['user 1', { age: 30 }],
    ['item 1', { genre: 'Comedy' }],
  ]);
  const store = { sequence: 7, get: (entity: string, id: string) => known.get(`${entity} ${id}`) };

  test('has what is known in the order asked for, and how far that goes', () => {
    expect(answerFrom(store, true, { users: ['2', '1'], items: ['1'] })).toEqual({
      sequence: 7,
      users: [null, { age: 30 }],
      items: [{ genre: 'Comedy' }],
    });
  });

  test('is refused while the store is filled anew: another one may have all', () => {
    expect(() => answerFrom(store, false, { users: ['1'], items: [] })).toThrow(/being restored/);
  });
});

describe('a patient target', () => {
  function target(failures: number, code: 'STORAGE_FULL' | 'CORRUPT' = 'STORAGE_FULL') {
    const written: unknown[] = [];
    const told: unknown[] = [];
    const write = async (...what: unknown[]): Promise<void> => {
      if (failures-- > 0) throw new StarlingError(code, 'as told');
      written.push(what);
    };
    const inner: EntityTarget = {
      sequence: 3,
      ...{ reset: () => write('reset'), add: (rows) => write('add', rows) },
      ...{ restored: (sequence) => write('restored', sequence) },
      take: (change, sequence) => write('apply', change, sequence),
    };
    const patient = new PatientTarget(inner, { warn: (line: unknown) => void told.push(line) }, 1);
    return { patient, written, told };
  }

  test('writes what it is given', async () => {
    const { patient, written } = target(0);
    const rows = { entity: 'item', ids: [], features: [], since: new Float64Array(0) } as const;
    await patient.reset();
    await patient.add(rows);
    await patient.restored(7);
    await patient.take(undefined, 8);
    expect(written).toEqual([['reset'], ['add', rows], ['restored', 7], ['apply', undefined, 8]]);
    expect(patient.sequence).toBe(3);
  });

  test('tries until there is room, and says so each time', async () => {
    const { patient, written, told } = target(3);
    await patient.take(undefined, 8);
    expect([written.length, told.length]).toEqual([1, 3]);
  });

  test('does not wait out what no room would mend', async () => {
    const { patient } = target(1, 'CORRUPT');
    await expect(patient.take(undefined, 8)).rejects.toMatchObject({ code: 'CORRUPT' });
  });

  test('that is stopped while it waits ends without having written', async () => {
    const { patient, written } = target(Infinity);
    const waiting = patient.take(undefined, 8);
    patient.stop();
    await waiting;
    expect(written).toEqual([]);
  });
});
