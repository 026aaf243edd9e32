import { StarlingError } from '../base/errors.js';
import type { PersonEvent } from './person-event.js';
import { decodeEvent, encodeEvent } from './person-event.js';
import { decodeParts, encodeParts, recordKind } from './record-codec.js';
import type { RowState } from './row-state.js';
import type { ImpressionBatch } from './types.js';
import { unpackRows } from './unpack-rows.js';

/** A row on its way to the partition of the user that its visitor is. */
export interface MovedRow {
  readonly requestId: string;
  readonly item: string;
  readonly state: Omit<RowState, 'person'>;
  /** Of one row; undefined where nothing of it is open. */
  readonly packed: Uint8Array | undefined;
}

/** What one partition tells another. */
export type SentContent =
  | { readonly kind: 'event'; readonly event: PersonEvent }
  | { readonly kind: 'offer'; readonly person: string; readonly packed: Uint8Array }
  | {
      readonly kind: 'shown';
      readonly requestId: string;
      readonly item: string;
      readonly atMs: number;
      readonly lane: number;
    }
  | {
      readonly kind: 'erase';
      readonly person: string;
      /** When it was accepted. */
      readonly atMs: number;
      /** Also who the person is by now, whose account this one was merged into. */
      readonly isUp: boolean;
    }
  | {
      readonly kind: 'moved';
      readonly visitor: string;
      readonly user: string;
      /** Of the alias; Infinity: not told. */
      readonly atMs: number;
      readonly rows: readonly MovedRow[];
    };

interface SaidMoved {
  readonly visitor: string;
  readonly user: string;
  readonly atMs?: number;
  readonly rows: readonly Omit<MovedRow, 'packed'>[];
}

/** How contents become bytes, for rows of one shape. */
export class SentContents {
  readonly #slotCount: number;
  readonly #denseCount: number;

  constructor(slotCount: number, denseCount: number) {
    this.#slotCount = slotCount;
    this.#denseCount = denseCount;
  }

  encode(content: SentContent): Uint8Array {
    switch (content.kind) {
      case 'event':
        return encodeEvent(content.event);
      case 'offer': {
        const { person, packed } = content;
        return encodeParts({ kind: recordKind.offer, said: { person }, rows: [packed] });
      }
      case 'shown': {
        const { requestId, item, atMs, lane } = content;
        const said = { requestId, item, atMs, lane };
        return encodeParts({ kind: recordKind.shown, said, rows: [] });
      }
      case 'erase': {
        const { person, atMs, isUp } = content;
        const said = { person, atMs, isUp };
        return encodeParts({ kind: recordKind.erase, said, rows: [] });
      }
      case 'moved': {
        const { visitor, user, atMs, rows } = content;
        const said = {
          visitor,
          user,
          ...(atMs === Infinity ? {} : { atMs }),
          rows: rows.map(({ requestId, item, state }) => ({ requestId, item, state })),
        };
        const packed = rows.flatMap((row) => row.packed ?? []);
        return encodeParts({ kind: recordKind.moved, said, rows: packed });
      }
    }
  }

  /** @throws StarlingError CORRUPT */
  decode(bytes: Uint8Array): SentContent {
    const { kind, said, rows } = decodeParts(bytes);
    switch (kind) {
      case recordKind.event:
        return { kind: 'event', event: decodeEvent(bytes, this.#slotCount, this.#denseCount) };
      case recordKind.offer:
        return { kind: 'offer', ...(said as { person: string }), packed: rows[0]! };
      case recordKind.shown:
        return {
          kind: 'shown',
          ...(said as { requestId: string; item: string; atMs: number; lane: number }),
        };
      case recordKind.erase:
        return {
          kind: 'erase',
          ...(said as { person: string; atMs: number; isUp: boolean }),
        };
      case recordKind.moved: {
        const { visitor, user, atMs = Infinity, rows: told } = said as SaidMoved;
        let at = 0;
        const moved = told.map((row) => ({
          ...row,
          packed: row.state.open === 0 ? undefined : rows[at++]!,
        }));
        return { kind: 'moved', visitor, user, atMs, rows: moved };
      }
      default:
        throw new StarlingError('CORRUPT', `records of kind ${kind} are sent by nobody`);
    }
  }

  unpack(packed: Uint8Array): ImpressionBatch {
    return unpackRows([packed], this.#slotCount, this.#denseCount);
  }
}
