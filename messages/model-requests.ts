import { StarlingError } from '../core/base/errors.js';
import type { ModelOverrides } from '../core/config/model-config.js';
import type { ServingModels } from '../core/config/settings.js';
import { asFields, asMessage, listOf, number, text, wrong, type Fields } from './checks.js';
import { parseModelRecord, type ModelRecord } from './models.js';
import { parseOperation, type Operation } from './operations.js';

/** Where the ledgers of a new model begin: with what comes from now on, or behind what was in SAMPLES then. */
export type ModelBeginning = 'now' | { readonly sinceMs: number } | { readonly after: number };

/** What people ask of the models, over `starling.operate.model`. */
export type ModelRequest =
  | (Operation & { readonly act: 'list' })
  | (Operation & StartModel)
  | (Operation & { readonly act: 'stop' | 'promote'; readonly name: string })
  /** To what answered before. */
  | (Operation & { readonly act: 'rollback' })
  /** Answers for a share of the people; a share of 0: for nobody. */
  | (Operation & { readonly act: 'canary'; readonly name: string; readonly share: number });

export interface StartModel {
  readonly act: 'start';
  readonly name: string;
  readonly set: ModelOverrides;
  /** A snapshot of the data center that trains; empty: it begins with nothing. */
  readonly from: string;
  readonly beginning: ModelBeginning;
}

/** @throws StarlingError BAD_MESSAGE, BAD_REQUEST */
export function parseModelRequest(value: unknown): ModelRequest {
  const what = 'model request';
  const fields = asMessage(value, what);
  const operation = parseOperation(value, what);
  const act = text(fields, 'act', what);
  switch (act) {
    case 'list':
      return { ...operation, act };
    case 'rollback':
      return { ...operation, act };
    case 'canary':
      return { ...operation, act, name: text(fields, 'name', what), share: shareIn(fields, what) };
    case 'stop':
    case 'promote':
      return { ...operation, act, name: text(fields, 'name', what) };
    case 'start':
      return {
        ...operation,
        ...{ act, name: modelNameIn(fields, what), from: text(fields, 'from', what) },
        set: asFields(fields['set'], `${what}.set`),
        beginning: beginningIn(fields['beginning'], `${what}.beginning`),
      };
    default:
      throw wrong(what, 'act', 'list, start, stop, promote, rollback or canary', act);
  }
}

/** A name stands in subjects, keys and folders. @throws StarlingError BAD_REQUEST */
function modelNameIn(fields: Fields, what: string): string {
  const name = text(fields, 'name', what);
  if (/^[a-z][a-z0-9-]{0,31}$/.test(name)) return name;
  const problem = `"${name}" is no name of a model: lower-case letters, digits and -, beginning with a letter, 32 at most.`;
  throw new StarlingError('BAD_REQUEST', problem, { field: 'name' });
}

function shareIn(fields: Fields, what: string): number {
  const share = number(fields, 'share', what);
  if (share >= 0 && share < 1) return share;
  const problem = `a share from 0 to below 1 is expected; got ${share}.`;
  throw new StarlingError('BAD_REQUEST', problem, { field: 'share' });
}

function beginningIn(value: unknown, what: string): ModelBeginning {
  if (value === undefined || value === 'now') return 'now';
  const fields = asFields(value, what);
  if (fields['sinceMs'] !== undefined) return { sinceMs: number(fields, 'sinceMs', what) };
  return { after: number(fields, 'after', what) };
}

export interface ModelsReply {
  /** Beside `main`. */
  readonly models: readonly ModelRecord[];
  /** Which answer. */
  readonly serving: ServingModels;
}

/** @throws StarlingError BAD_MESSAGE */
export function parseModelsReply(value: unknown): ModelsReply {
  const what = 'models reply';
  const fields = asFields(value, what);
  const serving = asFields(fields['serving'], `${what}.serving`);
  text(serving, 'live', `${what}.serving`);
  return {
    models: listOf(fields, 'models', what, parseModelRecord),
    serving: serving as unknown as ServingModels,
  };
}
