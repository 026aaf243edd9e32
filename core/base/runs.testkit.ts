/**
 * How many random cases a test tries: `usual`, times STARLING_RUNS. Usually few, as the suite runs many times a day and each
 * run draws others; who has changed what such a test is about runs it with 10 or 100.
 */
export function runs(usual: number): number {
  return Math.max(1, Math.ceil(usual * factor));
}

const factor = Number(process.env['STARLING_RUNS'] ?? 1);
