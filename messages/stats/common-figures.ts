import { isRecord } from '../checks.js';
import { counter, flag, gauge, text, type Figure } from './figures.js';

/**
 * How well an actor serves, under `health` in its figures. It is what data centers are judged by, so a supervisor needs
 * to know no kind for that. What an actor has no part in is absent.
 */
export interface ActorHealth {
  /** Of the answers of the last seconds; null: nobody asked. */
  readonly p99Ms?: number | null;
  /** Of SAMPLES: all batches up to this sequence are in what it serves. */
  readonly through?: number;
  /** From the step in training to the row that is served, in the last seconds; null: nothing came. */
  readonly propagationP99Ms?: number | null;
}

export const health: Figure<ActorHealth> = {
  form: 'group',
  unit: 'none',
  help: 'What its data center is judged by.',
  read: parseHealth,
};

/** Of who follows the settings of the cluster. */
export const settingsFigures = {
  settingsVersion: gauge('sequence', 'Version of the settings in force; 0: all is as configured.'),
  settings: text('The settings in force, as JSON; empty where all is as configured.'),
};

/** What any actor says beside the figures of its kind. Memory and time are those of its process: for each pid once. */
export const processFigures = {
  serving: flag('Whether it answers the public; absent where it has no part in that.'),
  awayAt: text('Data center of the server it is connected to, where that is not its own.'),
  callsDirect: counter('Requests to actors of its own process; absent where it has had none.'),
  callsOverServer: counter('Its other requests; absent where it is alone in its process.'),
  rssBytes: gauge('bytes', 'Memory of the process, whoever else is in it.'),
  cpuMs: gauge('ms', 'Processor time of the process so far, whoever else is in it.'),
};

export const commonFigures = { ...processFigures, health };

function parseHealth(value: unknown): ActorHealth | undefined {
  if (!isRecord(value)) return undefined;
  const { p99Ms, through, propagationP99Ms } = value;
  return {
    ...(p99Ms === undefined ? {} : { p99Ms: positiveOrNull(p99Ms) }),
    ...(typeof through === 'number' && through >= 0 ? { through } : {}),
    ...(propagationP99Ms === undefined
      ? {}
      : { propagationP99Ms: positiveOrNull(propagationP99Ms) }),
  };
}

/** JSON has no NaN: the figure of nothing arrives as null. */
function positiveOrNull(value: unknown): number | null {
  return typeof value === 'number' && value >= 0 ? value : null;
}
