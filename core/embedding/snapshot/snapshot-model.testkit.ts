import type { LoadedPage, RowsPage, SnapshotSlot, SnapshotSource, SnapshotTarget } from './rows.js';

/** What snapshots mean, without tables: rows in Maps, their changes since a moment, and a pull-based walk. For tests. */
export interface ModelRow {
  weights: number[];
  state: number[];
  updatedAt: number;
  updates: number;
}

export type ModelKey = `${number}:${number}`;

export class SnapshotModel implements SnapshotSource, SnapshotTarget {
  readonly slots: readonly SnapshotSlot[];
  readonly tables: Map<ModelKey, ModelRow>[];
  /** Per slot, keys pushed or removed since recording began; undefined: not recording. */
  recorded: Set<ModelKey>[] | undefined;

  constructor(slots: readonly SnapshotSlot[]) {
    this.slots = slots;
    this.tables = slots.map(() => new Map<ModelKey, ModelRow>());
  }

  record(): void {
    this.recorded = this.slots.map(() => new Set<ModelKey>());
  }

  push(slotIndex: number, key: ModelKey, figure: number, atSeconds = 1): void {
    const { dim, stateWidth } = this.slots[slotIndex]!;
    const old = this.tables[slotIndex]!.get(key);
    this.tables[slotIndex]!.set(key, {
      weights: Array.from({ length: dim }, (_unused, i) =>
        Math.fround((old?.weights[i] ?? 0) + figure + i),
      ),
      state: Array.from({ length: stateWidth }, (_unused, i) =>
        Math.fround((old?.state[i] ?? 0) + figure * figure),
      ),
      updatedAt: Math.max(old?.updatedAt ?? 0, atSeconds),
      updates: (old?.updates ?? 0) + 1,
    });
    this.recorded?.[slotIndex]!.add(key);
  }

  remove(slotIndex: number, key: ModelKey): void {
    if (this.tables[slotIndex]!.delete(key)) this.recorded?.[slotIndex]!.add(key);
  }

  /** Everything recorded, applied to another: whole rows, and removals. */
  replayInto(follower: SnapshotModel): void {
    for (const [slotIndex, keys] of this.recorded!.entries()) {
      for (const key of keys) {
        const row = this.tables[slotIndex]!.get(key);
        if (row) follower.tables[slotIndex]!.set(key, row);
        else follower.tables[slotIndex]!.delete(key);
      }
    }
  }

  *pages(
    rowsMax: (slotIndex: number) => number,
    room: (slotIndex: number, count: number) => RowsPage,
  ): Generator<RowsPage> {
    for (const [slotIndex, table] of this.tables.entries()) {
      // A Map's iterator, as a walk over row numbers, survives what is inserted and removed meanwhile.
      const keys = table.keys();
      for (;;) {
        const taken: ModelKey[] = [];
        while (taken.length < rowsMax(slotIndex)) {
          const next = keys.next();
          if (next.done) break;
          taken.push(next.value);
        }
        if (taken.length === 0) break;
        yield this.#gather(slotIndex, taken, room(slotIndex, taken.length));
      }
    }
  }

  assign(page: LoadedPage): number {
    const { dim, stateWidth } = this.slots[page.slotIndex]!;
    for (let i = 0; i < page.count; i++) {
      this.tables[page.slotIndex]!.set(`${page.fids[2 * i]!}:${page.fids[2 * i + 1]!}`, {
        weights: [...page.weights.subarray(i * dim, (i + 1) * dim)],
        state: page.state
          ? [...page.state.subarray(i * stateWidth, (i + 1) * stateWidth)]
          : new Array<number>(stateWidth).fill(0),
        updatedAt: page.updatedAt[i]!,
        updates: page.updateCounts[i]!,
      });
    }
    return page.count;
  }

  get rowCount(): number {
    return this.tables.reduce((sum, table) => sum + table.size, 0);
  }

  /** Slots and rows in a fixed order, to compare. */
  contents(): unknown {
    return this.slots.map(({ slot }, slotIndex) => [
      slot,
      [...this.tables[slotIndex]!].sort(([a], [b]) => (a < b ? -1 : 1)),
    ]);
  }

  #gather(slotIndex: number, keys: readonly ModelKey[], page: RowsPage): RowsPage {
    const { dim, stateWidth } = this.slots[slotIndex]!;
    for (const [i, key] of keys.entries()) {
      const row = this.tables[slotIndex]!.get(key)!;
      const [low, high] = key.split(':').map(Number);
      page.fids[2 * i] = low!;
      page.fids[2 * i + 1] = high!;
      page.updatedAt[i] = row.updatedAt;
      page.updateCounts[i] = row.updates;
      page.weights.set(row.weights, i * dim);
      page.state.set(row.state, i * stateWidth);
    }
    return page;
  }
}
