import type { Blocks, Value } from './blocks.js';
import type { ModelSpec, Network, ParameterDeclaration } from './network.js';
import { rowWidth } from './network.js';
import { markWidth } from './history-marks.js';
import { networkOf } from './networks/networks.js';

/** Networks of several blocks on the occurrences of slot 0, their history. */
const units = 6;
const heads = 2;

const matrix = (name: string, rows: number, columns: number): ParameterDeclaration => {
  return { name, shape: [rows, columns], initial: 'glorot' };
};
const vector = (name: string, length: number): ParameterDeclaration => {
  return { name, shape: [length], initial: 'glorot' };
};

/** [n, a], [n, b], … → [n, a + b + …] */
function beside(blocks: Blocks, first: Value, ...others: readonly Value[]): Value {
  return others.reduce((left, right) => blocks.concatColumns(left, right), first);
}

/** How much of each row of the history there is, by what it and the candidate are (DIN, Zhou et al., 2018). */
const attentionToCandidate: Network = {
  parameters: (spec) => {
    const dim = rowWidth(spec);
    return [
      matrix('w', 3 * dim, units),
      vector('b', units),
      matrix('score', units, 1),
      matrix('out', spec.slotCount * spec.factorDim + dim, spec.heads),
    ];
  },
  forward: (blocks, { occurrences, vectors }, p) => {
    const history = occurrences(0);
    const candidate = blocks.repeat(blocks.pool(occurrences(1), 'sum'), history);
    const seen = beside(blocks, history, candidate, blocks.multiply(history, candidate));
    const layer = blocks.denseLayer(seen, p.matrix('w'), p.vector('b'), true);
    const score = blocks.denseLayer(layer, p.matrix('score'), null, false);
    const share = blocks.softmaxOccurrences(score);
    const interest = blocks.pool(blocks.scaleRows(history, share), 'sum');
    const all = blocks.concatColumns(vectors, interest);
    return blocks.denseLayer(all, p.matrix('out'), null, false);
  },
};

/** What is known of each event, in two layers, one of them of what is beside a row. */
const marked: Network = {
  parameters: (spec) => {
    const width = spec.histories!.map((history) => markWidth(history));
    return [
      matrix('first', rowWidth(spec) + width[0]!, units),
      matrix('second', width[1]!, units),
      matrix('out', 2 * units, spec.heads),
    ];
  },
  forward: (blocks, { occurrences, marks }, p, { histories }) => {
    const [first, second] = histories!.map((history) => marks(history)!);
    const layer = (x: Value, name: string) => blocks.denseLayer(x, p.matrix(name), null, true);
    const rows = layer(blocks.concatColumns(occurrences(0), first!), 'first');
    const alone = layer(second!, 'second');
    const all = blocks.concatColumns(blocks.pool(rows, 'mean'), blocks.pool(alone, 'sum'));
    return blocks.denseLayer(all, p.matrix('out'), null, false);
  },
};

/** Each event attends to those before it, twice, as what comes out has seen others. */
const causal: Network = {
  parameters: (spec) => [
    ...['q', 'k'].map((name) => matrix(name, rowWidth(spec), heads * units)),
    matrix('v', rowWidth(spec), heads * units),
    matrix('out', heads * units, spec.heads),
  ],
  forward: (blocks, { occurrences }, p) => {
    const layer = (name: string) => blocks.denseLayer(occurrences(0), p.matrix(name), null, false);
    const once = blocks.attention(layer('q'), layer('k'), layer('v'), heads, 'causal');
    const twice = blocks.attention(once, once, layer('v'), 1, 'causal');
    return blocks.denseLayer(blocks.pool(twice, 'sum'), p.matrix('out'), null, false);
  },
};

/** One encoder of a transformer (Vaswani et al., 2017), and the mean of what comes out. */
const encoder: Network = {
  parameters: (spec) => {
    const dim = rowWidth(spec);
    const width = heads * units;
    return [
      matrix('positions', 7, dim),
      ...['q', 'k', 'v', 'in'].map((name) => matrix(name, dim, width)),
      ...['gain', 'bias'].map((name) => vector(name, width)),
      matrix('w', width, width),
      vector('b', width),
      matrix('out', width, spec.heads),
    ];
  },
  forward: (blocks, { occurrences }, p) => {
    const placed = blocks.addPositions(occurrences(0), p.matrix('positions'));
    const layer = (name: string) => blocks.denseLayer(placed, p.matrix(name), null, false);
    const attended = blocks.attention(layer('q'), layer('k'), layer('v'), heads);
    const sum = blocks.add([layer('in'), attended]);
    const normal = blocks.layerNorm(sum, p.vector('gain'), p.vector('bias'));
    const further = blocks.denseLayer(normal, p.matrix('w'), p.vector('b'), true);
    const pooled = blocks.pool(blocks.add([normal, further]), 'mean');
    return blocks.denseLayer(pooled, p.matrix('out'), null, false);
  },
};

/** Of the history only how much there is of it: what is repeated looks at no row of it. */
const lengthAlone: Network = {
  parameters: (spec) => [matrix('out', spec.slotCount, spec.heads)],
  forward: (blocks, { occurrences, weights }, p) => {
    const times = blocks.repeat(weights, blocks.sigmoid(occurrences(0)));
    return blocks.denseLayer(blocks.pool(times, 'sum'), p.matrix('out'), null, false);
  },
};

/** Of two histories at once, and of one that is a part of a longer row. */
const twoHistories: Network = {
  parameters: (spec: ModelSpec) => [
    matrix('w', 2 * rowWidth(spec), units),
    matrix('out', units + rowWidth(spec), spec.heads),
  ],
  forward: (blocks, { occurrences }, p) => {
    const [first, second] = [occurrences(0), occurrences(1)];
    const doubled = blocks.concatColumns(first, blocks.sigmoid(first));
    const layer = blocks.denseLayer(doubled, p.matrix('w'), null, true);
    const attended = blocks.attention(second, second, second, 1);
    const all = blocks.concatColumns(
      blocks.pool(blocks.softmaxOccurrences(layer), 'mean'),
      blocks.pool(attended, 'sum'),
    );
    return blocks.denseLayer(all, p.matrix('out'), null, false);
  },
};

export const historyNetworks = {
  ...{ attentionToCandidate, encoder, causal, marked, lengthAlone, twoHistories },
  din: networkOf({ network: 'din' }),
  transformer: networkOf({ network: 'transformer' }),
};
