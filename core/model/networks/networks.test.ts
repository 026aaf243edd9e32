import { beforeAll, describe, expect, test } from '@jest/globals';
import { loadBackend, type Backend } from '../backend.js';
import { denseLayout } from '../dense-parameters.js';
import { numbersOf } from '../executors.testkit.js';
import { networkNames, type ModelSpec, type NetworkName } from '../network.js';
import { createScorer } from '../scorer.js';
import { partsWidth } from './inputs.js';
import { seenSpec } from '../projection.js';

let backend: Backend;
beforeAll(async () => (backend = await loadBackend('cpu')));

const base = { slotCount: 3, factorDim: 2, denseCount: 2, hidden: [4], heads: 2 };

/** One example, and the parameters by name, as the formulas have them. */
function exampleOf(network: NetworkName, change: Partial<ModelSpec> = {}) {
  const spec: ModelSpec = { network, ...base, ...change };
  const { entries, size } = denseLayout(spec);
  const values = numbersOf(size, 7);
  const width = 1 + spec.factorDim;
  const pooled = numbersOf(spec.slotCount * width, 8);
  const dense = numbersOf(spec.denseCount, 9);
  const of = (name: string): number[] => {
    const { offset, size: length } = entries.find((entry) => entry.name === name)!;
    return [...values.subarray(offset, offset + length)];
  };
  const row = (slot: number): number[] => [...pooled.subarray(slot * width, (slot + 1) * width)];
  const rows = Array.from({ length: spec.slotCount }, (_, slot) => row(slot));
  const linear = dot([...dense], spec.denseCount > 0 ? of('linear') : []);
  const shared = of('bias')[0]! + linear + rows.reduce((sum, [w]) => sum + w!, 0);
  const logits = createScorer(backend, spec).score(
    { rowCount: 1, pooled, dense },
    { version: 1, values },
  );
  const wanted = (own: readonly number[]): number[] =>
    own.map((each, head) =>
      spec.heads === 1
        ? shared + each
        : shared * of('head.scale')[head]! + of('head.bias')[head]! + each,
    );
  const vectors = rows.map(([, ...vector]) => vector);
  return { of, vectors, dense: [...dense], logits: [...logits], wanted };
}

const dot = (a: readonly number[], b: readonly number[]): number =>
  a.reduce((sum, value, i) => sum + value * b[i]!, 0);

/** x·w [+ b]. */
function layer(x: readonly number[], w: readonly number[], b?: readonly number[]): number[] {
  const columns = w.length / x.length;
  return Array.from({ length: columns }, (_, o) =>
    x.reduce((sum, value, i) => sum + value * w[i * columns + o]!, b?.[o] ?? 0),
  );
}

const relu = (x: readonly number[]): number[] => x.map((value) => Math.max(0, value));

function expectLogits(found: readonly number[], wanted: readonly number[]): void {
  expect(found).toHaveLength(wanted.length);
  found.forEach((logit, head) => expect(logit).toBeCloseTo(wanted[head]!, 4));
}

describe.each([1, 2])('of %i heads', (heads) => {
  test.each([[[4]], [[]]])('DLRM is products of all pairs under a network, hidden %j', (hidden) => {
    const { of, vectors, dense, logits, wanted } = exampleOf('dlrm', { heads, hidden });
    let bottom = dense;
    for (let l = 0; l <= hidden.length; l++)
      bottom = relu(layer(bottom, of(`bottom${l}.kernel`), of(`bottom${l}.bias`)));
    const all = [...vectors, bottom];
    const pairs = all.flatMap((a, i) => all.slice(i + 1).map((b) => dot(a, b)));
    let top = [...bottom, ...pairs];
    if (hidden.length > 0) top = relu(layer(top, of('hidden0.kernel'), of('hidden0.bias')));
    expectLogits(logits, wanted(layer(top, of('output.kernel'))));
  });

  test('DLRM without numbers has no bottom', () => {
    const { of, vectors, logits, wanted } = exampleOf('dlrm', { heads, denseCount: 0 });
    const pairs = vectors.flatMap((a, i) => vectors.slice(i + 1).map((b) => dot(a, b)));
    const top = relu(layer(pairs, of('hidden0.kernel'), of('hidden0.bias')));
    expectLogits(logits, wanted(layer(top, of('output.kernel'))));
  });

  test.each([[[4]], [[]]])('DCN-v2 crosses beside its layers, hidden %j', (hidden) => {
    const { of, vectors, dense, logits, wanted } = exampleOf('dcn-v2', { heads, hidden });
    const first = [...vectors.flat(), ...dense];
    let crossed = first;
    for (let l = 0; l < 2; l++) {
      const weighed = layer(crossed, of(`cross${l}.kernel`), of(`cross${l}.bias`));
      crossed = crossed.map((x, i) => first[i]! * weighed[i]! + x);
    }
    const deep =
      hidden.length > 0 ? relu(layer(first, of('hidden0.kernel'), of('hidden0.bias'))) : [];
    expectLogits(logits, wanted(layer([...crossed, ...deep], of('output.kernel'))));
  });
});

test('heads mix experts in shares of their own', () => {
  const { of, vectors, dense, logits, wanted } = exampleOf('wide-and-deep', { experts: 3 });
  const x = [...vectors.flat(), ...dense];
  const experts = [0, 1, 2].map((expert) => {
    const [kernel, bias] = ['kernel', 'bias'].map((name) => of(`expert${expert}.hidden0.${name}`));
    return {
      says: layer(relu(layer(x, kernel!, bias)), of('output.kernel')),
      power: layer(x, of(`expert${expert}.gate`)).map(Math.exp),
    };
  });
  const own = [0, 1].map((head) => {
    const total = experts.reduce((sum, { power }) => sum + power[head]!, 0);
    return experts.reduce((sum, { says, power }) => sum + (power[head]! / total) * says[head]!, 0);
  });
  expectLogits(logits, wanted(own));
});

test('wide-and-deep is what mlp was', () => {
  expect(exampleOf('wide-and-deep').logits).toEqual(exampleOf('mlp').logits);
});

test.each(['din', 'transformer'] as const)('%s without a history is deepfm', (network) => {
  const spec: ModelSpec = { network, ...base };
  expect(denseLayout(spec)).toEqual(denseLayout({ ...spec, network: 'deepfm' }));
  expect(exampleOf(network).logits).toEqual(exampleOf('deepfm').logits);
});

describe.each(networkNames)('%s', (network) => {
  test.each([
    [{}],
    [{ denseCount: 0 }],
    [{ experts: 3 }],
    [{ slotCount: 1, denseCount: 0 }],
    [{ denseCount: 6, vectors: [{ at: 1, width: 3 }] }],
  ])('says of each axis what it is of, %j', (change) => {
    const spec: ModelSpec = { network, ...base, ...change };
    for (const { name, shape, rows, columns } of denseLayout(spec).entries) {
      const seen = seenSpec(spec);
      if (rows) expect([name, shape[0]]).toEqual([name, partsWidth(rows, seen)]);
      const last = shape.at(-1);
      if (columns === 'heads') expect([name, last]).toEqual([name, spec.heads]);
      else if (columns) expect([name, last]).toEqual([name, partsWidth(columns, seen)]);
    }
  });
});
