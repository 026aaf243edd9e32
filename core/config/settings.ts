import { z } from 'zod';
import { StarlingError, messageOf } from '../base/errors.js';
import { scoreSchema } from './events-schema.js';
import type { ConfigProblem } from './explain.js';
import { problemsOf } from './explain.js';
import { nearestOf } from './fields.js';
import { brokenRelations } from './relations.js';
import type { ClusterConfig } from './schema.js';
import { excludeSchema } from './sections.js';

/**
 * What may change while a cluster runs: values that stand for those of the configuration from a moment on. Only what is looked
 * at anew with each request is one: what was learned, logged or placed by the value before need not be done again.
 */
export interface Settings {
  /** In place of `score`. */
  readonly score?: ClusterConfig['score'];
  /** In place of `serving.exclude`. */
  readonly exclude?: ClusterConfig['serving']['exclude'];
  /** Which models answer; left out: `main` does. */
  readonly model?: ServingModels;
}

/** Which models answer, from when on. */
export interface ServingModels {
  readonly live: string;
  /** What answered before: a data center goes on with it until the live one has come up to `through` there. */
  readonly before?: string | undefined;
  /** Sequence of SAMPLES that the live one had learned when it was chosen. */
  readonly through?: number | undefined;
  /** Answers for a share of the people. */
  readonly canary?: { readonly model: string; readonly share: number } | undefined;
}

export type SettingKey = keyof Settings;

const modelName = z
  .string()
  .regex(/^[a-z][a-z0-9-]{0,31}$/, { error: 'expected the name of a model' });

const servingSchema = z.strictObject({
  live: modelName,
  before: modelName.optional(),
  through: z.int().min(0).optional(),
  canary: z.strictObject({ model: modelName, share: z.number().gt(0).lt(1) }).optional(),
});

const table = {
  score: { schema: scoreSchema, path: 'score' },
  exclude: { schema: excludeSchema, path: 'serving.exclude' },
  model: { schema: servingSchema, path: 'model' },
} as const satisfies Readonly<
  Record<SettingKey, { readonly schema: z.ZodType; readonly path: string }>
>;

export const settingKeys = Object.keys(table) as SettingKey[];

/** Those that people give a value; which model answers follows from what is done with models. */
export const givenSettingKeys = ['score', 'exclude'] as const;
export type GivenSettingKey = (typeof givenSettingKeys)[number];

/** Where it stands in the configuration. */
export function settingPath(key: SettingKey): string {
  return table[key].path;
}

/** @throws StarlingError BAD_REQUEST with the nearest that there is. */
export function settingKeyOf(key: string): GivenSettingKey {
  const found = givenSettingKeys.find((each) => each === key);
  if (found !== undefined) return found;
  throw refusal('key', `there is no setting "${key}"`, key, givenSettingKeys);
}

/**
 * A value as it will be used, with what it leaves out.
 *
 * @throws StarlingError BAD_REQUEST for what would be no such value in this configuration.
 */
export function checkSetting(config: ClusterConfig, key: SettingKey, value: unknown): unknown {
  const { schema, path } = table[key];
  refuseStrangers(config, key, value);
  const parsed = z.object({ [key]: schema }).safeParse({ [key]: value });
  const problems = parsed.success
    ? brokenRelations(configWith(config, parsed.data)).filter((each) => isWithin(path, each))
    : problemsOf(parsed.error.issues, { [key]: value });
  if (parsed.success && problems.length === 0) return parsed.data[key];
  const text = problems.map(({ text }) => text).join('\n');
  throw new StarlingError('BAD_REQUEST', text, { field: problems[0]?.path ?? key });
}

/** The configuration as it is with them. */
export function configWith(config: ClusterConfig, settings: Settings): ClusterConfig {
  const { score, exclude } = settings;
  if (score === undefined && exclude === undefined) return config;
  return {
    ...config,
    score: score ?? config.score,
    serving: { ...config.serving, exclude: exclude ?? config.serving.exclude },
  };
}

/** Names that the configuration does not have; a slip of the hand is told with the name that was meant. */
function refuseStrangers(config: ClusterConfig, key: SettingKey, value: unknown): void {
  // What models there are the leader knows.
  if (key === 'model') return;
  const said = value as { events?: unknown } | null | undefined;
  const [of, names, known] =
    key === 'score'
      ? ['outcome', Object.keys(said ?? {}), outcomeNames(config)]
      : ['type of event', listOf(said?.events), Object.keys(config.events)];
  const stranger = names.find((name) => !known.includes(name));
  if (stranger !== undefined)
    throw refusal(key, `there is no ${of} "${stranger}"`, stranger, known);
}

function outcomeNames({ outcomes }: ClusterConfig): readonly string[] {
  const names = Object.keys(outcomes);
  return names.length > 0 ? names : ['click'];
}

function listOf(value: unknown): string[] {
  return Array.isArray(value) ? value.map(String) : [];
}

function isWithin(path: string, problem: ConfigProblem): boolean {
  return problem.path === path || problem.path.startsWith(`${path}.`);
}

function refusal(
  field: string,
  what: string,
  word: string,
  known: readonly string[],
): StarlingError {
  const nearest = nearestOf(word, known);
  const hint = nearest ? `did you mean "${nearest}"?` : `there are ${known.join(', ')}.`;
  return new StarlingError(
    'BAD_REQUEST',
    `${field === 'key' ? '' : `${field}: `}${what}; ${hint}`,
    {
      field,
    },
  );
}

/** One key, at one moment. */
export interface SettingRecord {
  readonly key: string;
  /** Null: as the configuration says. */
  readonly value: unknown;
}

export interface SettingsInForce {
  /** Of the newest record, by its place in SETTINGS; 0: all is as the configuration says. */
  readonly version: number;
  readonly settings: Settings;
  /** Why settings that somebody made are not in force: the configuration says no more what they are of. */
  readonly refused: Readonly<Record<string, string>>;
}

export const noSettings: SettingsInForce = { version: 0, settings: {}, refused: {} };

/** The log of settings, folded: of each key the newest record counts. */
export class SettingsBook {
  readonly #config: ClusterConfig;
  readonly #newest = new Map<string, number>();
  #inForce = noSettings;

  constructor(config: ClusterConfig) {
    this.#config = config;
  }

  get inForce(): SettingsInForce {
    return this.#inForce;
  }

  /** The place of the newest record of the key; 0: there is none. */
  placeOf(key: string): number {
    return this.#newest.get(key) ?? 0;
  }

  /**
   * @param place in the log it was written to: a copy may have a record twice, or an old one late.
   * @returns whether it is the newest of its key.
   */
  take({ key, value }: SettingRecord, place: number): boolean {
    if (place <= this.placeOf(key)) return false;
    this.#newest.set(key, place);
    const refused: Readonly<Record<string, string>> = without(this.#inForce.refused, key);
    const settings: Settings = without({ ...this.#inForce.settings }, key);
    const version = Math.max(this.#inForce.version, place);
    this.#inForce = { version, ...this.#with(settings, refused, { key, value }) };
    return true;
  }

  #with(
    settings: Settings,
    refused: Readonly<Record<string, string>>,
    { key, value }: SettingRecord,
  ): Omit<SettingsInForce, 'version'> {
    if (value === null) return { settings, refused };
    try {
      const known = settingKeys.find((each) => each === key) ?? settingKeyOf(key);
      const checked = checkSetting(this.#config, known, value);
      return { settings: { ...settings, [key]: checked }, refused };
    } catch (error) {
      return { settings, refused: { ...refused, [key]: messageOf(error) } };
    }
  }
}

function without<T>(all: Readonly<Record<string, T>>, key: string): Readonly<Record<string, T>> {
  return Object.fromEntries(Object.entries(all).filter(([name]) => name !== key));
}
