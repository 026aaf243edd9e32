import type { RowsConfig } from '../config/rows-schema.js';
import type { ClusterConfig } from '../config/schema.js';
import type { TableSpec } from '../embedding/embedding-table.js';
import type { InitializerSpec } from '../embedding/initializer.js';
import type { OptimizerSpec } from '../embedding/optimizers/optimizer.js';
import type { Slot } from '../features/feature-spec.js';

/** How the rows of a slot learn: `model.rows`, what `model.slots` says of its feature, and what follows from whose rows they are. */
export type SlotRows = Omit<RowsConfig, 'memoryBytesMax' | 'evict'>;
type OwnRows = ClusterConfig['model']['slots'][string];

/**
 * How fast rows learn beside each other, by whose they are (Adagrad; measured in
 * docs/decisions/0075-rows-of-their-own-learn-by-example.md). A user has few events, and his row is to follow them; what users share is in each
 * batch many times, and what it says changes slowly.
 */
const paces = { user: 2, item: 1, ofUsers: 0.4, others: 1 } as const;
/** Of the first-order weight of a row of one user or item: how much it is above all others is one number, learned sooner than sixteen. */
const firstOrderPace = 4;

export function rowsOfSlot(slot: Slot, rows: RowsConfig, own: OwnRows = {}): SlotRows {
  if ((own.optimizer ?? rows.optimizer) !== 'adagrad') return { ...rows, ...definedOf(own) };
  const pace = paces[paceOf(slot)];
  const learningRate = own.learningRate ?? pace * rows.learningRate;
  // A page of events of one user is in one batch, mostly, and is to move his row as far as as many batches would.
  const firstOrderRate = (learningRate / pace) * firstOrderPace;
  const alone = isOwn(slot) ? ({ accumulates: 'examples', firstOrderRate } as const) : {};
  return { ...alone, ...rows, ...definedOf(own), learningRate };
}

/** Whether rows count what single examples say. */
export function countsExamples({ optimizer }: Pick<TableSpec, 'optimizer'>): boolean {
  return optimizer.kind === 'adagrad' && optimizer.accumulates === 'examples';
}

/** A row of just one user, or one item. */
function isOwn({ entity, source, coding }: Slot): boolean {
  return coding.kind === 'id' && source === entity;
}

function paceOf(slot: Slot): keyof typeof paces {
  if (slot.entity === 'user') return isOwn(slot) ? 'user' : 'ofUsers';
  return isOwn(slot) ? 'item' : 'others';
}

/** Fields that the kind does not know do no harm; those it needs and that are absent have its own defaults. */
export function optimizerOf({ optimizer, ...fields }: SlotRows): OptimizerSpec {
  return { kind: optimizer, ...definedOf(fields) } as OptimizerSpec;
}

export function initializerOf({ initializer, initialScale }: SlotRows): InitializerSpec {
  // The first-order weight must not start at random.
  const zeroPrefix = 1;
  if (initializer === undefined)
    return { kind: 'uniform', minimum: -initialScale, maximum: initialScale, zeroPrefix };
  switch (initializer.kind) {
    case 'uniform': {
      const { scale } = initializer;
      return { kind: 'uniform', minimum: -scale, maximum: scale, zeroPrefix };
    }
    case 'xavier':
      return { kind: 'xavier', distribution: initializer.distribution ?? 'uniform', zeroPrefix };
    default:
      return { ...initializer, zeroPrefix };
  }
}

/** Without the fields that are absent, which would hide those of `rows`. */
export function definedOf<T extends object>(
  some: T,
): Partial<{ [K in keyof T]: Exclude<T[K], undefined> }> {
  const entries = Object.entries(some).filter(([, value]) => value !== undefined);
  return Object.fromEntries(entries) as Partial<{ [K in keyof T]: Exclude<T[K], undefined> }>;
}
