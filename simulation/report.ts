import type { Violation } from './checks/violation.js';
import type { Fault } from './faults/fault.js';

/** How often something was, by its name. */
export type Counts = Readonly<Record<string, number>>;

export interface SimulationReport {
  readonly seed: number;
  /** What was never to be, and was; undefined: all is well. */
  readonly violation: Violation | undefined;
  readonly schedule: readonly Fault[];
  /** Milliseconds that passed in it. */
  readonly virtualMs: number;
  readonly events: number;
  /** Two runs of the same seed, of the same release, have the same. */
  readonly digest: string;
  readonly faults: Counts;
  readonly answered: number;
  readonly degraded: number;
  /** What people were refused with, how often. */
  readonly refusals: Counts;
  /** What anybody was refused with: actors, hosts, people, by servers and by each other. */
  readonly codes: Counts;
  /** What an operator asked for and was done, how often. */
  readonly operations: Counts;
  /** Changes of the configuration that were done, or refused as they should be, how often. */
  readonly changes: Counts;
  /** How erasures of people ended, how often. */
  readonly erasures: Counts;
  /** How samples came about. */
  readonly ways: Counts;
  /** What joiners began with. */
  readonly windows: Counts;
  /** Transitions of machines. */
  readonly transitions: Counts;
  /** What actors have failed with, how often. */
  readonly failures: Counts;
  /** What happened last, in words. */
  readonly newest: readonly string[];
}
