import { mainModel } from '../../core/base/model-identity.js';
import { bornIn } from '../../core/base/lineage.js';
import type { ClusterConfig } from '../../core/config/schema.js';
import { featureSpecOf } from '../../core/features/feature-spec.js';
import { sleep } from '../../core/base/clock.js';
import type { ClusterNames } from '../../messages/cluster-names.js';
import type { ActorStatus } from '../../messages/actor-status.js';
import type { ClusterStatus } from '../../messages/cluster-status.js';
import { decode } from '../../messages/codec.js';
import { directoryWords } from '../../messages/earlier-deltas.js';
import { parseRowsReply, rowsCommand, type FoundRow } from '../../messages/person.js';
import type { Bus } from '../../runtime/bus/bus.js';
import { call } from '../../runtime/idempotent-call.js';
import { lastToken } from '../../messages/subjects.js';
import type { MemoryServers } from '../nats/memory-servers.js';
import type { ConfigHistory } from './config-history.js';

interface LoggedRow {
  readonly model: string;
  readonly slot: number;
  readonly low: number;
  readonly high: number;
  readonly weights: Float32Array;
  readonly state: Float32Array;
  /** Of the configuration that it was written with. */
  readonly version: number;
}

interface LoggedRows {
  readonly model: string;
  readonly specHash: string;
  readonly partition: number;
  readonly part: number;
  readonly last: boolean;
  readonly slots: Uint32Array;
  readonly evicted: Uint32Array;
  readonly fids: Uint32Array;
  readonly weights: Float32Array;
  readonly state: Float32Array;
}

const askMs = { deadlineMs: 2_000, attemptMs: 500 };
/** Rows that are learned just now are looked at again. */
const looksMax = 12;
const pauseMs = 300;

/**
 * Each owner has the rows that the log of its partition says, by what the configurations say of them: of a feature that goes on the last
 * that was written of each, with whatever configuration, bit for bit; and nothing of one that is gone or began anew.
 */
export class RowCheck {
  readonly #names: ClusterNames;
  readonly #history: ConfigHistory;
  readonly #rows = new Map<string, LoggedRow>();
  /** By partition of a model, parts of a delta whose last one is not there yet. */
  readonly #parts = new Map<string, LoggedRows[]>();

  constructor(servers: MemoryServers, names: ClusterNames, history: ConfigHistory) {
    this.#names = names;
    this.#history = history;
    servers.stream(names.stream.deltas).onAppend(({ subject, bytes }) => {
      if (names.isOf('deltaRows', subject)) this.#take(decode(bytes) as LoggedRows);
    });
  }

  /** @returns what is there otherwise than it should be; undefined: nothing. */
  async wrong(bus: Bus, status: ClusterStatus | undefined): Promise<string | undefined> {
    const shards = (status?.actors ?? []).filter(({ kind }) => kind === 'ps-shard');
    const models = new Set(shards.map(({ model = mainModel }) => model));
    // What was learned by a model that is stopped nobody has any more.
    for (const [key, { model }] of this.#rows) if (!models.has(model)) this.#rows.delete(key);
    let left = [...this.#rows.keys()];
    let text: string | undefined;
    for (let looks = 0; looks < looksMax && left.length > 0; looks++) {
      if (looks > 0) await sleep(bus.clock, pauseMs);
      const found = await this.#ask(bus, left, shards);
      const wrong = left.flatMap((key) => {
        const what = this.#wrongOf(key, found.get(key));
        return what === undefined ? [] : [{ key, what }];
      });
      left = wrong.map(({ key }) => key);
      text = wrong[0]?.what;
    }
    return left.length === 0 ? undefined : `${left.length} rows are wrong: ${text}`;
  }

  #wrongOf(key: string, found: FoundRow | undefined): string | undefined {
    const row = this.#rows.get(key);
    const isThere = row !== undefined && this.#goesOn(row, this.#history.newest);
    if (!isThere) return found ? `${key} is gone, or began anew, and its owner has it` : undefined;
    if (!found) return `${key} was logged with version ${row.version}, and its owner has it not`;
    const areSame = areEqual(found.weights, row.weights) && areEqual(found.state, row.state);
    return areSame ? undefined : `${key} is ${describe(found)}, and was logged as ${describe(row)}`;
  }

  #goesOn({ slot, version }: LoggedRow, { features, lineage }: ClusterConfig): boolean {
    const { slots } = featureSpecOf(features, lineage);
    const name = slots.find(({ id }) => id === slot)?.name;
    if (name === undefined) return false;
    return bornIn(lineage, name) <= version && (lineage?.born.rows ?? 0) <= version;
  }

  async #ask(
    bus: Bus,
    keys: readonly string[],
    shards: readonly Pick<ActorStatus, 'address' | 'model'>[],
  ): Promise<Map<string, FoundRow>> {
    const asked = keys.map((key) => {
      const [slot, low, high] = key.split(' ').map(Number) as [number, number, number];
      return { slot, low, high, model: key.split(' ')[3]! };
    });
    const found = new Map<string, FoundRow>();
    for (const { address, model = mainModel } of shards) {
      const own = asked.filter((each) => each.model === model);
      const of = own.map(({ slot, low, high }) => ({ slot, low, high }));
      const command = rowsCommand({ keys: of, forget: false, term: 0 }, model);
      const subject = this.#names.subject.shardControl('rows', Number(lastToken(address)));
      for (const row of parseRowsReply(await call(bus, subject, command, askMs), model))
        found.set(keyOf({ ...row, model }), row);
    }
    return found;
  }

  #take(part: LoggedRows): void {
    const place = `${part.model} ${part.partition}`;
    const before = part.part === 0 ? [] : (this.#parts.get(place) ?? []);
    const parts = [...before, part];
    this.#parts.set(place, part.last ? [] : parts);
    if (part.last) for (const each of parts) this.#apply(each);
  }

  #apply({ model, specHash, slots, evicted, fids, weights, state }: LoggedRows): void {
    // A model beside `main` may have a shape of its own; the configuration does not change while there is one.
    const version =
      model === mainModel ? this.#history.versionOfShape(specHash) : this.#history.newestVersion;
    if (version === undefined) throw new Error(`nobody knows a configuration with ${specHash}`);
    const at = { evicted: 0, row: 0, weights: 0, state: 0 };
    const entries = Array.from({ length: slots.length / directoryWords }, (_unused, i) =>
      slots.subarray(directoryWords * i, directoryWords * (i + 1)),
    );
    for (const [slot, , , , count] of entries)
      for (let i = 0; i < count!; i++, at.evicted++)
        this.#rows.delete(keyOf({ model, slot: slot!, ...keyAt(evicted, at.evicted) }));
    for (const [slot, dim, stateWidth, count] of entries)
      for (let i = 0; i < count!; i++, at.row++) {
        const key = { model, slot: slot!, ...keyAt(fids, at.row) };
        this.#rows.set(keyOf(key), {
          ...{ ...key, version },
          weights: weights.slice(at.weights, (at.weights += dim!)),
          state: state.slice(at.state, (at.state += stateWidth!)),
        });
      }
  }
}

function keyAt(words: Uint32Array, i: number): { low: number; high: number } {
  return { low: words[2 * i]!, high: words[2 * i + 1]! };
}

function keyOf({
  model,
  slot,
  low,
  high,
}: Pick<LoggedRow, 'model' | 'slot' | 'low' | 'high'>): string {
  return `${slot} ${low} ${high} ${model}`;
}

function areEqual(a: Float32Array, b: Float32Array): boolean {
  return a.length === b.length && a.every((each, i) => Object.is(each, b[i]));
}

function describe({ weights, state }: Pick<LoggedRow, 'weights' | 'state'>): string {
  return `[${[...weights].join(', ')}] with [${[...state].join(', ')}]`;
}
