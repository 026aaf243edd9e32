import { describe, expect, test } from '@jest/globals';
import { parseClusterConfig } from '../config/schema.js';
import { createAdmission, type AdmissionSpec } from '../embedding/admission/admission.js';
import { ServingTable } from '../embedding/serving/serving-table.js';
import { blueprintOf } from './blueprint.js';

const features = {
  user: { entity: 'user', kind: 'id' },
  item: { entity: 'item', kind: 'id' },
  genres: { entity: 'item', kind: 'ids' },
  age: { entity: 'user', kind: 'buckets', boundaries: [20, 40] },
  gender: { entity: 'user', kind: 'vocabulary', values: ['F', 'M'] },
} as const;

function blueprintWith(rows: object) {
  return blueprintOf(parseClusterConfig({ features, model: { rows } }));
}

/** The rule of each slot by its name. */
function admissionsWith(admission: object): Record<string, AdmissionSpec | undefined> {
  const { spec, tables } = blueprintWith({ admission });
  return Object.fromEntries(spec.slots.map(({ name, index }) => [name, tables[index]!.admission]));
}

describe('blueprint', () => {
  test('new ids have to earn their rows where the configuration says so; listed values never', () => {
    const admission = { kind: 'exact', occurrences: 3, keysMax: 1000 };
    expect(admissionsWith(admission)).toEqual({
      user: admission,
      item: admission,
      genres: admission,
      age: { kind: 'always' },
      gender: { kind: 'always' },
      origin: { kind: 'always' },
    });
  });

  test.each([
    { kind: 'exact', occurrences: 65_535, keysMax: 2 ** 26 },
    { kind: 'exact', occurrences: 1, keysMax: 2 },
    { kind: 'sketch', occurrences: 15, windowSeconds: 366 * 86_400, bytes: 1024 },
    { kind: 'sketch', occurrences: 1, windowSeconds: 1, bytes: 2 ** 30 },
    { kind: 'probability', probability: 1 },
    { kind: 'probability', probability: 1e-9 },
  ])('what the configuration allows at its limits, admission takes: %j', (admission) => {
    const { user } = admissionsWith(admission);
    expect(user).toEqual(admission);
    expect(() => createAdmission(user!, 1)).not.toThrow();
  });

  test('serving tables have the form of the configuration, and keep the first-order weight', () => {
    for (const serving of ['fp32', 'fp16', 'int8']) {
      const { servingTables, spec, dim, slotCount } = blueprintWith({ serving });
      expect(servingTables.map(({ slot }) => slot)).toEqual(spec.slots.map(({ id }) => id));
      expect(servingTables).toHaveLength(slotCount);
      const table = new ServingTable(servingTables[0]!);
      expect(table).toMatchObject({ dim, compression: serving });
      const weights = new Float32Array(dim).fill(0.001);
      weights[0] = 7.654321;
      const out = new Float32Array(dim);
      table.assign(Uint32Array.of(1, 0), 0, 1, weights, 0);
      table.lookup(Uint32Array.of(1, 0), 0, 1, out, 0);
      expect(Math.abs(out[0]! - weights[0])).toBeLessThan(serving === 'fp16' ? 4e-3 : 1e-9);
      for (const factor of out.subarray(1)) expect(Math.abs(factor - 0.001)).toBeLessThan(5e-6);
    }
  });

  test('form and rule change nothing that shards exchange', () => {
    const { hash } = blueprintWith({});
    expect(blueprintWith({ serving: 'int8', admission: { kind: 'exact' } }).hash).toBe(hash);
  });
});
