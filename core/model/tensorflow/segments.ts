import type { Occurrences } from '../tfjs/occurrences.js';
import type { TensorGraph, TensorNode, TensorSession } from './tensor-graph.js';

/** What is masked is nothing beside the others. */
const never = -1e9;

/** Where the occurrences of a slot belong: of slots whose rows a network looks at one by one. All i32 but the last three. */
export interface Segments {
  /** [occurrences + 1]: of which example each is, and last the last example. */
  readonly ids: TensorNode;
  /** [occurrences]: the same without the last. */
  readonly examples: TensorNode;
  /** [occurrences]: which of its example each is, from 0. */
  readonly positions: TensorNode;
  /** [examples, most of one example]: which occurrence is there; their number where there is none. */
  readonly padded: TensorNode;
  /** [occurrences]: where each is among those. */
  readonly places: TensorNode;
  /** [examples, 1, most of one example]: 0, and far below where there is none. */
  readonly mask: TensorNode;
  /** [1, most of one example, the same]: 0, and far below where the second is before the first. */
  readonly causal: TensorNode;
  /** [examples, 1]: 1 / occurrences, and 1 where there is none. */
  readonly means: TensorNode;
}

export function segmentPlaceholders(graph: TensorGraph): Segments {
  const integers = (...shape: number[]): TensorNode => graph.placeholder(shape, 'i32');
  return {
    ids: integers(-1),
    examples: integers(-1),
    positions: integers(-1),
    padded: integers(-1, -1),
    places: integers(-1),
    mask: graph.placeholder([-1, 1, -1]),
    causal: graph.placeholder([1, -1, -1]),
    means: graph.placeholder([-1, 1]),
  };
}

/** In the order in which they are fed. */
export function segmentNodes(segments: Segments): TensorNode[] {
  const { ids, examples, positions, padded, places, mask, causal, means } = segments;
  return [ids, examples, positions, padded, places, mask, causal, means];
}

/** @returns the index of the next input. */
export function feedSegments(
  session: TensorSession,
  first: number,
  { count, offsets }: Occurrences,
  rowCount: number,
): number {
  const lengths = Array.from({ length: rowCount }, (_, row) => offsets[row + 1]! - offsets[row]!);
  const most = Math.max(1, ...lengths);
  const ids = new Int32Array(count + 1);
  const positions = new Int32Array(count);
  const places = new Int32Array(count);
  const padded = new Int32Array(rowCount * most).fill(count);
  const mask = new Float32Array(rowCount * most).fill(never);
  for (let row = 0; row < rowCount; row++) {
    for (let i = offsets[row]!; i < offsets[row + 1]!; i++) {
      const position = i - offsets[row]!;
      const place = row * most + position;
      ids[i] = row;
      positions[i] = position;
      places[i] = place;
      padded[place] = i;
      mask[place] = 0;
    }
  }
  ids[count] = rowCount - 1;
  const causal = new Float32Array(most * most);
  for (let i = 0; i < most; i++) causal.fill(never, i * most, i * most + i);
  const means = Float32Array.from(lengths, (length) => 1 / Math.max(1, length));
  const fed: [Int32Array | Float32Array, number[]][] = [
    [ids, [count + 1]],
    [ids.subarray(0, count), [count]],
    [positions, [count]],
    [padded, [rowCount, most]],
    [places, [count]],
    [mask, [rowCount, 1, most]],
    [causal, [1, most, most]],
    [means, [rowCount, 1]],
  ];
  fed.forEach(([values, shape], i) => session.feed(first + i, values, shape));
  return first + fed.length;
}
