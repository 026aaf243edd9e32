import { assert } from '../base/assert.js';
import { StarlingError } from '../base/errors.js';
import type { HeldEvents, HeldPlace } from './held-events.js';
import type { Identities, StoredIdentity } from './identities.js';
import type { Imports } from './imports.js';
import type { JoinBooks } from './join-books.js';
import type { WindowOutput } from './window-output.js';
import { assertConserved } from './join-counts.js';
import type { KeptRows } from './kept-rows.js';
import type { PersonEvent } from './person-event.js';
import {
  decodeParts,
  decodeSegment,
  encodeParts,
  encodeSegment,
  kindOf,
  recordKind,
} from './record-codec.js';
import type { RememberedSegment } from './remembered-keys.js';
import type { RulesInForce } from './window-rules.js';
import type { JoinChanges, JoinRecord, LaneProgress, SavedJoin } from './types.js';

/** Keys by which it is known what has come, in segments of the store. */
export interface Remembered {
  takeFresh(): readonly RememberedSegment[];
  seal(number: number, segment: RememberedSegment): void;
  restore(number: number, segment: RememberedSegment): void;
  takeEmpty(watermarksMs: readonly number[]): readonly number[];
  forget(lane: number, watermarkMs: number): void;
}

/** All that a window remembers. */
export interface WindowState {
  readonly outcomes: readonly string[];
  readonly rules: RulesInForce;
  readonly books: JoinBooks;
  readonly kept: KeptRows;
  readonly held: HeldEvents;
  readonly identities: Identities;
  readonly imports: Imports;
  readonly out: Pick<WindowOutput, 'toldMsMax' | 'restore'>;
  /** In an order that is for ever. */
  readonly remembered: readonly Remembered[];
  readonly lanes: readonly { -readonly [name in keyof LaneProgress]: LaneProgress[name] }[];
  readonly progress: {
    numberNext: number;
    readonly taken: Map<number, number>;
  };
  /** After which nothing more can be said of a row. */
  readonly keepMs: number;
  readonly eventIn: (bytes: Uint8Array) => readonly [PersonEvent, HeldPlace];
}

/** What has changed since the last drain. */
export function drainState(state: WindowState): JoinChanges {
  const { books, kept, held, identities, remembered, lanes, progress } = state;
  const put: JoinRecord[] = [];
  const remove: number[] = [];
  const nextNumber = (): number => progress.numberNext++;
  kept.spill();
  const watermarksMs = lanes.map(({ watermarkMs }) => watermarkMs);
  kept.drain(put, remove, nextNumber, watermarksMs);
  for (const record of held.takeFresh()) put.push(record);
  remove.push(...held.takeRemoved(), ...identities.takeRemoved());
  for (const { known, ...said } of identities.takeFresh()) {
    known.number = nextNumber();
    const bytes = encodeParts({ kind: recordKind.identity, said, rows: [] });
    put.push({ number: known.number, bytes });
  }
  remembered.forEach((keys, of) => {
    for (const segment of keys.takeFresh()) {
      const number = nextNumber();
      keys.seal(number, segment);
      put.push({ number, bytes: encodeSegment(of, segment) });
    }
    remove.push(...keys.takeEmpty(watermarksMs));
  });
  const counters = books.counters(held.size);
  assertConserved(counters);
  return {
    ...netOf(put, remove),
    progress: {
      numberNext: progress.numberNext,
      outcomes: state.outcomes,
      taken: Object.fromEntries(progress.taken),
      imports: state.imports.all,
      toldMsMax: state.out.toldMsMax,
      lanes: lanes.map((lane) => ({ ...lane })),
      counters,
      rules: state.rules,
    },
  };
}

/** What is made and gone within one drain is in neither list. */
function netOf(put: JoinRecord[], remove: number[]) {
  const gone = new Set(remove);
  const made = new Set(put.map(({ number }) => number));
  return {
    put: put.filter(({ number }) => !gone.has(number)),
    remove: remove.filter((number) => !made.has(number)),
  };
}

/** Only of a new window. @throws StarlingError CORRUPT, SPEC_MISMATCH */
export function restoreState(state: WindowState, { progress, records }: SavedJoin): void {
  const { books, kept, held, identities, remembered, lanes, keepMs, eventIn } = state;
  assert(state.progress.numberNext === 1, 'only a new window is restored');
  state.progress.numberNext = progress.numberNext;
  for (const [source, number] of Object.entries(progress.taken))
    state.progress.taken.set(Number(source), number);
  state.imports.restore(progress.imports ?? {});
  // A window of an earlier release did not say: what it has told is no newer than what it has heard of.
  const heardMsMax = Math.max(...progress.lanes.map(({ eventMsMax }) => eventMsMax));
  state.out.restore(progress.toldMsMax ?? heardMsMax);
  progress.lanes.forEach((lane, i) => Object.assign(lanes[i]!, lane));
  const { counters } = progress;
  let open = 0;
  kept.beginRestore(counters.open);
  for (const { number, bytes } of records) {
    switch (kindOf(bytes)) {
      case recordKind.openRow:
        if (kept.restoreOpen(number, bytes).open & 1) open++;
        break;
      case recordKind.settledRows:
        kept.restoreSettled(number, bytes, (sinceMs) => sinceMs + keepMs);
        break;
      case recordKind.event:
        held.restore(number, ...eventIn(bytes));
        break;
      case recordKind.identity:
        identities.restore(number, decodeParts(bytes).said as StoredIdentity);
        break;
      case recordKind.segment: {
        const { of, ...segment } = decodeSegment(bytes);
        remembered[of]?.restore(number, segment);
        break;
      }
      default:
        throw new StarlingError('CORRUPT', `a record of kind ${bytes[0]} is no state of a window`);
    }
  }
  kept.endRestore();
  // What is over by now is not known again.
  lanes.forEach(({ watermarkMs }, i) => {
    for (const keys of remembered) keys.forget(i, watermarkMs);
    kept.forget(i, watermarkMs);
  });
  books.set(counters);
  if (open === counters.open && held.size === counters.heldActions) return;
  throw new StarlingError(
    'CORRUPT',
    `the store has ${open} open impressions and ${held.size} held actions, not ${counters.open} and ${counters.heldActions}`,
  );
}
