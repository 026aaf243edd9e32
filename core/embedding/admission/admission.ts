import { StarlingError } from '../../base/errors.js';
import { ExactAdmission } from './exact-admission.js';
import { ProbabilityAdmission } from './probability-admission.js';
import { SketchAdmission, sketchOccurrencesMax } from './sketch-admission.js';

/**
 * Most ids of a recommender are seen once or twice and never again; a row for each would fill memory with noise. So an
 * absent fid first has to earn its row, by one of four rules. One instance serves one slot of one partition.
 *
 *   always       a row at the first occurrence
 *   exact        a row at the n-th occurrence; a counter per fid, the longest unseen are forgotten at a bound
 *   sketch       a row at the n-th occurrence within a window of event time; fixed memory, sometimes too early
 *   probability  a row with probability p at each occurrence; no memory
 *
 * Counters are not part of deltas and snapshots: a recovered shard counts from 0 again, so a fid may then have to earn
 * its row once more. `always` and `probability` have nothing to lose.
 */
export interface Admission {
  /**
   * Notes one occurrence of an absent fid at event time `atSeconds` (≥ 0, whole or not); true when it has earned a row.
   * Its counter is then forgotten where possible. Words as int32 or u32. O(1), no allocation but for growth.
   */
  admit(low: number, high: number, atSeconds: number): boolean;
  /** Memory of the counters. */
  readonly bytes: number;
}

export type AdmissionSpec =
  | { readonly kind: 'always' }
  | {
      readonly kind: 'exact';
      /** 1 is `always`. Too low: rows for ids that never come back. Too high: a new item stays unknown for long. */
      readonly occurrences: number;
      /**
       * Counters per slot and partition, up to 25 bytes each. A fid is forgotten after keysMax / 2 other absent ones.
       * Too low: a fid whose occurrences are far apart never earns its row. Too high: memory.
       */
      readonly keysMax?: number;
    }
  | {
      readonly kind: 'sketch';
      /** 1 to 15; see `exact`. */
      readonly occurrences: number;
      /** Too low: a fid that comes once a day never earns its row. Too high: more fids share the counters. */
      readonly windowSeconds: number;
      /**
       * Memory per slot and partition. Too low: fids are admitted early, in the end all of them; see
       * `falseAdmissionBound`. Too high: memory, and a longer sweep at the end of each third of the window.
       */
      readonly bytes: number;
    }
  | {
      readonly kind: 'probability';
      /** Above 0, at most 1. Too low: 1/p occurrences go by before a row. Too high: rows for ids that never come back. */
      readonly probability: number;
    };

const keysMaxDefault = 100_000;
const admissionRanges = {
  occurrences: { min: 1, max: 65_535 },
  sketchOccurrences: { min: 1, max: sketchOccurrencesMax },
  keysMax: { min: 2, max: 2 ** 26 },
  windowSeconds: { min: 1, max: 366 * 86_400 },
  bytes: { min: 1024, max: 2 ** 30 },
} as const;

/** @throws StarlingError CONFIG_INVALID naming the field. */
export function createAdmission(spec: AdmissionSpec, seed: number): Admission {
  const { occurrences, sketchOccurrences, keysMax, windowSeconds, bytes } = admissionRanges;
  switch (spec.kind) {
    case 'always':
      return { admit: () => true, bytes: 0 };
    case 'exact': {
      const keys = spec.keysMax ?? keysMaxDefault;
      checkInteger('occurrences', spec.occurrences, occurrences);
      checkInteger('keysMax', keys, keysMax);
      return new ExactAdmission(spec.occurrences, keys, seed);
    }
    case 'sketch':
      checkInteger('occurrences', spec.occurrences, sketchOccurrences);
      checkInteger('windowSeconds', spec.windowSeconds, windowSeconds);
      checkInteger('bytes', spec.bytes, bytes);
      return new SketchAdmission(spec.occurrences, spec.windowSeconds, spec.bytes, seed);
    case 'probability':
      if (!(spec.probability > 0 && spec.probability <= 1))
        refuse('probability', 'a number above 0 and at most 1', spec.probability);
      return new ProbabilityAdmission(spec.probability, seed);
    default:
      return refuse(
        'kind',
        'one of always, exact, sketch, probability',
        (spec as { kind?: unknown }).kind,
      );
  }
}

interface Range {
  readonly min: number;
  readonly max: number;
}

function checkInteger(field: string, value: number, { min, max }: Range): void {
  if (!Number.isInteger(value) || value < min || value > max)
    refuse(field, `an integer from ${min} to ${max}`, value);
}

function refuse(field: string, expected: string, found: unknown): never {
  throw new StarlingError(
    'CONFIG_INVALID',
    `admission.${field}: expected ${expected}; got ${String(found)}`,
    { fields: [`admission.${field}`] },
  );
}
